// AES-CTR by the processor's own AES instructions (NIST SP 800-38A section 6.5). The counter is the
// whole block, 128 bits, big-endian, plus one for every block, as in assembly/crypto/ctr.ts: the
// same input gives the same bytes there and here. Constant in time, as the instructions are.
#pragma once
#include <cstdint>

namespace andvari {

// Round keys in the order of FIPS 197 section 5.2: 11 for a key of 16 bytes, 15 for one of 32.
struct KeySchedule {
  static constexpr uint32_t kKeysMax = 15;

  KeySchedule() = default;
  KeySchedule(const KeySchedule&) = delete;
  KeySchedule& operator=(const KeySchedule&) = delete;
  ~KeySchedule() { wipe(); }

  // Overwrites the keys in a way that the compiler cannot leave out.
  void wipe() {
    __builtin_memset(keys, 0, sizeof keys);
    __asm__ volatile("" : : "r"(keys) : "memory");
  }

  alignas(64) uint8_t keys[kKeysMax * 16];
  uint32_t rounds = 0;
};

// One way to do it. None of these functions checks an address: the caller has.
struct CtrImplementation {
  // As tests and logs name it.
  const char* name;
  bool (*isSupported)();
  // `keyBytes` is 16 or 32.
  void (*expand)(const uint8_t* key, uint32_t keyBytes, KeySchedule& schedule);
  // `length` bytes from `source` to `out`, which are the same address or do not overlap, of any
  // alignment; no byte outside them is touched. `counterBlock` is 16 bytes.
  void (*run)(const KeySchedule& schedule, const uint8_t* counterBlock, const uint8_t* source,
              uint8_t* out, uint32_t length);
};

#if defined(__x86_64__)
// VAES on registers of 64 bytes: four blocks an instruction, and no tail, thanks to byte masks.
extern const CtrImplementation kVaes512;
// VAES on registers of 32 bytes, for processors without AVX-512.
extern const CtrImplementation kVaes256;
// AES-NI: one block an instruction, eight under way at once.
extern const CtrImplementation kAesni;
#elif defined(__aarch64__)
// The AES instructions of ARMv8: one block an instruction, eight under way at once.
extern const CtrImplementation kArmv8;
#endif

// Half of a counter block as a number.
inline uint64_t readU64BE(const uint8_t* bytes) {
  uint64_t value;
  __builtin_memcpy(&value, bytes, 8);
  return __builtin_bswap64(value);
}

}  // namespace andvari

// AES-CTR with the AES instructions of ARMv8. AESE adds a round key before the S-box where AES-NI
// adds one after the columns are mixed, so the keys stand one round earlier here and the last one
// is added by itself.
#if defined(__aarch64__)
#include <arm_neon.h>
#include <asm/hwcap.h>
#include <sys/auxv.h>

#include "crypt.h"

#define ARMV8 __attribute__((target("+crypto")))
#define ARMV8_INLINE ARMV8 __attribute__((always_inline)) inline

namespace andvari {
namespace {

bool isSupported() { return getauxval(AT_HWCAP) & HWCAP_AES; }

// The S-box of all four bytes of a word. Four equal columns, so that ShiftRows changes nothing.
ARMV8_INLINE uint32_t subWord(uint32_t word) {
  const uint8x16_t columns = vreinterpretq_u8_u32(vdupq_n_u32(word));
  return vgetq_lane_u32(vreinterpretq_u32_u8(vaeseq_u8(columns, vdupq_n_u8(0))), 0);
}

// RotWord (FIPS 197 section 5.2) of a word in little-endian order.
ARMV8_INLINE uint32_t rotated(uint32_t word) { return word >> 8 | word << 24; }

ARMV8 void expand(const uint8_t* key, uint32_t keyBytes, KeySchedule& schedule) {
  auto* words = reinterpret_cast<uint32_t*>(schedule.keys);
  const uint32_t keyWords = keyBytes / 4;
  schedule.rounds = keyWords + 6;
  __builtin_memcpy(words, key, keyBytes);
  uint32_t constant = 1;
  for (uint32_t i = keyWords; i < 4 * (schedule.rounds + 1); i++) {
    uint32_t word = words[i - 1];
    if (i % keyWords == 0) {
      word = subWord(rotated(word)) ^ constant;
      // Doubling in GF(2^8).
      constant = constant == 0x80 ? 0x1b : constant << 1;
    } else if (keyWords == 8 && i % keyWords == 4) {
      word = subWord(word);
    }
    words[i] = words[i - keyWords] ^ word;
  }
}

// Counter blocks `high`, `low` plus 0 to kBlocks - 1; the carry runs through all 128 bits.
template <uint32_t kBlocks>
ARMV8_INLINE void countBlocks(uint64_t high, uint64_t low, uint8x16_t (&blocks)[kBlocks]) {
#pragma GCC unroll 8
  for (uint32_t i = 0; i < kBlocks; i++) {
    const uint64_t sum = low + i;
    const uint64x2_t number = {high + (sum < low), sum};
    blocks[i] = vrev64q_u8(vreinterpretq_u8_u64(number));
  }
}

template <uint32_t kBlocks>
ARMV8_INLINE void encrypt(const KeySchedule& schedule, uint8x16_t (&blocks)[kBlocks]) {
  for (uint32_t round = 0; round + 1 < schedule.rounds; round++) {
    const uint8x16_t key = vld1q_u8(schedule.keys + round * 16);
#pragma GCC unroll 8
    for (uint32_t i = 0; i < kBlocks; i++) blocks[i] = vaesmcq_u8(vaeseq_u8(blocks[i], key));
  }
  const uint8x16_t lastButOne = vld1q_u8(schedule.keys + (schedule.rounds - 1) * 16);
  const uint8x16_t last = vld1q_u8(schedule.keys + schedule.rounds * 16);
#pragma GCC unroll 8
  for (uint32_t i = 0; i < kBlocks; i++) {
    blocks[i] = veorq_u8(vaeseq_u8(blocks[i], lastButOne), last);
  }
}

ARMV8_INLINE void addBlock(const uint8_t* source, uint8_t* out, uint8x16_t stream) {
  vst1q_u8(out, veorq_u8(vld1q_u8(source), stream));
}

// The last block, 1 to 15 bytes of it.
ARMV8_INLINE void addPart(const uint8_t* source, uint8_t* out, uint8x16_t stream,
                          uint32_t length) {
  alignas(16) uint8_t text[16] = {};
  __builtin_memcpy(text, source, length);
  addBlock(text, text, stream);
  __builtin_memcpy(out, text, length);
  // Behind `length` it holds key stream.
  __builtin_memset(text, 0, sizeof text);
  __asm__ volatile("" : : "r"(text) : "memory");
}

// Up to kBlocks blocks, the last of which may be cut short.
template <uint32_t kBlocks>
ARMV8_INLINE void runBlocks(const KeySchedule& schedule, uint64_t high, uint64_t low,
                            const uint8_t* source, uint8_t* out, uint32_t length) {
  uint8x16_t blocks[kBlocks];
  countBlocks(high, low, blocks);
  encrypt(schedule, blocks);
#pragma GCC unroll 8
  for (uint32_t i = 0; i < kBlocks; i++) {
    const uint32_t at = i * 16;
    if (at + 16 <= length) {
      addBlock(source + at, out + at, blocks[i]);
    } else if (at < length) {
      addPart(source + at, out + at, blocks[i], length - at);
    }
  }
}

ARMV8 void run(const KeySchedule& schedule, const uint8_t* counterBlock, const uint8_t* source,
               uint8_t* out, uint32_t length) {
  uint64_t high = readU64BE(counterBlock);
  uint64_t low = readU64BE(counterBlock + 8);
  for (; length >= 128; length -= 128) {
    runBlocks<8>(schedule, high, low, source, out, 128);
    high += low + 8 < low;
    low += 8;
    source += 128;
    out += 128;
  }
  if (length > 64) {
    runBlocks<8>(schedule, high, low, source, out, length);
  } else if (length > 16) {
    runBlocks<4>(schedule, high, low, source, out, length);
  } else if (length > 0) {
    runBlocks<1>(schedule, high, low, source, out, length);
  }
}

}  // namespace

const CtrImplementation kArmv8 = {"armv8", isSupported, expand, run};

}  // namespace andvari
#endif

// AES-CTR with VAES: the AES instructions on registers of two or four blocks. The key schedule is
// that of AES-NI, which every processor with VAES has.
#if defined(__x86_64__)
#include <immintrin.h>

#include "crypt.h"

#define VAES512 __attribute__((target("vaes,avx512f,avx512bw,avx512vl")))
#define VAES512_INLINE VAES512 __attribute__((always_inline)) inline
#define VAES256 __attribute__((target("vaes,avx2")))
#define VAES256_INLINE VAES256 __attribute__((always_inline)) inline

namespace andvari {
namespace {

bool isSupported512() {
  return __builtin_cpu_supports("vaes") && __builtin_cpu_supports("avx512f") &&
         __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
         kAesni.isSupported();
}

bool isSupported256() {
  return __builtin_cpu_supports("vaes") && __builtin_cpu_supports("avx2") && kAesni.isSupported();
}

void expand(const uint8_t* key, uint32_t keyBytes, KeySchedule& schedule) {
  kAesni.expand(key, keyBytes, schedule);
}

// The plain _mm512_broadcast_i32x4 makes GCC 12 warn of a register that it leaves undefined.
VAES512_INLINE __m512i fourTimes(__m128i block) {
  return _mm512_maskz_broadcast_i32x4(0xffff, block);
}

// Four 128-bit numbers, low half first, each plus the low half of its addend.
VAES512_INLINE __m512i plus(__m512i numbers, __m512i addends) {
  const __m512i sums = _mm512_add_epi64(numbers, addends);
  // A low half that came out below what was added to it has wrapped: one more in its high half.
  const uint32_t wrapped = _mm512_cmplt_epu64_mask(sums, addends);
  const auto carries = static_cast<__mmask8>(wrapped << 1);
  return _mm512_mask_add_epi64(sums, carries, sums, _mm512_set1_epi64(1));
}

template <uint32_t kRegisters>
VAES512_INLINE void encrypt512(const KeySchedule& schedule, __m512i (&blocks)[kRegisters]) {
  const auto* keys = reinterpret_cast<const __m128i*>(schedule.keys);
  const __m512i reverse =
      fourTimes(_mm_set_epi64x(0x0001020304050607, 0x08090a0b0c0d0e0f));
  const __m512i first = fourTimes(keys[0]);
#pragma GCC unroll 4
  for (uint32_t i = 0; i < kRegisters; i++) {
    blocks[i] = _mm512_xor_si512(_mm512_shuffle_epi8(blocks[i], reverse), first);
  }
  for (uint32_t round = 1; round < schedule.rounds; round++) {
    const __m512i key = fourTimes(keys[round]);
#pragma GCC unroll 4
    for (uint32_t i = 0; i < kRegisters; i++) blocks[i] = _mm512_aesenc_epi128(blocks[i], key);
  }
  const __m512i last = fourTimes(keys[schedule.rounds]);
#pragma GCC unroll 4
  for (uint32_t i = 0; i < kRegisters; i++) blocks[i] = _mm512_aesenclast_epi128(blocks[i], last);
}

VAES512 void run512(const KeySchedule& schedule, const uint8_t* counterBlock,
                    const uint8_t* source, uint8_t* out, uint32_t length) {
  const __m512i four = _mm512_set_epi64(0, 4, 0, 4, 0, 4, 0, 4);
  const auto high = static_cast<int64_t>(readU64BE(counterBlock));
  const auto low = static_cast<int64_t>(readU64BE(counterBlock + 8));
  __m512i next = plus(fourTimes(_mm_set_epi64x(high, low)),
                      _mm512_set_epi64(0, 3, 0, 2, 0, 1, 0, 0));
  for (; length >= 256; length -= 256) {
    __m512i blocks[4];
#pragma GCC unroll 4
    for (uint32_t i = 0; i < 4; i++) {
      blocks[i] = next;
      next = plus(next, four);
    }
    encrypt512(schedule, blocks);
#pragma GCC unroll 4
    for (uint32_t i = 0; i < 4; i++) {
      const __m512i text = _mm512_loadu_si512(source + i * 64);
      _mm512_storeu_si512(out + i * 64, _mm512_xor_si512(text, blocks[i]));
    }
    source += 256;
    out += 256;
  }
  while (length > 0) {
    __m512i blocks[1] = {next};
    next = plus(next, four);
    encrypt512(schedule, blocks);
    const uint32_t part = length < 64 ? length : 64;
    const __mmask64 bytes = ~uint64_t{0} >> (64 - part);
    const __m512i text = _mm512_maskz_loadu_epi8(bytes, source);
    _mm512_mask_storeu_epi8(out, bytes, _mm512_xor_si512(text, blocks[0]));
    source += part;
    out += part;
    length -= part;
  }
}

// 16 counter blocks from `high`, `low` on, whose low halves do not wrap.
VAES256_INLINE void countBlocks256(uint64_t high, uint64_t low, __m256i (&blocks)[8]) {
  const __m256i reverse = _mm256_broadcastsi128_si256(
      _mm_set_epi64x(0x0001020304050607, 0x08090a0b0c0d0e0f));
  const __m256i first = _mm256_broadcastsi128_si256(
      _mm_set_epi64x(static_cast<int64_t>(high), static_cast<int64_t>(low)));
#pragma GCC unroll 8
  for (uint32_t i = 0; i < 8; i++) {
    const __m256i steps = _mm256_set_epi64x(0, 2 * i + 1, 0, 2 * i);
    blocks[i] = _mm256_shuffle_epi8(_mm256_add_epi64(first, steps), reverse);
  }
}

VAES256_INLINE void encrypt256(const KeySchedule& schedule, __m256i (&blocks)[8]) {
  const auto* keys = reinterpret_cast<const __m128i*>(schedule.keys);
  const __m256i first = _mm256_broadcastsi128_si256(keys[0]);
#pragma GCC unroll 8
  for (uint32_t i = 0; i < 8; i++) blocks[i] = _mm256_xor_si256(blocks[i], first);
  for (uint32_t round = 1; round < schedule.rounds; round++) {
    const __m256i key = _mm256_broadcastsi128_si256(keys[round]);
#pragma GCC unroll 8
    for (uint32_t i = 0; i < 8; i++) blocks[i] = _mm256_aesenc_epi128(blocks[i], key);
  }
  const __m256i last = _mm256_broadcastsi128_si256(keys[schedule.rounds]);
#pragma GCC unroll 8
  for (uint32_t i = 0; i < 8; i++) blocks[i] = _mm256_aesenclast_epi128(blocks[i], last);
}

// Runs of 16 blocks; returns the bytes done. Ends early before a low half that would wrap.
VAES256 uint32_t runWhole256(const KeySchedule& schedule, uint64_t high, uint64_t low,
                             const uint8_t* source, uint8_t* out, uint32_t length) {
  uint32_t at = 0;
  for (; length - at >= 256 && low <= UINT64_MAX - 16; at += 256, low += 16) {
    __m256i blocks[8];
    countBlocks256(high, low, blocks);
    encrypt256(schedule, blocks);
#pragma GCC unroll 8
    for (uint32_t i = 0; i < 8; i++) {
      const uint32_t place = at + i * 32;
      const __m256i text =
          _mm256_loadu_si256(reinterpret_cast<const __m256i*>(source + place));
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(out + place),
                          _mm256_xor_si256(text, blocks[i]));
    }
  }
  return at;
}

// What is left of a text, and texts whose counter wraps its low half, are the work of AES-NI.
void run256(const KeySchedule& schedule, const uint8_t* counterBlock, const uint8_t* source,
            uint8_t* out, uint32_t length) {
  const uint64_t high = readU64BE(counterBlock);
  const uint64_t low = readU64BE(counterBlock + 8);
  const uint32_t done = runWhole256(schedule, high, low, source, out, length);
  if (done == length) return;
  const uint64_t rest[2] = {__builtin_bswap64(high), __builtin_bswap64(low + done / 16)};
  kAesni.run(schedule, reinterpret_cast<const uint8_t*>(rest), source + done, out + done,
             length - done);
}

}  // namespace

const CtrImplementation kVaes512 = {"vaes512", isSupported512, expand, run512};
const CtrImplementation kVaes256 = {"vaes256", isSupported256, expand, run256};

}  // namespace andvari
#endif

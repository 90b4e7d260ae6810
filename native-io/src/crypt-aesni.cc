// AES-CTR with AES-NI, and the key schedule of all x86-64 implementations. An AES instruction takes
// several cycles but a processor starts one or two in each, so eight blocks go side by side.
#if defined(__x86_64__)
#include <immintrin.h>

#include "crypt.h"

#define AESNI __attribute__((target("aes,sse4.1")))
#define AESNI_INLINE AESNI __attribute__((always_inline)) inline

namespace andvari {
namespace {

bool isSupported() { return __builtin_cpu_supports("aes") && __builtin_cpu_supports("sse4.1"); }

// Each word becomes the sum of itself and the words before it.
AESNI_INLINE __m128i prefixSums(__m128i words) {
  words = _mm_xor_si128(words, _mm_slli_si128(words, 4));
  return _mm_xor_si128(words, _mm_slli_si128(words, 8));
}

// SubWord(RotWord(w3)) + Rcon in all four words. With four equal columns ShiftRows changes nothing,
// so the last round of AES is the S-box plus a round key: a schedule in 37 ns in place of the 48 of
// AESKEYGENASSIST (Intel Xeon with VAES).
AESNI_INLINE __m128i subRotatedWord(__m128i words, __m128i constant) {
  const __m128i rotatedLast = _mm_set1_epi32(0x0c0f0e0d);
  return _mm_aesenclast_si128(_mm_shuffle_epi8(words, rotatedLast), constant);
}

// SubWord(w3) in all four words.
AESNI_INLINE __m128i subWord(__m128i words) {
  return _mm_aesenclast_si128(_mm_shuffle_epi32(words, 0xff), _mm_setzero_si128());
}

AESNI void expand128(const uint8_t* key, __m128i* keys) {
  __m128i words = _mm_loadu_si128(reinterpret_cast<const __m128i*>(key));
  _mm_store_si128(keys, words);
  __m128i constant = _mm_set1_epi32(1);
  for (uint32_t i = 1; i <= 10; i++) {
    words = _mm_xor_si128(prefixSums(words), subRotatedWord(words, constant));
    _mm_store_si128(keys + i, words);
    // Doubling in GF(2^8): 0x80 is followed by 0x1b.
    constant = i == 8 ? _mm_set1_epi32(0x1b) : _mm_slli_epi32(constant, 1);
  }
}

AESNI void expand256(const uint8_t* key, __m128i* keys) {
  __m128i even = _mm_loadu_si128(reinterpret_cast<const __m128i*>(key));
  __m128i odd = _mm_loadu_si128(reinterpret_cast<const __m128i*>(key + 16));
  _mm_store_si128(keys, even);
  _mm_store_si128(keys + 1, odd);
  __m128i constant = _mm_set1_epi32(1);
  for (uint32_t i = 2;; i += 2) {
    even = _mm_xor_si128(prefixSums(even), subRotatedWord(odd, constant));
    _mm_store_si128(keys + i, even);
    if (i == 14) return;
    odd = _mm_xor_si128(prefixSums(odd), subWord(even));
    _mm_store_si128(keys + i + 1, odd);
    constant = _mm_slli_epi32(constant, 1);
  }
}

AESNI void expand(const uint8_t* key, uint32_t keyBytes, KeySchedule& schedule) {
  auto* keys = reinterpret_cast<__m128i*>(schedule.keys);
  schedule.rounds = keyBytes == 16 ? 10 : 14;
  if (keyBytes == 16) {
    expand128(key, keys);
  } else {
    expand256(key, keys);
  }
}

// Counter blocks `high`, `low` plus 0 to kBlocks - 1; the carry runs through all 128 bits.
template <uint32_t kBlocks>
AESNI_INLINE void countBlocks(uint64_t high, uint64_t low, __m128i (&blocks)[kBlocks]) {
  const __m128i reverse = _mm_set_epi64x(0x0001020304050607, 0x08090a0b0c0d0e0f);
  const __m128i first = _mm_set_epi64x(static_cast<int64_t>(high), static_cast<int64_t>(low));
  const bool carries = low + (kBlocks - 1) < low;
#pragma GCC unroll 8
  for (uint32_t i = 0; i < kBlocks; i++) {
    blocks[i] = _mm_shuffle_epi8(_mm_add_epi64(first, _mm_set_epi64x(0, i)), reverse);
  }
  if (__builtin_expect(!carries, 1)) return;
  for (uint32_t i = 0; i < kBlocks; i++) {
    const uint64_t sum = low + i;
    const __m128i number = _mm_set_epi64x(static_cast<int64_t>(high + (sum < low)),
                                          static_cast<int64_t>(sum));
    blocks[i] = _mm_shuffle_epi8(number, reverse);
  }
}

template <uint32_t kBlocks>
AESNI_INLINE void encrypt(const KeySchedule& schedule, __m128i (&blocks)[kBlocks]) {
  const auto* keys = reinterpret_cast<const __m128i*>(schedule.keys);
#pragma GCC unroll 8
  for (uint32_t i = 0; i < kBlocks; i++) blocks[i] = _mm_xor_si128(blocks[i], keys[0]);
  for (uint32_t round = 1; round < schedule.rounds; round++) {
    const __m128i key = keys[round];
#pragma GCC unroll 8
    for (uint32_t i = 0; i < kBlocks; i++) blocks[i] = _mm_aesenc_si128(blocks[i], key);
  }
  const __m128i key = keys[schedule.rounds];
#pragma GCC unroll 8
  for (uint32_t i = 0; i < kBlocks; i++) blocks[i] = _mm_aesenclast_si128(blocks[i], key);
}

AESNI_INLINE void addBlock(const uint8_t* source, uint8_t* out, __m128i stream) {
  const __m128i text = _mm_loadu_si128(reinterpret_cast<const __m128i*>(source));
  _mm_storeu_si128(reinterpret_cast<__m128i*>(out), _mm_xor_si128(text, stream));
}

// The last block, 1 to 15 bytes of it.
AESNI_INLINE void addPart(const uint8_t* source, uint8_t* out, __m128i stream, uint32_t length) {
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
AESNI_INLINE void runEnd(const KeySchedule& schedule, uint64_t high, uint64_t low,
                         const uint8_t* source, uint8_t* out, uint32_t length) {
  __m128i blocks[kBlocks];
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

AESNI void run(const KeySchedule& schedule, const uint8_t* counterBlock, const uint8_t* source,
               uint8_t* out, uint32_t length) {
  uint64_t high = readU64BE(counterBlock);
  uint64_t low = readU64BE(counterBlock + 8);
  for (; length >= 128; length -= 128) {
    __m128i blocks[8];
    countBlocks(high, low, blocks);
    encrypt(schedule, blocks);
#pragma GCC unroll 8
    for (uint32_t i = 0; i < 8; i++) addBlock(source + i * 16, out + i * 16, blocks[i]);
    high += low + 8 < low;
    low += 8;
    source += 128;
    out += 128;
  }
  if (length > 64) {
    runEnd<8>(schedule, high, low, source, out, length);
  } else if (length > 16) {
    runEnd<4>(schedule, high, low, source, out, length);
  } else if (length > 0) {
    runEnd<1>(schedule, high, low, source, out, length);
  }
}

}  // namespace

const CtrImplementation kAesni = {"aesni", isSupported, expand, run};

}  // namespace andvari
#endif

// SipHash-2-4 (Aumasson, Bernstein 2012), 64 bits; the twin of assembly/crypto/siphash.ts.
#pragma once
#include <cstdint>
#include <cstring>

namespace andvari {

inline uint64_t siphash24(const uint8_t* key, const uint8_t* text, uint32_t length) {
  const auto word = [](const uint8_t* from) {
    uint64_t value;
    std::memcpy(&value, from, 8);
    return value;
  };
  const auto rotate = [](uint64_t value, int by) { return (value << by) | (value >> (64 - by)); };
  const uint64_t k0 = word(key), k1 = word(key + 8);
  uint64_t v0 = k0 ^ 0x736f6d6570736575, v1 = k1 ^ 0x646f72616e646f6d;
  uint64_t v2 = k0 ^ 0x6c7967656e657261, v3 = k1 ^ 0x7465646279746573;
  const auto round = [&] {
    v0 += v1, v1 = rotate(v1, 13) ^ v0, v0 = rotate(v0, 32);
    v2 += v3, v3 = rotate(v3, 16) ^ v2;
    v0 += v3, v3 = rotate(v3, 21) ^ v0;
    v2 += v1, v1 = rotate(v1, 17) ^ v2, v2 = rotate(v2, 32);
  };
  const auto absorb = [&](uint64_t block) {
    v3 ^= block;
    round(), round();
    v0 ^= block;
  };
  uint32_t at = 0;
  for (; at + 8 <= length; at += 8) absorb(word(text + at));
  uint64_t last = uint64_t{length} << 56;
  for (uint32_t i = 0; at + i < length; i++) last |= uint64_t{text[at + i]} << (8 * i);
  absorb(last);
  v2 ^= 0xff;
  round(), round(), round(), round();
  return v0 ^ v1 ^ v2 ^ v3;
}

}  // namespace andvari

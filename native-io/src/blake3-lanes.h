// The chaining values of as many chunks of BLAKE3 (1024 bytes each) as a register has words, one
// in each of its lanes. Included once for each width, with BLAKE3_LANES, BLAKE3_TARGET, and
// BLAKE3_STEPS: the transposition of a square of words, by exchanging squares within it.
BLAKE3_TARGET void compressLanes(Words (&value)[8], Words (&message)[16], Words low, Words high,
                                 uint32_t flags) {
  const Words zero = {};
  Words v[16] = {value[0], value[1], value[2],        value[3],
                 value[4], value[5], value[6],        value[7],
                 zero + kInitial[0], zero + kInitial[1], zero + kInitial[2], zero + kInitial[3],
                 low,      high,     zero + kBlockBytes, zero + flags};
#define BLAKE3_ROTATE(x, bits) ((x) >> (bits) | (x) << (32 - (bits)))
#define BLAKE3_MIX(a, b, c, d, x, y)           \
  v[a] += v[b] + message[x];                   \
  v[d] = BLAKE3_ROTATE(v[d] ^ v[a], 16);       \
  v[c] += v[d];                                \
  v[b] = BLAKE3_ROTATE(v[b] ^ v[c], 12);       \
  v[a] += v[b] + message[y];                   \
  v[d] = BLAKE3_ROTATE(v[d] ^ v[a], 8);        \
  v[c] += v[d];                                \
  v[b] = BLAKE3_ROTATE(v[b] ^ v[c], 7);
#pragma GCC unroll 7
  for (uint32_t round = 0; round < 7; round++) {
    const uint8_t* const at = kSchedule[round];
    BLAKE3_MIX(0, 4, 8, 12, at[0], at[1])
    BLAKE3_MIX(1, 5, 9, 13, at[2], at[3])
    BLAKE3_MIX(2, 6, 10, 14, at[4], at[5])
    BLAKE3_MIX(3, 7, 11, 15, at[6], at[7])
    BLAKE3_MIX(0, 5, 10, 15, at[8], at[9])
    BLAKE3_MIX(1, 6, 11, 12, at[10], at[11])
    BLAKE3_MIX(2, 7, 8, 13, at[12], at[13])
    BLAKE3_MIX(3, 4, 9, 14, at[14], at[15])
  }
#undef BLAKE3_MIX
#undef BLAKE3_ROTATE
#pragma GCC unroll 8
  for (uint32_t i = 0; i < 8; i++) value[i] = v[i] ^ v[i + 8];
}

// Rows become columns. One step for squares of each size.
BLAKE3_TARGET void transpose(Words* rows) {
#define BLAKE3_STEP(size, first, second)                             \
  _Pragma("GCC unroll 16") for (uint32_t i = 0; i < BLAKE3_LANES; i++) { \
    if (i & (size)) continue;                                        \
    const Words upper = rows[i], lower = rows[i + (size)];           \
    rows[i] = __builtin_shuffle(upper, lower, first);          \
    rows[i + (size)] = __builtin_shuffle(upper, lower, second); \
  }
  BLAKE3_STEPS
#undef BLAKE3_STEP
}

BLAKE3_TARGET void chunkValues(const Tree& tree, const uint8_t* source, uint64_t first,
                               uint8_t* out) {
  Words value[8], low, high;
#pragma GCC unroll 8
  for (uint32_t i = 0; i < 8; i++) value[i] = Words{} + tree.key[i];
#pragma GCC unroll 16
  for (uint32_t lane = 0; lane < BLAKE3_LANES; lane++) {
    low[lane] = static_cast<uint32_t>(first + lane);
    high[lane] = static_cast<uint32_t>((first + lane) >> 32);
  }
  for (uint32_t block = 0; block < kBlocks; block++) {
    Words message[16];
    constexpr uint32_t kWords = BLAKE3_LANES;
#pragma GCC unroll 2
    for (uint32_t part = 0; part < 16; part += kWords) {
#pragma GCC unroll 16
      for (uint32_t lane = 0; lane < BLAKE3_LANES; lane++) {
        __builtin_memcpy(&message[part + lane],
                         source + lane * kChunkBytes + block * kBlockBytes + part * 4,
                         sizeof(Words));
      }
      transpose(message + part);
    }
    compressLanes(value, message, low, high, tree.flags | flagsOf(block));
  }
  // Eight rows of a value's words, and as many that nobody reads where there are sixteen lanes.
  Words rows[BLAKE3_LANES] = {};
#pragma GCC unroll 8
  for (uint32_t i = 0; i < 8; i++) rows[i] = value[i];
  transpose(rows);
#pragma GCC unroll 16
  for (uint32_t lane = 0; lane < BLAKE3_LANES; lane++) {
    __builtin_memcpy(out + lane * kValueBytes, &rows[lane], kValueBytes);
  }
}

// Chaining values of sixteen chunks of BLAKE3 at once (its specification, sections 2.1 to 2.4), by
// registers of 32 or 64 bytes: WebAssembly has those of 16. The engine does all the rest of a hash,
// and these too where the processor has no such registers. Constant in time.
#include <napi.h>

#include <memory>
#include <string>

#include "memory-function.h"
#include "memory-view.h"
#include "modules.h"

namespace andvari {
namespace {

constexpr uint32_t kChunkBytes = 1024;
constexpr uint32_t kBlockBytes = 64;
constexpr uint32_t kBlocks = kChunkBytes / kBlockBytes;
constexpr uint32_t kValueBytes = 32;
constexpr uint32_t kKeyBytes = 32;
constexpr uint32_t kChunks = 16;

struct Tree {
  uint32_t key[8];
  uint32_t flags;
};

#if defined(__x86_64__)

constexpr uint32_t kInitial[4] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a};
constexpr uint32_t kChunkStart = 1;
constexpr uint32_t kChunkEnd = 2;
// Which words of a block each round takes.
constexpr uint8_t kSchedule[7][16] = {
    {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15},
    {2, 6, 3, 10, 7, 0, 4, 13, 1, 11, 12, 5, 9, 14, 15, 8},
    {3, 4, 10, 12, 13, 2, 7, 14, 6, 5, 9, 0, 11, 15, 8, 1},
    {10, 7, 12, 9, 14, 3, 13, 15, 4, 0, 11, 2, 5, 8, 1, 6},
    {12, 13, 9, 11, 15, 10, 14, 8, 7, 2, 5, 3, 0, 1, 6, 4},
    {9, 14, 11, 5, 8, 12, 15, 1, 13, 3, 0, 10, 2, 6, 4, 7},
    {11, 15, 5, 0, 1, 9, 8, 6, 14, 10, 2, 12, 3, 4, 7, 13},
};

inline uint32_t flagsOf(uint32_t block) {
  return block == 0 ? kChunkStart : block == kBlocks - 1 ? kChunkEnd : 0;
}

namespace wide {
typedef uint32_t Words __attribute__((vector_size(64)));
#define BLAKE3_LANES 16
#define BLAKE3_TARGET \
  __attribute__((target("avx512f"), always_inline)) static inline
#define BLAKE3_STEPS                                                                    \
  BLAKE3_STEP(1, (Words{0, 16, 2, 18, 4, 20, 6, 22, 8, 24, 10, 26, 12, 28, 14, 30}),         \
              (Words{1, 17, 3, 19, 5, 21, 7, 23, 9, 25, 11, 27, 13, 29, 15, 31}))            \
  BLAKE3_STEP(2, (Words{0, 1, 16, 17, 4, 5, 20, 21, 8, 9, 24, 25, 12, 13, 28, 29}),          \
              (Words{2, 3, 18, 19, 6, 7, 22, 23, 10, 11, 26, 27, 14, 15, 30, 31}))           \
  BLAKE3_STEP(4, (Words{0, 1, 2, 3, 16, 17, 18, 19, 8, 9, 10, 11, 24, 25, 26, 27}),          \
              (Words{4, 5, 6, 7, 20, 21, 22, 23, 12, 13, 14, 15, 28, 29, 30, 31}))           \
  BLAKE3_STEP(8, (Words{0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23}),            \
              (Words{8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31}))
#include "blake3-lanes.h"
#undef BLAKE3_LANES
#undef BLAKE3_TARGET
#undef BLAKE3_STEPS
}  // namespace wide

namespace narrow {
typedef uint32_t Words __attribute__((vector_size(32)));
#define BLAKE3_LANES 8
#define BLAKE3_TARGET __attribute__((target("avx2"), always_inline)) static inline
#define BLAKE3_STEPS                                                             \
  BLAKE3_STEP(1, (Words{0, 8, 2, 10, 4, 12, 6, 14}), (Words{1, 9, 3, 11, 5, 13, 7, 15}))   \
  BLAKE3_STEP(2, (Words{0, 1, 8, 9, 4, 5, 12, 13}), (Words{2, 3, 10, 11, 6, 7, 14, 15}))   \
  BLAKE3_STEP(4, (Words{0, 1, 2, 3, 8, 9, 10, 11}), (Words{4, 5, 6, 7, 12, 13, 14, 15}))
#include "blake3-lanes.h"
#undef BLAKE3_LANES
#undef BLAKE3_TARGET
#undef BLAKE3_STEPS
}  // namespace narrow

__attribute__((target("avx512f"))) void valuesWide(const Tree& tree, const uint8_t* source,
                                                   uint64_t first, uint8_t* out) {
  wide::chunkValues(tree, source, first, out);
}

__attribute__((target("avx2"))) void valuesNarrow(const Tree& tree, const uint8_t* source,
                                                  uint64_t first, uint8_t* out) {
  for (uint32_t done = 0; done < kChunks; done += 8) {
    narrow::chunkValues(tree, source + done * kChunkBytes, first + done, out + done * kValueBytes);
  }
}

bool supportsWide() { return __builtin_cpu_supports("avx512f"); }
bool supportsNarrow() { return __builtin_cpu_supports("avx2"); }

#endif

struct Implementation {
  // As tests and logs name it.
  const char* name;
  bool (*isSupported)();
  // Sixteen chunks at `source`, the first of which has this number.
  void (*values)(const Tree&, const uint8_t* source, uint64_t first, uint8_t* out);
};

// Best first.
constexpr Implementation kImplementations[] = {
#if defined(__x86_64__)
    {"avx512", supportsWide, valuesWide},
    {"avx2", supportsNarrow, valuesNarrow},
#endif
    {nullptr, nullptr, nullptr},
};

struct Context {
  MemoryView memory;
  const Implementation& hash;
};

// (key, flags, source, firstLow, firstHigh, out): undefined when it is done, 1: refused, and
// nothing was written. The key is 32 bytes, `source` sixteen chunks, `out` as many values of 32.
napi_value chunks(napi_env env, napi_callback_info info) {
  uint32_t words[6];
  auto* const context = readArguments<Context>(env, info, words);
  if (!context) return refusal(env, 1);
  const auto [key, flags, source, firstLow, firstHigh, out] = words;
  const MemoryView& memory = context->memory;
  if (!memory.holds(key, kKeyBytes) || !memory.holds(source, kChunks * kChunkBytes) ||
      !memory.holds(out, kChunks * kValueBytes)) {
    return refusal(env, 1);
  }
  Tree tree;
  __builtin_memcpy(tree.key, memory.data() + key, kKeyBytes);
  tree.flags = flags;
  const uint64_t first = uint64_t{firstHigh} << 32 | firstLow;
  context->hash.values(tree, memory.data() + source, first, memory.data() + out);
  return nullptr;
}

Napi::Value over(const Napi::CallbackInfo& info) {
  const std::string wanted = info[1].IsString() ? info[1].As<Napi::String>().Utf8Value() : "";
  for (const Implementation& hash : kImplementations) {
    if (!hash.name || !hash.isSupported() || (!wanted.empty() && wanted != hash.name)) continue;
    return functionWith(info.Env(), chunks,
                        std::unique_ptr<Context>(new Context{MemoryView(info[0]), hash}));
  }
  throw Napi::RangeError::New(info.Env(), "this processor has no such implementation");
}

}  // namespace

// blake3Chunks(memory, name?) returns the function, blake3Implementations lists the names of what
// this processor can do, best first.
void initBlake3(Napi::Env env, Napi::Object exports) {
#if defined(__x86_64__)
  __builtin_cpu_init();
#endif
  auto names = Napi::Array::New(env);
  for (const Implementation& hash : kImplementations) {
    if (hash.name && hash.isSupported()) names.Set(names.Length(), hash.name);
  }
  exports.Set("blake3Implementations", names);
  exports.Set("blake3Chunks", Napi::Function::New(env, over, "blake3Chunks"));
}

}  // namespace andvari

// What JavaScript and the engine see of the AES instructions: functions over one
// WebAssembly.Memory. They take offsets, check that every range lies inside the memory, and keep
// nothing: a key schedule lives on the stack of its call and is wiped there.
#include "crypt.h"

#include <napi.h>

#include <memory>
#include <string>

#include "memory-function.h"
#include "memory-view.h"
#include "modules.h"

namespace andvari {
namespace {

// Best first.
constexpr const CtrImplementation* kImplementations[] = {
#if defined(__x86_64__)
    &kVaes512, &kVaes256, &kAesni,
#elif defined(__aarch64__)
    &kArmv8,
#endif
    nullptr,
};

struct Context {
  MemoryView memory;
  const CtrImplementation& cipher;
};

// One text, as offsets into the memory.
struct Text {
  uint32_t key;
  uint32_t keyBytes;
  uint32_t counterBlock;
  uint32_t source;
  uint32_t out;
  uint32_t length;
};

// Entry of cryptCtrBatch(): the words of a Text and two that are not read, little-endian.
constexpr uint32_t kDescriptorBytes = 32;

bool isInside(const MemoryView& memory, const Text& text) {
  return (text.keyBytes == 16 || text.keyBytes == 32) && memory.holds(text.key, text.keyBytes) &&
         memory.holds(text.counterBlock, 16) && memory.holds(text.source, text.length) &&
         memory.holds(text.out, text.length);
}

void run(const Context& context, const KeySchedule& schedule, const Text& text) {
  uint8_t* const bytes = context.memory.data();
  context.cipher.run(schedule, bytes + text.counterBlock, bytes + text.source, bytes + text.out,
                     text.length);
}

// (key, keyLength, counterBlock, source, out, length): undefined when it is done, 1 when it is
// refused and nothing was written.
napi_value ctr(napi_env env, napi_callback_info info) {
  uint32_t words[6];
  const Context* context = readArguments<Context>(env, info, words);
  if (!context) return refusal(env, 1);
  const Text text = {words[0], words[1], words[2], words[3], words[4], words[5]};
  if (!isInside(context->memory, text)) return refusal(env, 1);
  KeySchedule schedule;
  context->cipher.expand(context->memory.data() + text.key, text.keyBytes, schedule);
  run(*context, schedule, text);
  return nullptr;
}

// Each word once: another thread may write to a shared memory between two looks.
Text textAt(const uint8_t* descriptor) {
  const auto* words = reinterpret_cast<const uint32_t*>(descriptor);
  uint32_t read[6];
  for (uint32_t i = 0; i < 6; i++) read[i] = __atomic_load_n(words + i, __ATOMIC_RELAXED);
  return {read[0], read[1], read[2], read[3], read[4], read[5]};
}

// Whether `schedule` is that of the key, in constant time: its first round keys are the key itself.
bool isScheduleOf(const KeySchedule& schedule, const uint8_t* key, uint32_t keyBytes) {
  if (schedule.rounds != keyBytes / 4 + 6) return false;
  uint8_t difference = 0;
  for (uint32_t i = 0; i < keyBytes; i++) difference |= key[i] ^ schedule.keys[i];
  return difference == 0;
}

// (descriptors, count): undefined when all texts are done, in their order; else 1 + the number of
// the first that is refused. They are all checked first: then nothing was written, unless another
// thread changed a descriptor meanwhile or a text was written over them.
napi_value ctrBatch(napi_env env, napi_callback_info info) {
  uint32_t words[2];
  const Context* context = readArguments<Context>(env, info, words);
  if (!context) return refusal(env, 1);
  const MemoryView& memory = context->memory;
  const uint64_t at = words[0];
  const uint32_t count = words[1];
  if (at % 4 != 0 || at + uint64_t{count} * kDescriptorBytes > memory.size()) {
    return refusal(env, 1);
  }
  const uint8_t* const descriptors = memory.data() + at;
  for (uint32_t i = 0; i < count; i++) {
    const Text text = textAt(descriptors + uint64_t{i} * kDescriptorBytes);
    if (!isInside(memory, text)) return refusal(env, i + 1);
  }
  KeySchedule schedule;
  for (uint32_t i = 0; i < count; i++) {
    const Text text = textAt(descriptors + uint64_t{i} * kDescriptorBytes);
    if (!isInside(memory, text)) return refusal(env, i + 1);
    const uint8_t* const key = memory.data() + text.key;
    if (!isScheduleOf(schedule, key, text.keyBytes)) {
      context->cipher.expand(key, text.keyBytes, schedule);
    }
    run(*context, schedule, text);
  }
  return nullptr;
}

// The implementation of that name, or the best when `name` is undefined; throws when this processor
// has it not.
const CtrImplementation& implementationOf(Napi::Env env, const Napi::Value& name) {
  const std::string wanted = name.IsString() ? name.As<Napi::String>().Utf8Value() : "";
  for (const CtrImplementation* const cipher : kImplementations) {
    if (cipher && (wanted.empty() || wanted == cipher->name) && cipher->isSupported()) {
      return *cipher;
    }
  }
  throw Napi::RangeError::New(env, wanted.empty()
                                       ? "this processor has no AES instructions"
                                       : "this processor has no implementation " + wanted);
}

// A function over the memory in the first argument, which it keeps alive.
template <napi_callback kCallback>
Napi::Value over(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const CtrImplementation& cipher = implementationOf(env, info[1]);
  return functionWith(env, kCallback,
                      std::unique_ptr<Context>(new Context{MemoryView(info[0]), cipher}));
}

}  // namespace

// cryptCtr(memory, name?) and cryptCtrBatch(memory, name?) return functions, cryptImplementations
// lists the names of what this processor can do, best first.
void initCrypt(Napi::Env env, Napi::Object exports) {
#if defined(__x86_64__)
  __builtin_cpu_init();
#endif
  auto names = Napi::Array::New(env);
  for (const CtrImplementation* const cipher : kImplementations) {
    if (cipher && cipher->isSupported()) names.Set(names.Length(), cipher->name);
  }
  exports.Set("cryptImplementations", names);
  exports.Set("cryptCtr", Napi::Function::New(env, over<ctr>, "cryptCtr"));
  exports.Set("cryptCtrBatch", Napi::Function::New(env, over<ctrBatch>, "cryptCtrBatch"));
}

}  // namespace andvari

// Functions over one WebAssembly.Memory that the engine imports and calls itself, for work that
// takes less time than a crossing with values would: plain Node-API, numbers in, and `undefined`
// for success, which WebAssembly reads as 0, since that needs no value to be made.
#pragma once
#include <napi.h>

#include <cstddef>
#include <cstdint>
#include <memory>

namespace andvari {

// The arguments as u32 and what the function was made with; null when one is missing or no number.
// A u32 above 2^31 comes from WebAssembly as a negative number.
template <typename Context, size_t kCount>
Context* readArguments(napi_env env, napi_callback_info info, uint32_t (&words)[kCount]) {
  napi_value values[kCount];
  size_t count = kCount;
  void* data = nullptr;
  if (napi_get_cb_info(env, info, &count, values, nullptr, &data) != napi_ok) return nullptr;
  for (size_t i = 0; i < kCount; i++) {
    int32_t word = 0;
    if (napi_get_value_int32(env, values[i], &word) != napi_ok) return nullptr;
    words[i] = static_cast<uint32_t>(word);
  }
  return static_cast<Context*>(data);
}

// What is returned when it was not done.
inline napi_value refusal(napi_env env, uint32_t number) {
  napi_value result = nullptr;
  napi_create_uint32(env, number, &result);
  return result;
}

// A function that keeps its context, and lets go of it when it is collected.
template <typename Context>
Napi::Value functionWith(Napi::Env env, napi_callback callback, std::unique_ptr<Context> context) {
  napi_value function = nullptr;
  napi_status status =
      napi_create_function(env, nullptr, 0, callback, context.get(), &function);
  if (status == napi_ok) {
    status = napi_add_finalizer(
        env, function, context.get(),
        [](napi_env, void* data, void*) { delete static_cast<Context*>(data); }, nullptr, nullptr);
  }
  if (status != napi_ok) throw Napi::Error::New(env, "no function over the memory can be made");
  context.release();
  return Napi::Value(env, function);
}

}  // namespace andvari

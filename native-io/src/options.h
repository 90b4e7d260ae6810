// Options that JavaScript gives, one by one.
#pragma once
#include <napi.h>

#include <string>

namespace andvari {

// Throws Napi::TypeError when it is no number.
inline uint32_t wordOf(const Napi::Object& options, const char* name) {
  const Napi::Value value = options.Get(name);
  if (!value.IsNumber()) {
    throw Napi::TypeError::New(options.Env(), std::string(name) + ": wanted a number");
  }
  return value.As<Napi::Number>().Uint32Value();
}

}  // namespace andvari

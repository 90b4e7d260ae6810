#include "memory-view.h"

namespace andvari {

MemoryView::MemoryView(const Napi::Value& memory) {
  const Napi::Env env = memory.Env();
  const auto constructor = env.Global()
                               .Get("WebAssembly")
                               .As<Napi::Object>()
                               .Get("Memory")
                               .As<Napi::Function>();
  if (!memory.IsObject() || !memory.As<Napi::Object>().InstanceOf(constructor)) {
    throw Napi::TypeError::New(env, "memory: wanted a WebAssembly.Memory");
  }
  // Node-API 8 gives no pointer of a SharedArrayBuffer, but it does of a view over one.
  const Napi::Value buffer = memory.As<Napi::Object>().Get("buffer");
  auto bytes =
      env.Global().Get("Uint8Array").As<Napi::Function>().New({buffer}).As<Napi::Uint8Array>();
  data_ = bytes.Data();
  size_ = bytes.ByteLength();
  memory_ = Napi::Persistent(memory.As<Napi::Object>());
}

}  // namespace andvari

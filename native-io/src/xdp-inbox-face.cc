#include "xdp-inbox-face.h"

#include <arpa/inet.h>

#include <algorithm>
#include <string>

#include "io-error.h"
#include "options.h"
#include "packet-socket.h"

namespace andvari {

XdpInboxOptions xdpOptionsOf(const Napi::Object& options, const MemoryView& memory) {
  const Napi::Env env = options.Env();
  XdpInboxOptions wanted;
  const Napi::Value interface = options.Get("interface");
  if (!interface.IsString()) throw Napi::TypeError::New(env, "interface: wanted a string");
  wanted.interface = interface.As<Napi::String>().Utf8Value();
  if (options.Get("queues").IsNumber()) wanted.queues = wordOf(options, "queues");
  const Napi::Value mode = options.Get("mode");
  const std::string name = mode.IsString() ? mode.As<Napi::String>().Utf8Value() : "auto";
  wanted.tryNative = name != nameOf(XdpMode::kGeneric);
  wanted.tryGeneric = name != nameOf(XdpMode::kNative);
  wanted.frames = wordOf(options, "frames");
  wanted.frameCount = wordOf(options, "frameCount");
  const uint32_t least = XdpInbox::kFramesMin * std::max(wanted.queues, 1u);
  const uint64_t bytes = uint64_t{wanted.frameCount} * Xsk::kChunkBytes;
  if (wanted.frameCount < least || wanted.frames % Xsk::kChunkBytes != 0 || bytes > UINT32_MAX ||
      !memory.holds(wanted.frames, static_cast<uint32_t>(bytes))) {
    throw Napi::RangeError::New(env, "frames: not inside the memory, not on pages, or too few");
  }
  if (wanted.queues > XdpInbox::kQueuesMax) {
    throw Napi::RangeError::New(env, "queues: wanted at most " +
                                         std::to_string(XdpInbox::kQueuesMax));
  }
  return wanted;
}

Napi::Object describeXdp(Napi::Env env, const XdpInbox& inbox) {
  Napi::Object result = Napi::Object::New(env);
  result.Set("mode", nameOf(inbox.mode()));
  result.Set("queues", inbox.queues());
  result.Set("zeroCopy", inbox.zeroCopy());
  result.Set("hugePageBytes", static_cast<double>(inbox.hugePageBytes()));
  return result;
}

Napi::Object toJavaScript(Napi::Env env, const XdpInbox::Statistics& statistics) {
  Napi::Object result = Napi::Object::New(env);
  const auto set = [&](const char* name, uint64_t value) {
    result.Set(name, Napi::Number::New(env, static_cast<double>(value)));
  };
  set("packets", statistics.packets);
  set("malformed", statistics.malformed);
  set("ringFull", statistics.ringFull);
  set("framesMissing", statistics.framesMissing);
  set("kernelDropped", statistics.kernelDropped);
  return result;
}

Napi::Value changePrefix(const Napi::CallbackInfo& info, XdpInbox* inbox,
                         int (XdpInbox::*change)(const uint8_t*)) {
  const Napi::Env env = info.Env();
  if (!inbox) return Napi::Boolean::New(env, true);
  const uint32_t prefix = htonl(info[0].As<Napi::Number>().Uint32Value());
  const int error = (inbox->*change)(reinterpret_cast<const uint8_t*>(&prefix));
  if (error == 0 || error == E2BIG) return Napi::Boolean::New(env, error == 0);
  throw toJavaScript(env, IoError("ANDVARI_IO_SYSTEM", "bpf() of the CID prefixes", error));
}

}  // namespace andvari

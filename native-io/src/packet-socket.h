// The object that JavaScript holds: a port, a backend, and the loop's interest in its descriptor.
#pragma once
#include <napi.h>
#include <uv.h>

#include <functional>
#include <memory>
#include <string>

#include "engine-port.h"

namespace andvari {

// What a backend's open function gives: the backend, and where it listens.
struct OpenedBackend {
  std::unique_ptr<PacketBackend> backend;
  std::string host;
  uint16_t port = 0;
};

// Methods in JavaScript (lib/packet-socket.ts describes them):
//   turn(nowLow, nowHigh)  sends what may leave, then receives into the engine's ring; gives
//                          received | bits << 16 (EnginePort::Bits)
//   releases()             Uint32Array of reply frames to give back to the engine
//   large(offset)          see below
//   sendTo(peer, offset, length)
//   pause()                from now on turn() receives nothing; replies still leave
//   watch(callback)        calls it whenever there is something to receive
//   close()                idempotent; also done when the thread ends
//   counters()             { received, sent, dropped, refused, silent }
//   host, port, backend
//
// A datagram that is longer than a frame (a request may have 65,507 bytes) goes another way, the
// same for every backend: the backend hands it to EnginePort::pushLarge(), and turn() tells of it
// by the bit kLarge. JavaScript takes one of its own large frames and calls large(offset), which
// copies the datagram there and gives { peer, length, flags, address }; large(0) drops it, when no
// large frame is free. To the engine it is a request of the host's own: the host pushes the
// descriptor, and when the reply comes out (READY or HELD, with the host's peer, so turn() says
// kForHostReady or kForHostHeld) it calls sendTo(peer, offset, length), which hands the reply to
// the backend's send() as every other. Length 0 says that there is no reply. The reply has to lie
// where the request was copied to, or where the instance keeps its replies.
class PacketSocket : public Napi::ObjectWrap<PacketSocket> {
 public:
  static Napi::Function define(Napi::Env env);
  explicit PacketSocket(const Napi::CallbackInfo& info);
  ~PacketSocket() override;

  // Reads the options of a port from `options` (lib/port-options.ts) and makes one.
  static std::unique_ptr<EnginePort> portOf(const Napi::Object& options);

  using Open = std::function<OpenedBackend(EnginePort&, const Napi::Object&)>;
  // A socket of the kind `backend`; IoError becomes a JavaScript error.
  static Napi::Value open(const Napi::CallbackInfo& info, const char* backend, const Open& open);

 private:
  Napi::Value turn(const Napi::CallbackInfo& info);
  Napi::Value releases(const Napi::CallbackInfo& info);
  Napi::Value large(const Napi::CallbackInfo& info);
  Napi::Value sendTo(const Napi::CallbackInfo& info);
  Napi::Value watch(const Napi::CallbackInfo& info);
  Napi::Value pause(const Napi::CallbackInfo& info);
  Napi::Value close(const Napi::CallbackInfo& info);
  Napi::Value counters(const Napi::CallbackInfo& info);
  // With what the kernel has dropped.
  EnginePort::Counters countersNow() const;
  void shut();
  // Watches for what the last turn has left to wait for; `stalled`: nothing can be received.
  void listen(bool stalled);
  void stopWatching();
  static void onEvent(uv_poll_t* poll, int status, int events);
  static void onThreadEnd(void* self);

  std::unique_ptr<EnginePort> port_;
  std::unique_ptr<PacketBackend> backend_;
  EnginePort::Counters lastCounters_;
  uv_poll_t* poll_ = nullptr;
  int events_ = 0;           // what poll_ waits for
  bool inCallback_ = false;  // context_ is in use
  Napi::FunctionReference callback_;
  std::unique_ptr<Napi::AsyncContext> context_;
  bool closed_ = true;
};

// A JavaScript Error with code, errno, syscall and mend.
Napi::Error toJavaScript(Napi::Env env, const class IoError& error);

}  // namespace andvari

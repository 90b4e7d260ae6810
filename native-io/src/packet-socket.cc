#include "packet-socket.h"

#include <algorithm>
#include <utility>

#include "io-error.h"
#include "options.h"

namespace andvari {
namespace {

// Datagrams of one turn: what one engine call takes (host-node's BATCH).
constexpr uint32_t kBatchMax = 256;

struct AddonData {
  Napi::FunctionReference constructor;
};

uint32_t argument(const Napi::CallbackInfo& info, size_t index) {
  return info[index].As<Napi::Number>().Uint32Value();
}

void closePoll(uv_poll_t* poll) {
  uv_poll_stop(poll);
  uv_close(reinterpret_cast<uv_handle_t*>(poll),
           [](uv_handle_t* handle) { delete reinterpret_cast<uv_poll_t*>(handle); });
}

}  // namespace

Napi::Function PacketSocket::define(Napi::Env env) {
  Napi::Function constructor =
      DefineClass(env, "PacketSocket",
                  {
                      InstanceMethod<&PacketSocket::turn>("turn"),
                      InstanceMethod<&PacketSocket::releases>("releases"),
                      InstanceMethod<&PacketSocket::large>("large"),
                      InstanceMethod<&PacketSocket::sendTo>("sendTo"),
                      InstanceMethod<&PacketSocket::watch>("watch"),
                      InstanceMethod<&PacketSocket::pause>("pause"),
                      InstanceMethod<&PacketSocket::close>("close"),
                      InstanceMethod<&PacketSocket::counters>("counters"),
                  });
  auto* data = new AddonData{Napi::Persistent(constructor)};
  env.SetInstanceData<AddonData>(data);
  return constructor;
}

PacketSocket::PacketSocket(const Napi::CallbackInfo& info) : Napi::ObjectWrap<PacketSocket>(info) {}

PacketSocket::~PacketSocket() {
  if (!closed_) napi_remove_env_cleanup_hook(Env(), onThreadEnd, this);
  shut();
}

std::unique_ptr<EnginePort> PacketSocket::portOf(const Napi::Object& options) {
  PortOptions port;
  port.rx = wordOf(options, "rx");
  port.ready = wordOf(options, "ready");
  port.held = wordOf(options, "held");
  port.ringEntries = wordOf(options, "ringEntries");
  port.committed = wordOf(options, "committed");
  port.frames = wordOf(options, "frames");
  port.frameCount = wordOf(options, "frameCount");
  port.replyLow = wordOf(options, "replyLow");
  port.replyEnd = wordOf(options, "replyEnd");
  port.largeFrames = wordOf(options, "largeFrames");
  port.largeFrameCount = wordOf(options, "largeFrameCount");
  port.hashKey = wordOf(options, "hashKey");
  port.peers = wordOf(options, "peers");
  return std::make_unique<EnginePort>(options.Env(), MemoryView(options.Get("memory")), port);
}

Napi::Value PacketSocket::open(const Napi::CallbackInfo& info, const char* kind,
                               const Open& open) {
  const Napi::Env env = info.Env();
  if (!info[0].IsObject()) throw Napi::TypeError::New(env, "wanted an object of options");
  const auto options = info[0].As<Napi::Object>();
  auto port = portOf(options);
  OpenedBackend opened;
  try {
    opened = open(*port, options);
  } catch (const IoError& error) {
    throw toJavaScript(env, error);
  }
  Napi::Object object = env.GetInstanceData<AddonData>()->constructor.New({});
  PacketSocket* socket = Unwrap(object);
  socket->port_ = std::move(port);
  socket->backend_ = std::move(opened.backend);
  socket->closed_ = false;
  napi_add_env_cleanup_hook(env, onThreadEnd, socket);
  object.Set("backend", kind);
  object.Set("host", opened.host);
  object.Set("port", opened.port);
  return object;
}

Napi::Value PacketSocket::turn(const Napi::CallbackInfo& info) {
  if (closed_) return Napi::Number::New(info.Env(), 0);
  port_->setNow(argument(info, 0), argument(info, 1));
  port_->drain(*backend_);
  backend_->flush();
  const uint32_t room = std::min(port_->room(), kBatchMax);
  const uint32_t received = room ? backend_->receive(room) : 0;
  listen(received == 0 && (room == 0 || backend_->starved()));
  return Napi::Number::New(info.Env(), received | port_->bits() << 16);
}

void PacketSocket::listen(bool stalled) {
  if (!poll_) return;
  const int events =
      (stalled ? 0 : UV_READABLE) | (backend_->wantsWritable() ? UV_WRITABLE : 0);
  if (events == events_) return;
  events_ = events;
  if (events == 0) {
    uv_poll_stop(poll_);
  } else {
    uv_poll_start(poll_, events, onEvent);
  }
}

Napi::Value PacketSocket::large(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  if (closed_ || port_->large().count() == 0) return env.Undefined();
  const uint32_t offset = argument(info, 0);
  if (offset == 0) {
    port_->dropLarge();
    return env.Undefined();
  }
  LargeDatagram datagram;
  if (!port_->takeLarge(offset, datagram)) {
    throw Napi::RangeError::New(env, "large: none of the large frames begins there");
  }
  Napi::Object result = Napi::Object::New(env);
  result.Set("peer", port_->handleOf(datagram.peer));
  result.Set("length", datagram.length);
  result.Set("flags", datagram.sender.flags);
  result.Set("address", datagram.sender.address);
  return result;
}

Napi::Value PacketSocket::sendTo(const Napi::CallbackInfo& info) {
  const bool done = !closed_ && port_->sendLarge(*backend_, argument(info, 0), argument(info, 1),
                                                 argument(info, 2));
  return Napi::Boolean::New(info.Env(), done);
}

Napi::Value PacketSocket::releases(const Napi::CallbackInfo& info) {
  if (closed_) return Napi::Uint32Array::New(info.Env(), 0);
  auto& list = port_->releases();
  auto result = Napi::Uint32Array::New(info.Env(), list.size());
  std::copy(list.begin(), list.end(), result.Data());
  list.clear();
  return result;
}

Napi::Value PacketSocket::watch(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  if (!info[0].IsFunction()) throw Napi::TypeError::New(env, "wanted a function");
  if (closed_ || poll_) return env.Undefined();
  uv_loop_t* loop = nullptr;
  napi_get_uv_event_loop(env, &loop);
  auto poll = std::make_unique<uv_poll_t>();
  if (uv_poll_init(loop, poll.get(), backend_->waitFd()) != 0) {
    throw Napi::Error::New(env, "the event loop cannot watch the socket");
  }
  poll_ = poll.release();
  poll_->data = this;
  callback_ = Napi::Persistent(info[0].As<Napi::Function>());
  context_ = std::make_unique<Napi::AsyncContext>(env, "andvari:packets");
  events_ = 0;
  listen(false);
  // The socket stays alive while the kernel may call: close() lets it go.
  Ref();
  return env.Undefined();
}

void PacketSocket::onEvent(uv_poll_t* poll, int, int) {
  auto* self = static_cast<PacketSocket*>(poll->data);
  if (self->closed_) return;
  self->backend_->woken();
  const napi_env env = self->callback_.Env();
  const Napi::HandleScope scope(env);
  self->inCallback_ = true;
  const napi_status status =
      napi_make_callback(env, *self->context_, self->Value(), self->callback_.Value(), 0, nullptr,
                         nullptr);
  self->inCallback_ = false;
  // close() in the callback could not let go of what the call still used.
  if (self->closed_) self->context_.reset();
  napi_value error;
  if (status != napi_pending_exception) return;
  // As if it had been thrown in a callback of Node's own: uncaughtException. When the thread is
  // being terminated there is no exception to take.
  if (napi_get_and_clear_last_exception(env, &error) == napi_ok) napi_fatal_exception(env, error);
}

Napi::Value PacketSocket::pause(const Napi::CallbackInfo& info) {
  if (!closed_) port_->pause();
  return info.Env().Undefined();
}

Napi::Value PacketSocket::close(const Napi::CallbackInfo& info) {
  if (!closed_) {
    napi_remove_env_cleanup_hook(info.Env(), onThreadEnd, this);
    const bool watched = poll_ != nullptr;
    shut();
    if (watched) Unref();
  }
  return info.Env().Undefined();
}

void PacketSocket::onThreadEnd(void* self) { static_cast<PacketSocket*>(self)->shut(); }

void PacketSocket::stopWatching() {
  if (!poll_) return;
  closePoll(poll_);
  poll_ = nullptr;
  callback_.Reset();
  if (!inCallback_) context_.reset();
}

void PacketSocket::shut() {
  if (closed_) return;
  closed_ = true;
  stopWatching();
  lastCounters_ = countersNow();
  // The backend first: the kernel must have let go of the memory before its reference goes.
  backend_.reset();
  port_.reset();
}

EnginePort::Counters PacketSocket::countersNow() const {
  EnginePort::Counters result = port_->counters;
  result.dropped += backend_->kernelDropped();
  return result;
}

Napi::Value PacketSocket::counters(const Napi::CallbackInfo& info) {
  const EnginePort::Counters counters = closed_ ? lastCounters_ : countersNow();
  Napi::Object result = Napi::Object::New(info.Env());
  result.Set("received", static_cast<double>(counters.received));
  result.Set("sent", static_cast<double>(counters.sent));
  result.Set("dropped", static_cast<double>(counters.dropped));
  result.Set("refused", static_cast<double>(counters.refused));
  result.Set("silent", static_cast<double>(counters.silent));
  return result;
}

Napi::Error toJavaScript(Napi::Env env, const IoError& error) {
  Napi::Error result = Napi::Error::New(env, error.what());
  result.Set("code", Napi::String::New(env, error.code));
  result.Set("syscall", Napi::String::New(env, error.syscall));
  result.Set("errno", Napi::Number::New(env, error.error));
  result.Set("mend", Napi::String::New(env, error.mend));
  return result;
}

}  // namespace andvari

#include "packet-socket.h"

#include <utility>

#include "io-error.h"

namespace andvari {
namespace {

// Datagrams of one turn: what one engine call takes (host-node's BATCH).
constexpr uint32_t kBatchMax = 256;

struct AddonData {
  Napi::FunctionReference constructor;
};

uint32_t wordOf(const Napi::Object& options, const char* name) {
  const Napi::Value value = options.Get(name);
  if (!value.IsNumber()) {
    throw Napi::TypeError::New(options.Env(), std::string(name) + ": wanted a number");
  }
  return value.As<Napi::Number>().Uint32Value();
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
                      InstanceMethod<&PacketSocket::watch>("watch"),
                      InstanceMethod<&PacketSocket::close>("close"),
                      InstanceMethod<&PacketSocket::counters>("counters"),
                  });
  auto* data = new AddonData{Napi::Persistent(constructor)};
  env.SetInstanceData<AddonData>(data);
  return constructor;
}

PacketSocket::PacketSocket(const Napi::CallbackInfo& info) : Napi::ObjectWrap<PacketSocket>(info) {}

PacketSocket::~PacketSocket() { shut(); }

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
  const uint32_t low = info[0].As<Napi::Number>().Uint32Value();
  const uint32_t high = info[1].As<Napi::Number>().Uint32Value();
  port_->setNow(low, high);
  port_->drain(*backend_);
  backend_->flush();
  const uint32_t room = port_->room();
  const uint32_t received = room ? backend_->receive(room < kBatchMax ? room : kBatchMax) : 0;
  return Napi::Number::New(info.Env(), received | port_->bits() << 16);
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
  uv_poll_start(poll_, UV_READABLE, onReadable);
  // The socket stays alive while the kernel may call: close() lets it go.
  Ref();
  return env.Undefined();
}

void PacketSocket::onReadable(uv_poll_t* poll, int, int) {
  auto* self = static_cast<PacketSocket*>(poll->data);
  if (self->closed_) return;
  self->backend_->woken();
  const Napi::HandleScope scope(self->callback_.Env());
  try {
    self->callback_.MakeCallback(self->Value(), {}, *self->context_);
  } catch (const Napi::Error& error) {
    // As if it had been thrown in a callback of Node's own: uncaughtException.
    napi_fatal_exception(error.Env(), error.Value());
  }
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
  context_.reset();
}

void PacketSocket::shut() {
  if (closed_) return;
  closed_ = true;
  stopWatching();
  lastCounters_ = port_->counters;
  // The backend first: the kernel must have let go of the memory before its reference goes.
  backend_.reset();
  port_.reset();
}

Napi::Value PacketSocket::counters(const Napi::CallbackInfo& info) {
  const EnginePort::Counters& counters = closed_ ? lastCounters_ : port_->counters;
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

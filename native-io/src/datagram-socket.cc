// openDatagrams(options): a UDP socket of a node that calls and is called, over an engine's memory.
// `options` are those of lib/datagram-socket.ts, where the object that JavaScript holds is
// described too:
//   receive()              datagrams received; their letters are in `letters`
//   send(count)            sends from the engine's table; gives how many wait for the kernel
//   sendTo(bytes, farEnd)  one datagram from anywhere
//   watch(callback)        callback(events): kReadable, kDrained
//   counters(), close()
//   host, port, mtu
// With the option `xdp`, which opens the queues of an interface beside it:
//   addPrefix(prefix), removePrefix(prefix), xdpStatistics()
//   xdp                    what was got of the wishes
#include <napi.h>
#include <uv.h>

#include <memory>

#include "datagram-inbox.h"
#include "datagram-outbox.h"
#include "far-end.h"
#include "generated/border.h"
#include "io-error.h"
#include "link-mtu.h"
#include "local-addresses.h"
#include "memory-view.h"
#include "modules.h"
#include "options.h"
#include "packet-socket.h"
#include "xdp-inbox-face.h"
#include "xdp-inbox.h"

namespace andvari {
namespace {

// Told to the callback of watch().
constexpr uint32_t kReadable = 1;
constexpr uint32_t kDrained = 2;

constexpr uint32_t kLetters = DatagramOutbox::kBatchMax;
// While packets keep coming by AF_XDP, the socket has half of one batch in so many.
constexpr uint32_t kSocketEvery = 16;

// Calls back when a descriptor is ready, until it is dropped.
class Poll {
 public:
  // Throws Napi::Error.
  Poll(Napi::Env env, int fd, void* self) {
    uv_loop_t* loop = nullptr;
    napi_get_uv_event_loop(env, &loop);
    auto poll = std::make_unique<uv_poll_t>();
    if (uv_poll_init(loop, poll.get(), fd) != 0) {
      throw Napi::Error::New(env, "the event loop cannot watch the socket");
    }
    poll_ = poll.release();
    poll_->data = self;
  }
  ~Poll() {
    uv_poll_stop(poll_);
    uv_close(reinterpret_cast<uv_handle_t*>(poll_),
             [](uv_handle_t* handle) { delete reinterpret_cast<uv_poll_t*>(handle); });
  }
  Poll(const Poll&) = delete;
  Poll& operator=(const Poll&) = delete;
  void start(int events, uv_poll_cb onEvent) { uv_poll_start(poll_, events, onEvent); }

 private:
  uv_poll_t* poll_;
};

}  // namespace

class DatagramSocket : public Napi::ObjectWrap<DatagramSocket> {
 public:
  static Napi::Function define(Napi::Env env) {
    return DefineClass(env, "DatagramSocket",
                       {
                           InstanceMethod<&DatagramSocket::receive>("receive"),
                           InstanceMethod<&DatagramSocket::send>("send"),
                           InstanceMethod<&DatagramSocket::sendTo>("sendTo"),
                           InstanceMethod<&DatagramSocket::watch>("watch"),
                           InstanceMethod<&DatagramSocket::counters>("counters"),
                           InstanceMethod<&DatagramSocket::addPrefix>("addPrefix"),
                           InstanceMethod<&DatagramSocket::removePrefix>("removePrefix"),
                           InstanceMethod<&DatagramSocket::xdpStatistics>("xdpStatistics"),
                           InstanceMethod<&DatagramSocket::close>("close"),
                       });
  }
  explicit DatagramSocket(const Napi::CallbackInfo& info);
  ~DatagramSocket() override;

 private:
  Napi::Value receive(const Napi::CallbackInfo& info);
  Napi::Value send(const Napi::CallbackInfo& info);
  Napi::Value sendTo(const Napi::CallbackInfo& info);
  Napi::Value watch(const Napi::CallbackInfo& info);
  Napi::Value counters(const Napi::CallbackInfo& info);
  Napi::Value addPrefix(const Napi::CallbackInfo& info);
  Napi::Value removePrefix(const Napi::CallbackInfo& info);
  Napi::Value xdpStatistics(const Napi::CallbackInfo& info);
  Napi::Value close(const Napi::CallbackInfo& info);
  void open(const Napi::Object& options);
  void openXdp(const Napi::Object& options);
  void listen();
  void tell(uint32_t events);
  void shut();
  static void onEvent(uv_poll_t* poll, int status, int events);
  static void onXdpEvent(uv_poll_t* poll, int status, int events);
  static void onThreadEnd(void* self) { static_cast<DatagramSocket*>(self)->shut(); }

  MemoryView memory_;
  Napi::ObjectReference letters_;
  DatagramCounters counters_;
  std::unique_ptr<UdpSocket> socket_;  // none: closed
  std::unique_ptr<LocalAddresses> locals_;
  std::unique_ptr<DatagramInbox> inbox_;
  std::unique_ptr<DatagramOutbox> outbox_;
  std::unique_ptr<XdpInbox> xdp_;  // none: the socket has everything
  XdpInbox::Statistics xdpAtEnd_;
  uint32_t turns_ = 0;
  std::unique_ptr<Poll> poll_, xdpPoll_;
  int events_ = 0;           // what poll_ waits for
  bool inCallback_ = false;  // context_ is in use
  Napi::FunctionReference callback_;
  std::unique_ptr<Napi::AsyncContext> context_;
};

DatagramSocket::DatagramSocket(const Napi::CallbackInfo& info)
    : Napi::ObjectWrap<DatagramSocket>(info) {
  const Napi::Env env = info.Env();
  if (!info[0].IsObject()) throw Napi::TypeError::New(env, "wanted an object of options");
  try {
    open(info[0].As<Napi::Object>());
  } catch (const IoError& error) {
    shut();
    throw toJavaScript(env, error);
  }
  napi_add_env_cleanup_hook(env, onThreadEnd, this);
  Napi::Object self = info.This().As<Napi::Object>();
  self.Set("host", socket_->host());
  self.Set("port", socket_->port());
  self.Set("mtu", linkMtu(*socket_));
  if (xdp_) self.Set("xdp", describeXdp(env, *xdp_));
}

DatagramSocket::~DatagramSocket() {
  if (socket_) napi_remove_env_cleanup_hook(Env(), onThreadEnd, this);
  shut();
}

void DatagramSocket::open(const Napi::Object& options) {
  const Napi::Env env = options.Env();
  memory_ = MemoryView(options.Get("memory"));
  const uint32_t incoming = wordOf(options, "incoming");
  const uint32_t incomingBytes = wordOf(options, "incomingBytes");
  DatagramOutbox::Places places;
  places.table = wordOf(options, "sent");
  places.packets = wordOf(options, "outgoing");
  places.packetsBytes = wordOf(options, "outgoingBytes");
  constexpr uint32_t kTableBytes = DatagramOutbox::kBatchMax * border::TransferPacket::BYTES;
  if (incomingBytes < DatagramInbox::kSlotBytes || !memory_.holds(incoming, incomingBytes) ||
      !memory_.holds(places.table, kTableBytes) ||
      !memory_.holds(places.packets, places.packetsBytes)) {
    throw Napi::RangeError::New(env, "incoming, sent, outgoing: not inside the memory");
  }
  const Napi::Value letters = options.Get("letters");
  if (!letters.IsTypedArray()) throw Napi::TypeError::New(env, "letters: wanted a Uint8Array");
  letters_ = Napi::Persistent(letters.As<Napi::Object>());
  socket_ = openUdpSocket(options);
  forbidFragments(*socket_);
  locals_ = std::make_unique<LocalAddresses>(*socket_);
  const DatagramInbox::Area area{incoming, incomingBytes};
  inbox_ = std::make_unique<DatagramInbox>(*socket_, *locals_, memory_, area, counters_);
  outbox_ = std::make_unique<DatagramOutbox>(*socket_, *locals_, memory_, places, counters_);
  const Napi::Value xdp = options.Get("xdp");
  if (xdp.IsObject()) openXdp(xdp.As<Napi::Object>());
}

void DatagramSocket::openXdp(const Napi::Object& options) {
  const XdpInboxOptions wanted = xdpOptionsOf(options, memory_);
  xdp_ = std::make_unique<XdpInbox>(*socket_, *locals_, memory_, wanted, counters_);
}

Napi::Value DatagramSocket::receive(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  if (!socket_) return Napi::Number::New(env, 0);
  // Looked at anew: a buffer that was handed to another thread has no bytes here any more.
  auto letters = letters_.Value().As<Napi::Uint8Array>();
  if (letters.ByteLength() < kLetters * DatagramInbox::kLetterBytes) {
    return Napi::Number::New(env, 0);
  }
  uint8_t* const to = letters.Data();
  uint32_t count = 0;
  if (xdp_) {
    const bool socketsTurn = ++turns_ % kSocketEvery == 0;
    count = xdp_->receive(to, socketsTurn ? kLetters / 2 : kLetters);
    if (count > 0 && !socketsTurn) return Napi::Number::New(env, count);
  }
  count += inbox_->receive(to + count * DatagramInbox::kLetterBytes, kLetters - count);
  return Napi::Number::New(env, count);
}

Napi::Value DatagramSocket::addPrefix(const Napi::CallbackInfo& info) {
  return changePrefix(info, xdp_.get(), &XdpInbox::addPrefix);
}

Napi::Value DatagramSocket::removePrefix(const Napi::CallbackInfo& info) {
  return changePrefix(info, xdp_.get(), &XdpInbox::removePrefix);
}

Napi::Value DatagramSocket::xdpStatistics(const Napi::CallbackInfo& info) {
  return toJavaScript(info.Env(), xdp_ ? xdp_->statistics() : xdpAtEnd_);
}

Napi::Value DatagramSocket::send(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  if (!socket_) return Napi::Number::New(env, 0);
  if (outbox_->waiting() == 0) {
    outbox_->take(info[0].As<Napi::Number>().Uint32Value());
    outbox_->handOver();
    listen();
  }
  return Napi::Number::New(env, outbox_->waiting());
}

Napi::Value DatagramSocket::sendTo(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  if (!socket_) return env.Undefined();
  const auto bytes = info[0].As<Napi::Uint8Array>();
  const auto farEnd = info[1].As<Napi::Uint8Array>();
  FarEnd to;
  if (bytes.ByteLength() == 0 || bytes.ByteLength() > border::DATAGRAM_BYTES_MAX ||
      farEnd.ByteLength() != border::PathField::BYTES) {
    counters_.refused++;
  } else if (!readFarEnd(farEnd.Data(), socket_->isV6(), to)) {
    counters_.dropped++;
  } else {
    outbox_->sendNow(to, bytes.Data(), static_cast<uint32_t>(bytes.ByteLength()));
  }
  return env.Undefined();
}

Napi::Value DatagramSocket::watch(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  if (!info[0].IsFunction()) throw Napi::TypeError::New(env, "wanted a function");
  if (!socket_ || poll_) return env.Undefined();
  auto poll = std::make_unique<Poll>(env, socket_->fd(), this);
  if (xdp_) xdpPoll_ = std::make_unique<Poll>(env, xdp_->waitFd(), this);
  poll_ = std::move(poll);
  callback_ = Napi::Persistent(info[0].As<Napi::Function>());
  context_ = std::make_unique<Napi::AsyncContext>(env, "andvari:datagrams");
  events_ = 0;
  listen();
  if (xdpPoll_) xdpPoll_->start(UV_READABLE, onXdpEvent);
  // The socket stays alive while the kernel may call: close() lets it go.
  Ref();
  return env.Undefined();
}

void DatagramSocket::listen() {
  if (!poll_) return;
  const int events = UV_READABLE | (outbox_->waiting() ? UV_WRITABLE : 0);
  if (events == events_) return;
  events_ = events;
  poll_->start(events, onEvent);
}

void DatagramSocket::onEvent(uv_poll_t* poll, int, int events) {
  auto* self = static_cast<DatagramSocket*>(poll->data);
  if (!self->socket_) return;
  // An error of the socket comes with no event: asking for datagrams takes it away.
  uint32_t told = events == UV_WRITABLE ? 0 : kReadable;
  if (self->outbox_->waiting()) {
    self->outbox_->handOver();
    self->listen();
    if (!self->outbox_->waiting()) told |= kDrained;
  }
  if (told) self->tell(told);
}

void DatagramSocket::onXdpEvent(uv_poll_t* poll, int, int) {
  auto* self = static_cast<DatagramSocket*>(poll->data);
  if (self->socket_) self->tell(kReadable);
}

void DatagramSocket::tell(uint32_t events) {
  const napi_env env = callback_.Env();
  const Napi::HandleScope scope(env);
  napi_value argument = Napi::Number::New(env, events);
  inCallback_ = true;
  const napi_status status = napi_make_callback(env, *context_, Value(), callback_.Value(), 1,
                                                &argument, nullptr);
  inCallback_ = false;
  // close() in the callback could not let go of what the call still used.
  if (!socket_) context_.reset();
  napi_value error;
  if (status != napi_pending_exception) return;
  // As if it had been thrown in a callback of Node's own: uncaughtException.
  if (napi_get_and_clear_last_exception(env, &error) == napi_ok) napi_fatal_exception(env, error);
}

Napi::Value DatagramSocket::close(const Napi::CallbackInfo& info) {
  if (socket_) {
    napi_remove_env_cleanup_hook(info.Env(), onThreadEnd, this);
    const bool watched = poll_ != nullptr;
    shut();
    if (watched) Unref();
  }
  return info.Env().Undefined();
}

void DatagramSocket::shut() {
  if (!socket_) return;
  if (poll_) {
    poll_.reset();
    xdpPoll_.reset();
    callback_.Reset();
    if (!inCallback_) context_.reset();
  }
  if (outbox_) counters_.dropped += outbox_->waiting();
  counters_.dropped += socket_->kernelDropped();
  if (xdp_) {
    xdpAtEnd_ = xdp_->statistics();
    counters_.dropped += xdpAtEnd_.kernelDropped;
  }
  xdp_.reset();
  outbox_.reset();
  inbox_.reset();
  locals_.reset();
  socket_.reset();
}

Napi::Value DatagramSocket::counters(const Napi::CallbackInfo& info) {
  uint64_t inKernel = socket_ ? socket_->kernelDropped() : 0;
  if (xdp_) inKernel += xdp_->statistics().kernelDropped;
  Napi::Object result = Napi::Object::New(info.Env());
  result.Set("received", static_cast<double>(counters_.received));
  result.Set("sent", static_cast<double>(counters_.sent));
  result.Set("dropped", static_cast<double>(counters_.dropped + inKernel));
  result.Set("tooLarge", static_cast<double>(counters_.tooLarge));
  result.Set("refused", static_cast<double>(counters_.refused));
  return result;
}

void initDatagrams(Napi::Env env, Napi::Object exports) {
  auto constructor = std::make_shared<Napi::FunctionReference>(
      Napi::Persistent(DatagramSocket::define(env)));
  exports.Set("openDatagrams",
              Napi::Function::New(env, [constructor](const Napi::CallbackInfo& info) {
                return constructor->New({info[0]});
              }));
}

}  // namespace andvari

// openXdp and attachXdp: AF_XDP as JavaScript sees it (lib/xdp.ts describes both).
#include <arpa/inet.h>
#include <napi.h>

#include <memory>
#include <string>

#include "io-error.h"
#include "modules.h"
#include "packet-socket.h"
#include "udp-socket.h"
#include "xdp-attachment.h"
#include "xdp-backend.h"
#include "xdp-program.h"

namespace andvari {
namespace {

constexpr uint32_t kRingEntries = 4096;

std::string textOf(const Napi::Object& options, const char* name) {
  const Napi::Value value = options.Get(name);
  if (!value.IsString()) {
    throw Napi::TypeError::New(options.Env(), std::string(name) + ": wanted a string");
  }
  return value.As<Napi::String>().Utf8Value();
}

uint32_t numberOf(const Napi::Object& options, const char* name, uint32_t otherwise) {
  const Napi::Value value = options.Get(name);
  return value.IsNumber() ? value.As<Napi::Number>().Uint32Value() : otherwise;
}

bool flagOf(const Napi::Object& options, const char* name, bool otherwise) {
  const Napi::Value value = options.Get(name);
  return value.IsBoolean() ? value.As<Napi::Boolean>().Value() : otherwise;
}

// What statistics() shows lives as long as somebody can ask; the backend may end before.
struct Watched {
  XdpBackend* backend = nullptr;
  XdpBackend::Statistics last;
};

// Leaves its last statistics behind.
class WatchedBackend : public XdpBackend {
 public:
  WatchedBackend(EnginePort& port, std::unique_ptr<UdpSocket> socket,
                 const XdpBackendOptions& options, std::shared_ptr<Watched> watched)
      : XdpBackend(port, std::move(socket), options), watched_(std::move(watched)) {
    watched_->backend = this;
  }
  ~WatchedBackend() override {
    watched_->last = statistics();
    watched_->backend = nullptr;
  }

 private:
  std::shared_ptr<Watched> watched_;
};

Napi::Value statisticsOf(Napi::Env env, const Watched& watched) {
  const XdpBackend::Statistics now =
      watched.backend ? watched.backend->statistics() : watched.last;
  Napi::Object result = Napi::Object::New(env);
  const auto set = [&](const char* name, uint64_t value) {
    result.Set(name, Napi::Number::New(env, static_cast<double>(value)));
  };
  set("malformed", now.malformed);
  set("byKernel", now.byKernel);
  set("repliesByKernel", now.repliesByKernel);
  set("copied", now.copied);
  set("ringFull", now.kernel.rx_ring_full);
  set("framesMissing", now.kernel.rx_fill_ring_empty_descs);
  set("kernelDropped", now.kernel.rx_dropped);
  set("refusedByKernel", now.kernel.tx_invalid_descs + now.kernel.rx_invalid_descs);
  return result;
}

Napi::Value openXdp(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const auto watched = std::make_shared<Watched>();
  uint32_t queue = 0;
  const Napi::Value value = PacketSocket::open(
      info, "af_xdp", [&](EnginePort& port, const Napi::Object& options) {
        XdpBackendOptions xdp;
        xdp.interface = findInterface(textOf(options, "interface"));
        xdp.host = textOf(options, "host");
        xdp.queue = queue = numberOf(options, "queue", 0);
        xdp.socketMapFd = static_cast<int>(numberOf(options, "mapFd", UINT32_MAX));
        xdp.ringEntries = numberOf(options, "ring", kRingEntries);
        xdp.copyOnly = textOf(options, "mode") == nameOf(XdpMode::kGeneric);
        xdp.hugePages = flagOf(options, "hugePages", true);
        std::unique_ptr<UdpSocket> socket = openUdpSocket(options);
        OpenedBackend opened;
        opened.host = socket->host();
        opened.port = socket->port();
        opened.backend =
            std::make_unique<WatchedBackend>(port, std::move(socket), xdp, watched);
        return opened;
      });
  const XdpBackend::Placement placement = watched->backend->placement();
  auto socket = value.As<Napi::Object>();
  socket.Set("queue", queue);
  socket.Set("zeroCopy", placement.zeroCopy);
  socket.Set("hugePageBytes", static_cast<double>(placement.hugePageBytes));
  socket.Set("numaNode", placement.numaNode);
  socket.Set("statistics",
             Napi::Function::New(
                 env,
                 [watched](const Napi::CallbackInfo& call) {
                   return statisticsOf(call.Env(), *watched);
                 },
                 "statistics"));
  return value;
}

// Held by the functions of the JavaScript object and by the thread's end.
using Shared = std::shared_ptr<XdpAttachment>;

void onThreadEnd(void* held) {
  const std::unique_ptr<Shared> attachment(static_cast<Shared*>(held));
  (*attachment)->close();
}

// addPrefix(prefix), removePrefix(prefix): the four bytes as a big-endian number.
Napi::Function prefixFunction(Napi::Env env, const Shared& attachment, const char* name,
                              int (XdpAttachment::*change)(const uint8_t*)) {
  return Napi::Function::New(
      env,
      [attachment, name, change](const Napi::CallbackInfo& info) {
        const uint32_t prefix = htonl(info[0].As<Napi::Number>().Uint32Value());
        const int error = ((*attachment).*change)(reinterpret_cast<const uint8_t*>(&prefix));
        if (error == 0) return;
        if (error == ESHUTDOWN) {
          throw toJavaScript(info.Env(), IoError("ANDVARI_IO_CLOSED",
                                                 std::string(name) + ": the program is closed", 0,
                                                 "attach it again"));
        }
        const char* mend = error == EOPNOTSUPP ? "attach with cidPrefixes: true" : "";
        throw toJavaScript(info.Env(), IoError("ANDVARI_IO_SYSTEM", name, error, mend));
      },
      name);
}

Shared attach(Napi::Env env, const Napi::Object& options) {
  XdpAttachmentOptions wanted;
  wanted.interface = textOf(options, "interface");
  wanted.host = textOf(options, "host");
  wanted.port = static_cast<uint16_t>(numberOf(options, "port", 0));
  wanted.queues = numberOf(options, "queues", 0);
  wanted.cidPrefixes = flagOf(options, "cidPrefixes", false);
  const Napi::Value mode = options.Get("mode");
  const std::string name = mode.IsString() ? mode.As<Napi::String>().Utf8Value() : "auto";
  wanted.tryNative = name != nameOf(XdpMode::kGeneric);
  wanted.tryGeneric = name != nameOf(XdpMode::kNative);
  try {
    return std::make_shared<XdpAttachment>(wanted);
  } catch (const IoError& error) {
    throw toJavaScript(env, error);
  }
}

Napi::Value attachXdp(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  if (!info[0].IsObject()) throw Napi::TypeError::New(env, "wanted an object of options");
  const Shared attachment = attach(env, info[0].As<Napi::Object>());
  // The program ends with the thread that attached it, even when nobody closes it.
  auto* held = new Shared(attachment);
  napi_add_env_cleanup_hook(env, onThreadEnd, held);
  Napi::Object object = Napi::Object::New(env);
  object.Set("interface", attachment->interface().name);
  object.Set("mapFd", attachment->socketMapFd());
  object.Set("mode", nameOf(attachment->mode()));
  object.Set("queues", attachment->queues());
  object.Set("addPrefix",
             prefixFunction(env, attachment, "addPrefix", &XdpAttachment::addPrefix));
  object.Set("removePrefix",
             prefixFunction(env, attachment, "removePrefix", &XdpAttachment::removePrefix));
  object.Set("close", Napi::Function::New(
                          env, [attachment](const Napi::CallbackInfo&) { attachment->close(); },
                          "close"));
  return object;
}

}  // namespace

void initXdp(Napi::Env env, Napi::Object exports) {
  exports.Set("openXdp", Napi::Function::New(env, openXdp, "openXdp"));
  exports.Set("attachXdp", Napi::Function::New(env, attachXdp, "attachXdp"));
}

}  // namespace andvari

// The addon's entry point.
#include <napi.h>

#include "generated/border.h"
#include "modules.h"
#include "packet-socket.h"

// Hash of the sources, set by scripts/native.mjs, which looks for this text in a prebuilt binary.
#ifndef ANDVARI_SOURCES
#define ANDVARI_SOURCES "unknown"
#endif

namespace andvari {
namespace {

constexpr char kSources[] = "andvari-sources:" ANDVARI_SOURCES;

Napi::Object init(Napi::Env env, Napi::Object exports) {
  using Init = void (*)(Napi::Env, Napi::Object);
  PacketSocket::define(env);
  for (const Init module :
       {Init{initMmsg}, Init{initUring}, Init{initXdp}, Init{initDatagrams}, Init{initFileRing},
        Init{initCrypt}, Init{initAead}, Init{initBlake3}, Init{initProbe}, Init{initAffinity}}) {
    if (module) module(env, exports);
  }
  exports.Set("border", border::HASH);
  exports.Set("sources", kSources + sizeof "andvari-sources");
  return exports;
}

}  // namespace
}  // namespace andvari

static Napi::Object initAddon(Napi::Env env, Napi::Object exports) {
  return andvari::init(env, exports);
}

NODE_API_MODULE(andvari_native, initAddon)

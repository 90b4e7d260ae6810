// A module for tests only: raw sockets in network namespaces, and the addon's pieces that have no
// JavaScript face of their own. lib/testing/test-module.ts compiles it; it is not shipped.
#include "addon.h"

namespace andvari::testing {
namespace {

Napi::Object init(Napi::Env env, Napi::Object exports) {
  initRawSocket(env, exports);
  initPacketPieces(env, exports);
  return exports;
}

}  // namespace
}  // namespace andvari::testing

static Napi::Object initAddon(Napi::Env env, Napi::Object exports) {
  return andvari::testing::init(env, exports);
}

NODE_API_MODULE(andvari_testing, initAddon)

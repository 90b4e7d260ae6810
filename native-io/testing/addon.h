// The parts of the test module.
#pragma once
#include <napi.h>

namespace andvari::testing {

// Namespaces, sockets and capabilities of the calling thread.
void initRawSocket(Napi::Env env, Napi::Object exports);
// Headers and verdicts of single packets.
void initPacketPieces(Napi::Env env, Napi::Object exports);

}  // namespace andvari::testing

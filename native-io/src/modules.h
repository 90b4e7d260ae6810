// The modules of the addon: each adds its functions to the exports.
#pragma once
#include <napi.h>

namespace andvari {

// Weak, so that a build without one of the files still links; addon.cc calls those that are there.
#define ANDVARI_MODULE __attribute__((weak)) void

ANDVARI_MODULE initMmsg(Napi::Env env, Napi::Object exports);      // openMmsg
ANDVARI_MODULE initUring(Napi::Env env, Napi::Object exports);     // openUring
ANDVARI_MODULE initXdp(Napi::Env env, Napi::Object exports);       // openXdp, attachXdp
ANDVARI_MODULE initDatagrams(Napi::Env env, Napi::Object exports);  // openDatagrams
ANDVARI_MODULE initFileRing(Napi::Env env, Napi::Object exports);  // openFileRing
ANDVARI_MODULE initCrypt(Napi::Env env, Napi::Object exports);     // cryptCtr
ANDVARI_MODULE initAead(Napi::Env env, Napi::Object exports);      // chachaSeal, chachaOpen
ANDVARI_MODULE initBlake3(Napi::Env env, Napi::Object exports);    // blake3Chunks
ANDVARI_MODULE initProbe(Napi::Env env, Napi::Object exports);     // probe
ANDVARI_MODULE initAffinity(Napi::Env env, Napi::Object exports);  // pinThread

#undef ANDVARI_MODULE

}  // namespace andvari

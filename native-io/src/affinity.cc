// pinThread(index): the calling thread runs on one of the cores that it may use.
#include <sched.h>

#include <cerrno>

#include "io-error.h"
#include "modules.h"
#include "packet-socket.h"

namespace andvari {
namespace {

// The `index`th of the cores that the thread may use now, counted round and round. Gives its
// number. Throws IoError ANDVARI_IO_SYSTEM.
Napi::Value pinThread(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const uint32_t index = info[0].As<Napi::Number>().Uint32Value();
  cpu_set_t allowed;
  // 0: this thread, not the process.
  if (sched_getaffinity(0, sizeof allowed, &allowed) != 0) {
    throw toJavaScript(env, IoError("ANDVARI_IO_SYSTEM", "sched_getaffinity", errno));
  }
  uint32_t left = index % static_cast<uint32_t>(CPU_COUNT(&allowed));
  int core = 0;
  while (!CPU_ISSET(core, &allowed) || left-- > 0) core++;
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(core, &one);
  if (sched_setaffinity(0, sizeof one, &one) != 0) {
    throw toJavaScript(env, IoError("ANDVARI_IO_SYSTEM", "sched_setaffinity", errno));
  }
  return Napi::Number::New(env, core);
}

}  // namespace

void initAffinity(Napi::Env env, Napi::Object exports) {
  exports.Set("pinThread", Napi::Function::New(env, pinThread));
}

}  // namespace andvari

// pinThread(core): the calling thread runs on one core.
#include <sched.h>

#include <cerrno>

#include "io-error.h"
#include "modules.h"
#include "packet-socket.h"

namespace andvari {
namespace {

// Throws IoError ANDVARI_IO_SYSTEM: there is no such core, or this process may not use it.
void pinThread(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const uint32_t core = info[0].As<Napi::Number>().Uint32Value();
  if (core >= CPU_SETSIZE) throw Napi::RangeError::New(env, "pinThread: no such core");
  cpu_set_t cores;
  CPU_ZERO(&cores);
  CPU_SET(core, &cores);
  // 0: this thread, not the process.
  if (sched_setaffinity(0, sizeof cores, &cores) == 0) return;
  throw toJavaScript(env, IoError("ANDVARI_IO_SYSTEM", "sched_setaffinity", errno,
                                  "core " + std::to_string(core) + " is not one of this process"));
}

}  // namespace

void initAffinity(Napi::Env env, Napi::Object exports) {
  exports.Set("pinThread", Napi::Function::New(env, pinThread));
}

}  // namespace andvari

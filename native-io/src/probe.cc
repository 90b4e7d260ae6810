// probe(): what this process may use of what the kernel has, found out by trying.
#include <linux/capability.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cmath>
#include <functional>
#include <string>

#include "bpf.h"
#include "io-error.h"
#include "modules.h"
#include "uring.h"

#ifndef AF_XDP
#define AF_XDP 44
#endif

namespace andvari {
namespace {

// { errno, why }: 0 and '' when it works.
Napi::Object result(Napi::Env env, int error, const std::string& why) {
  Napi::Object object = Napi::Object::New(env);
  object.Set("errno", error);
  object.Set("why", why);
  return object;
}

Napi::Object tried(Napi::Env env, const std::function<void()>& attempt) {
  try {
    attempt();
    return result(env, 0, "");
  } catch (const IoError& error) {
    const std::string mend = error.mend.empty() ? "" : " (" + error.mend + ")";
    return result(env, error.error ? error.error : ENOSYS, error.what() + mend);
  }
}

void trySocket(int family, int type, const char* name, const char* missing) {
  const int fd = socket(family, type | SOCK_CLOEXEC, 0);
  if (fd >= 0) {
    ::close(fd);
    return;
  }
  if (errno == EPERM || errno == EACCES) {
    throw IoError("ANDVARI_IO_PERMISSION", name, errno, "it wants CAP_NET_RAW");
  }
  if (errno == EAFNOSUPPORT) throw IoError("ANDVARI_IO_UNSUPPORTED", name, errno, missing);
  throw IoError("ANDVARI_IO_SYSTEM", name, errno);
}

bool hasCapability(uint32_t capability) {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct data[2] = {};
  if (syscall(SYS_capget, &header, data) != 0) return false;
  return (data[capability / 32].effective & (1u << capability % 32)) != 0;
}

// Bytes that this process may pin: Infinity with CAP_IPC_LOCK or without a limit.
double lockableBytes() {
  rlimit limit{};
  if (hasCapability(CAP_IPC_LOCK) || getrlimit(RLIMIT_MEMLOCK, &limit) != 0) return INFINITY;
  return limit.rlim_cur == RLIM_INFINITY ? INFINITY : static_cast<double>(limit.rlim_cur);
}

Napi::Object memlock(Napi::Env env) {
  const double bytes = lockableBytes();
  std::string why;
  if (std::isfinite(bytes)) {
    why = "at most " + std::to_string(static_cast<uint64_t>(bytes) / 1024) +
          " KiB may be locked (raise it with ulimit -l, LimitMEMLOCK= or CAP_IPC_LOCK)";
  }
  Napi::Object object = result(env, why.empty() ? 0 : ENOBUFS, why);
  object.Set("bytes", bytes);
  return object;
}

Napi::Value probe(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  Napi::Object object = Napi::Object::New(env);
  object.Set("mmsg", tried(env, [] { trySocket(AF_INET, SOCK_DGRAM, "socket(AF_INET)", ""); }));
  object.Set("uring", tried(env, probeUring));
  object.Set("xdp", tried(env, [] {
    trySocket(AF_XDP, SOCK_RAW, "socket(AF_XDP)", "the kernel is built without CONFIG_XDP_SOCKETS");
  }));
  object.Set("bpf", tried(env, [] { createMap(BPF_MAP_TYPE_XSKMAP, 4, 4, 1); }));
  object.Set("memlock", memlock(env));
  return object;
}

}  // namespace

void initProbe(Napi::Env env, Napi::Object exports) {
  exports.Set("probe", Napi::Function::New(env, probe));
}

}  // namespace andvari

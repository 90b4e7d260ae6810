// probe(): what this process may use of what the kernel has, found out by trying.
#include <sys/socket.h>

#include <cerrno>
#include <cmath>
#include <functional>
#include <string>

#include "bpf.h"
#include "io-error.h"
#include "modules.h"
#include "permissions.h"
#include "uring.h"

#ifndef AF_XDP
#define AF_XDP 44
#endif

namespace andvari {
namespace {

// { errno, why, code }: 0 and '' when it works.
Napi::Object result(Napi::Env env, int error, const std::string& why, const std::string& code) {
  Napi::Object object = Napi::Object::New(env);
  object.Set("errno", error);
  object.Set("why", why);
  object.Set("code", code);
  return object;
}

Napi::Object tried(Napi::Env env, const std::function<void()>& attempt) {
  try {
    attempt();
    return result(env, 0, "", "");
  } catch (const IoError& error) {
    const std::string mend = error.mend.empty() ? "" : " (" + error.mend + ")";
    return result(env, error.error ? error.error : ENOSYS, error.what() + mend, error.code);
  }
}

[[noreturn]] void refuseMmsg(const char* what, int error) {
  if (error == EPERM || error == EACCES || error == ENOSYS) {
    throw IoError("ANDVARI_IO_PERMISSION", what, error,
                  "seccomp or a container's profile forbids it to this process: allow it, or use "
                  "another backend");
  }
  throw IoError("ANDVARI_IO_SYSTEM", what, error);
}

// Each call once, on a socket that nobody knows: a filter may allow the one and not the other.
void probeMmsg() {
  const BpfHandle socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!socket) refuseMmsg("socket(AF_INET)", errno);
  mmsghdr header = {};
  if (recvmmsg(socket.fd(), &header, 1, MSG_DONTWAIT, nullptr) < 0 && errno != EAGAIN) {
    refuseMmsg("recvmmsg", errno);
  }
  if (sendmmsg(socket.fd(), &header, 0, MSG_DONTWAIT) < 0) refuseMmsg("sendmmsg", errno);
}

void probeXdp() {
  requireXdpCapabilities();
  const BpfHandle socket(::socket(AF_XDP, SOCK_RAW | SOCK_CLOEXEC, 0));
  if (socket) return;
  const int error = errno;
  if (error == EPERM || error == EACCES) refusePermission("socket(AF_XDP)", error);
  throw IoError(error == EAFNOSUPPORT ? "ANDVARI_IO_UNSUPPORTED" : "ANDVARI_IO_SYSTEM",
                "socket(AF_XDP)", error,
                error == EAFNOSUPPORT ? "the kernel is built without CONFIG_XDP_SOCKETS" : "");
}

Napi::Object memlock(Napi::Env env) {
  const uint64_t bytes = lockableBytes();
  const bool isLimited = bytes != UINT64_MAX;
  const std::string why =
      "at most " + std::to_string(bytes / 1024) +
      " KiB may be locked (raise it with ulimit -l, LimitMEMLOCK= or CAP_IPC_LOCK)";
  Napi::Object object = isLimited ? result(env, ENOBUFS, why, "ANDVARI_IO_MEMLOCK")
                                  : result(env, 0, "", "");
  object.Set("bytes", isLimited ? static_cast<double>(bytes) : INFINITY);
  return object;
}

Napi::Value probe(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  Napi::Object object = Napi::Object::New(env);
  object.Set("mmsg", tried(env, probeMmsg));
  object.Set("uring", tried(env, probeUring));
  object.Set("xdp", tried(env, probeXdp));
  object.Set("bpf", tried(env, [] { createMap(BPF_MAP_TYPE_XSKMAP, 4, 4, 1); }));
  object.Set("memlock", memlock(env));
  return object;
}

}  // namespace

void initProbe(Napi::Env env, Napi::Object exports) {
  exports.Set("probe", Napi::Function::New(env, probe));
}

}  // namespace andvari

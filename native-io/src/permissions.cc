#include "permissions.h"

#include <linux/capability.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <cstdio>

// Numbers that older headers lack; the kernel's interface does not change them.
#ifndef CAP_BPF
#define CAP_BPF 39
#endif

namespace andvari {
namespace {

// PROC_USER_INIT_INO: the machine's own user namespace.
constexpr ino_t kFirstUserNamespace = 0xeffffffd;

bool hasCapability(uint32_t capability) {
  __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct data[2] = {};
  // Whoever cannot ask is told by the call that fails.
  if (syscall(SYS_capget, &header, data) != 0) return true;
  return (data[capability / 32].effective >> (capability % 32) & 1) != 0;
}

// Capabilities that are held there count for what belongs to it, such as network namespaces; for
// bpf() and locked memory they do not.
bool isInUserNamespace() {
  struct stat found = {};
  return stat("/proc/self/ns/user", &found) == 0 && found.st_ino != kFirstUserNamespace;
}

std::string missingXdpCapabilities() {
  std::string missing;
  const auto want = [&](bool held, const char* name) {
    if (!held) missing += (missing.empty() ? "" : ", ") + std::string(name);
  };
  want(hasCapability(CAP_NET_RAW), "CAP_NET_RAW");
  want(hasCapability(CAP_NET_ADMIN), "CAP_NET_ADMIN");
  // CAP_SYS_ADMIN stands for CAP_BPF, as it did before there was one.
  want(hasCapability(CAP_BPF) || hasCapability(CAP_SYS_ADMIN), "CAP_BPF");
  return missing;
}

}  // namespace

void requireXdpCapabilities() {
  const std::string missing = missingXdpCapabilities();
  if (missing.empty()) return;
  throw IoError("ANDVARI_IO_PERMISSION", "AF_XDP without " + missing, EPERM,
                isInUserNamespace()
                    ? forbiddenMend()
                    : "give them to the process with AmbientCapabilities= in the service's unit "
                      "or with `setcap`, or run it as root");
}

std::string forbiddenMend() {
  if (isInUserNamespace()) {
    return "AF_XDP cannot be used in a user namespace, such as a rootless container: run the "
           "server outside, or use another backend";
  }
  return "seccomp, a container's profile or a security module forbids it to this process: allow "
         "it, or use another backend";
}

void refusePermission(const std::string& what, int error) {
  requireXdpCapabilities();
  throw IoError("ANDVARI_IO_PERMISSION", what, error, forbiddenMend());
}

bool chargesMapsAsLocked() {
  utsname name = {};
  unsigned major = 0, minor = 0;
  if (uname(&name) != 0 || std::sscanf(name.release, "%u.%u", &major, &minor) != 2) return false;
  return major < 5 || (major == 5 && minor < 11);
}

uint64_t lockableBytes() {
  rlimit limit = {};
  if (hasCapability(CAP_IPC_LOCK) && !isInUserNamespace()) return UINT64_MAX;
  if (getrlimit(RLIMIT_MEMLOCK, &limit) != 0) return UINT64_MAX;
  return limit.rlim_cur == RLIM_INFINITY ? UINT64_MAX : limit.rlim_cur;
}

}  // namespace andvari

// Sockets for tests: raw Ethernet frames (AF_PACKET), UDP, one ping, one TCP round trip, each in
// the network namespace of the calling thread.
#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/ethtool.h>
#include <linux/filter.h>
#include <linux/if_packet.h>
#include <linux/seccomp.h>
#include <linux/sockios.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <poll.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "addon.h"

namespace andvari::testing {
namespace {

constexpr size_t kPacketBytesMax = 65536;

union Address {
  sockaddr any;
  sockaddr_in v4;
  sockaddr_in6 v6;
};

void want(Napi::Env env, bool holds, const char* what) {
  if (!holds) throw Napi::Error::New(env, std::string(what) + ": " + std::strerror(errno));
}

std::string textAt(const Napi::CallbackInfo& info, size_t index) {
  return info[index].As<Napi::String>().Utf8Value();
}

int numberAt(const Napi::CallbackInfo& info, size_t index) {
  return info[index].As<Napi::Number>().Int32Value();
}

socklen_t addressOf(const std::string& host, int port, Address& address) {
  std::memset(&address, 0, sizeof address);
  if (inet_pton(AF_INET, host.c_str(), &address.v4.sin_addr) == 1) {
    address.v4.sin_family = AF_INET;
    address.v4.sin_port = htons(static_cast<uint16_t>(port));
    return sizeof address.v4;
  }
  inet_pton(AF_INET6, host.c_str(), &address.v6.sin6_addr);
  address.v6.sin6_family = AF_INET6;
  address.v6.sin6_port = htons(static_cast<uint16_t>(port));
  return sizeof address.v6;
}

int openNamespace(const std::string& name) {
  return open(("/var/run/netns/" + name).c_str(), O_RDONLY | O_CLOEXEC);
}

// enterNamespace(name): this thread, for good.
void enterNamespace(const Napi::CallbackInfo& info) {
  const int fd = openNamespace(textAt(info, 0));
  want(info.Env(), fd >= 0 && setns(fd, CLONE_NEWNET) == 0, "setns");
  close(fd);
}

// inNamespace(name, callback): gives what the callback gives; it must not wait for anything.
Napi::Value inNamespace(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const int own = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
  const int other = openNamespace(textAt(info, 0));
  want(env, own >= 0 && other >= 0 && setns(other, CLONE_NEWNET) == 0, "setns");
  close(other);
  const auto back = [&] {
    setns(own, CLONE_NEWNET);
    close(own);
  };
  try {
    const Napi::Value value = info[1].As<Napi::Function>().Call({});
    back();
    return value;
  } catch (...) {
    back();
    throw;
  }
}

// openPacketSocket(interface): sends and receives whole Ethernet frames.
Napi::Value openPacketSocket(const Napi::CallbackInfo& info) {
  const int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, htons(ETH_P_ALL));
  want(info.Env(), fd >= 0, "socket(AF_PACKET)");
  sockaddr_ll address = {};
  address.sll_family = AF_PACKET;
  address.sll_protocol = htons(ETH_P_ALL);
  address.sll_ifindex = static_cast<int>(if_nametoindex(textAt(info, 0).c_str()));
  want(info.Env(), bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0, "bind");
  return Napi::Number::New(info.Env(), fd);
}

// connectTo(socket, host, port): hears from nobody else afterwards.
void connectTo(const Napi::CallbackInfo& info) {
  Address address;
  const socklen_t bytes = addressOf(textAt(info, 1), numberAt(info, 2), address);
  want(info.Env(), connect(numberAt(info, 0), &address.any, bytes) == 0, "connect");
}

// openUdpSocket(host, port)
Napi::Value openUdpSocket(const Napi::CallbackInfo& info) {
  Address address;
  const socklen_t bytes = addressOf(textAt(info, 0), numberAt(info, 1), address);
  const int fd = socket(address.any.sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  want(info.Env(), fd >= 0, "socket");
  want(info.Env(), bind(fd, &address.any, bytes) == 0, "bind");
  return Napi::Number::New(info.Env(), fd);
}

// sendTo(socket, bytes, host, port); send(socket, bytes)
void sendTo(const Napi::CallbackInfo& info) {
  const auto data = info[1].As<Napi::Uint8Array>();
  Address address;
  const socklen_t bytes = addressOf(textAt(info, 2), numberAt(info, 3), address);
  want(info.Env(),
       sendto(numberAt(info, 0), data.Data(), data.ByteLength(), 0, &address.any, bytes) >= 0,
       "sendto");
}

void sendBytes(const Napi::CallbackInfo& info) {
  const auto data = info[1].As<Napi::Uint8Array>();
  want(info.Env(), send(numberAt(info, 0), data.Data(), data.ByteLength(), 0) >= 0, "send");
}

// receive(socket, timeoutMs): the next bytes, undefined when none come. Own outgoing frames, which
// a packet socket sees too, are passed over.
Napi::Value receive(const Napi::CallbackInfo& info) {
  const int fd = numberAt(info, 0);
  static thread_local uint8_t buffer[kPacketBytesMax];
  for (;;) {
    pollfd wait = {fd, POLLIN, 0};
    if (poll(&wait, 1, numberAt(info, 1)) <= 0) return info.Env().Undefined();
    sockaddr_ll from = {};
    socklen_t fromBytes = sizeof from;
    const ssize_t bytes = recvfrom(fd, buffer, sizeof buffer, MSG_DONTWAIT,
                                   reinterpret_cast<sockaddr*>(&from), &fromBytes);
    if (bytes < 0) continue;
    if (from.sll_family == AF_PACKET && from.sll_pkttype == PACKET_OUTGOING) continue;
    auto result = Napi::Uint8Array::New(info.Env(), static_cast<size_t>(bytes));
    std::memcpy(result.Data(), buffer, static_cast<size_t>(bytes));
    return result;
  }
}

void closeSocket(const Napi::CallbackInfo& info) { close(numberAt(info, 0)); }

// ping(host, timeoutMs): whether an echo reply came.
Napi::Value ping(const Napi::CallbackInfo& info) {
  Address address;
  const socklen_t bytes = addressOf(textAt(info, 0), 0, address);
  const bool v6 = address.any.sa_family == AF_INET6;
  const int fd = socket(address.any.sa_family, SOCK_RAW | SOCK_CLOEXEC,
                        v6 ? int{IPPROTO_ICMPV6} : int{IPPROTO_ICMP});
  want(info.Env(), fd >= 0, "socket(ICMP)");
  // Type, code, checksum (the kernel's affair in ICMPv6), id, sequence.
  const uint8_t request = v6 ? uint8_t{ICMP6_ECHO_REQUEST} : uint8_t{ICMP_ECHO};
  uint8_t echo[8] = {request, 0, 0, 0, 0x41, 0x4e, 0, 1};
  const uint16_t sum = htons(static_cast<uint16_t>(~(0x0800 + 0x414e + 0x0001)));
  if (!v6) std::memcpy(echo + 2, &sum, sizeof sum);
  sendto(fd, echo, sizeof echo, 0, &address.any, bytes);
  bool answered = false;
  uint8_t buffer[256];
  for (pollfd wait = {fd, POLLIN, 0}; !answered && poll(&wait, 1, numberAt(info, 1)) > 0;) {
    const ssize_t got = recv(fd, buffer, sizeof buffer, MSG_DONTWAIT);
    const size_t at = v6 ? 0 : 20;
    answered = got >= static_cast<ssize_t>(at + sizeof echo) &&
               buffer[at] == (v6 ? uint8_t{ICMP6_ECHO_REPLY} : uint8_t{ICMP_ECHOREPLY}) &&
               buffer[at + 4] == 0x41;
  }
  close(fd);
  return Napi::Boolean::New(info.Env(), answered);
}

// listenTcp(host, port) and tcpRoundTrip(listener, host, port): connects from this namespace to the
// listener of another one; true when the bytes that were sent come out at the other end.
Napi::Value listenTcp(const Napi::CallbackInfo& info) {
  Address address;
  const socklen_t bytes = addressOf(textAt(info, 0), numberAt(info, 1), address);
  const int fd = socket(address.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  want(info.Env(), fd >= 0, "socket");
  want(info.Env(), bind(fd, &address.any, bytes) == 0 && listen(fd, 1) == 0, "listen");
  return Napi::Number::New(info.Env(), fd);
}

Napi::Value tcpRoundTrip(const Napi::CallbackInfo& info) {
  Address address;
  const socklen_t bytes = addressOf(textAt(info, 1), numberAt(info, 2), address);
  const int client = socket(address.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const timeval limit = {5, 0};
  setsockopt(client, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
  want(info.Env(), connect(client, &address.any, bytes) == 0, "connect");
  const int server = accept(numberAt(info, 0), nullptr, nullptr);
  want(info.Env(), server >= 0, "accept");
  setsockopt(server, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  char got[5] = {};
  const bool equal = send(client, "hello", 5, 0) == 5 &&
                     recv(server, got, sizeof got, MSG_WAITALL) == 5 &&
                     std::memcmp(got, "hello", 5) == 0;
  close(client);
  close(server);
  return Napi::Boolean::New(info.Env(), equal);
}

// setOffload(interface, on): checksums of what it sends, by the device or by the kernel.
void setOffload(const Napi::CallbackInfo& info) {
  const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  ethtool_value value = {ETHTOOL_STXCSUM, info[1].As<Napi::Boolean>().Value() ? 1u : 0u};
  ifreq request = {};
  const std::string name = textAt(info, 0);
  std::memcpy(request.ifr_name, name.c_str(), std::min<size_t>(name.size(), IFNAMSIZ - 1));
  request.ifr_data = reinterpret_cast<char*>(&value);
  const int status = ioctl(fd, SIOCETHTOOL, &request);
  close(fd);
  want(info.Env(), status == 0, "ETHTOOL_STXCSUM");
}

// keepCapabilities(list): this thread keeps these numbers only.
void keepCapabilities(const Napi::CallbackInfo& info) {
  __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct data[2] = {};
  const auto list = info[0].As<Napi::Array>();
  for (uint32_t i = 0; i < list.Length(); i++) {
    const uint32_t number = list.Get(i).As<Napi::Number>().Uint32Value();
    data[number / 32].effective |= 1u << (number % 32);
    data[number / 32].permitted |= 1u << (number % 32);
  }
  want(info.Env(), syscall(SYS_capset, &header, data) == 0, "capset");
}

// denyCalls(names): EPERM from now on, for this thread and whatever it starts.
void denyCalls(const Napi::CallbackInfo& info) {
  const std::pair<const char*, uint32_t> known[] = {
      {"bpf", SYS_bpf}, {"recvmmsg", SYS_recvmmsg}, {"sendmmsg", SYS_sendmmsg}};
  std::vector<sock_filter> filter = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr))};
  const auto names = info[0].As<Napi::Array>();
  for (uint32_t i = 0; i < names.Length(); i++) {
    const std::string name = names.Get(i).As<Napi::String>().Utf8Value();
    for (const auto& [text, number] : known) {
      if (name != text) continue;
      filter.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 1));
      filter.push_back(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM));
    }
  }
  filter.push_back(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
  const sock_fprog program = {static_cast<unsigned short>(filter.size()), filter.data()};
  want(info.Env(), prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0, "no_new_privs");
  want(info.Env(), prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0, "seccomp");
}

}  // namespace

void initRawSocket(Napi::Env env, Napi::Object exports) {
  const auto add = [&](const char* name, auto function) {
    exports.Set(name, Napi::Function::New(env, function, name));
  };
  add("enterNamespace", enterNamespace);
  add("inNamespace", inNamespace);
  add("openPacketSocket", openPacketSocket);
  add("openUdpSocket", openUdpSocket);
  add("connectTo", connectTo);
  add("keepCapabilities", keepCapabilities);
  add("denyCalls", denyCalls);
  add("sendTo", sendTo);
  add("send", sendBytes);
  add("receive", receive);
  add("closeSocket", closeSocket);
  add("ping", ping);
  add("listenTcp", listenTcp);
  add("tcpRoundTrip", tcpRoundTrip);
  add("setOffload", setOffload);
}

}  // namespace andvari::testing

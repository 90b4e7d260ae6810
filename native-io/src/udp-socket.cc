#include "udp-socket.h"

#include <arpa/inet.h>
#include <linux/sock_diag.h>
#include <netdb.h>
#include <unistd.h>

#include <cstring>
#include <utility>

#include "io-error.h"

namespace andvari {
namespace {

// A burst of 10,000 small requests between two turns of the event loop.
constexpr int kBufferBytes = 4 << 20;

struct Resolved {
  addrinfo* first = nullptr;
  ~Resolved() {
    if (first) freeaddrinfo(first);
  }
};

// Numbers only: a name would have to be looked up, and could mean two addresses.
SocketAddress resolve(const std::string& host, uint16_t port) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_DGRAM;
  hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE;
  Resolved resolved;
  // A NUL would end the text for the resolver: what follows it would not be looked at.
  const bool isText = host.find('\0') == std::string::npos;
  const int error =
      isText ? getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &resolved.first)
             : EAI_NONAME;
  if (error != 0 || resolved.first->ai_addrlen > sizeof(SocketAddress)) {
    throw IoError("ANDVARI_ADDRESS", host + " is no IP address", 0,
                  "give an IPv4 or IPv6 address of this machine");
  }
  SocketAddress address{};
  std::memcpy(&address, resolved.first->ai_addr, resolved.first->ai_addrlen);
  return address;
}

// What a user is told when a socket cannot be made or bound.
IoError bindError(const char* syscall, int error) {
  switch (error) {
    case EADDRINUSE:
      return {"ANDVARI_PORT_IN_USE", syscall, error, "stop the other program or take another port"};
    case EADDRNOTAVAIL:
    case EAFNOSUPPORT:
    case EINVAL:
    case ENODEV:
      return {"ANDVARI_ADDRESS", syscall, error, "give an IPv4 or IPv6 address of this machine"};
    case EACCES:
    case EPERM:
      return {"ANDVARI_IO_PERMISSION", syscall, error,
              "take a port from 1024 up, or give the program CAP_NET_BIND_SERVICE"};
    case EMFILE:
    case ENFILE:
      return {"ANDVARI_IO_SYSTEM", syscall, error, "raise the limit of open files (ulimit -n)"};
    default:
      return {"ANDVARI_IO_SYSTEM", syscall, error};
  }
}

// With CAP_NET_ADMIN past the system's maximum, otherwise as much as that allows. A smaller buffer
// is no error.
void setBuffer(int fd, int forced, int plain) {
  if (setsockopt(fd, SOL_SOCKET, forced, &kBufferBytes, sizeof kBufferBytes) == 0) return;
  setsockopt(fd, SOL_SOCKET, plain, &kBufferBytes, sizeof kBufferBytes);
}

void setOption(int fd, int level, int name) {
  const int on = 1;
  if (setsockopt(fd, level, name, &on, sizeof on) != 0) throw bindError("setsockopt", errno);
}

bool isAny(const SocketAddress& address) {
  if (address.any.sa_family != AF_INET6) return address.v4.sin_addr.s_addr == htonl(INADDR_ANY);
  const in6_addr& v6 = address.v6.sin6_addr;
  uint32_t low;
  std::memcpy(&low, v6.s6_addr + 12, sizeof low);
  return low == 0 && (IN6_IS_ADDR_UNSPECIFIED(&v6) || IN6_IS_ADDR_V4MAPPED(&v6));
}

std::string hostOf(const SocketAddress& address) {
  char text[NI_MAXHOST];
  const int error = getnameinfo(&address.any, UdpSocket::lengthOf(address), text, sizeof text,
                                nullptr, 0, NI_NUMERICHOST);
  return error == 0 ? text : "";
}

}  // namespace

UdpSocket::UdpSocket(const std::string& host, uint16_t port, bool reusePort) {
  SocketAddress address = resolve(host, port);
  v6_ = address.any.sa_family == AF_INET6;
  fd_ = socket(address.any.sa_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_UDP);
  if (fd_ < 0) throw bindError("socket", errno);
  try {
    // At :: it hears IPv4 too, as sockets of Node do, whatever the system's default is.
    const int v6Only = 0;
    if (v6_) setsockopt(fd_, IPPROTO_IPV6, IPV6_V6ONLY, &v6Only, sizeof v6Only);
    if (reusePort) setOption(fd_, SOL_SOCKET, SO_REUSEPORT);
    setBuffer(fd_, SO_RCVBUFFORCE, SO_RCVBUF);
    setBuffer(fd_, SO_SNDBUFFORCE, SO_SNDBUF);
    if (bind(fd_, &address.any, lengthOf(address)) != 0) throw bindError("bind", errno);
    socklen_t length = sizeof address;
    if (getsockname(fd_, &address.any, &length) != 0) throw bindError("getsockname", errno);
  } catch (...) {
    ::close(fd_);
    throw;
  }
  any_ = isAny(address);
  host_ = hostOf(address);
  port_ = ntohs(v6_ ? address.v6.sin6_port : address.v4.sin_port);
}

UdpSocket::~UdpSocket() { ::close(fd_); }

uint32_t UdpSocket::kernelDropped() const {
  uint32_t counts[SK_MEMINFO_VARS] = {};
  socklen_t bytes = sizeof counts;
  const bool known = getsockopt(fd_, SOL_SOCKET, SO_MEMINFO, counts, &bytes) == 0;
  return known ? counts[SK_MEMINFO_DROPS] : 0;
}

socklen_t UdpSocket::lengthOf(const SocketAddress& address) {
  return address.any.sa_family == AF_INET6 ? sizeof address.v6 : sizeof address.v4;
}

Sender UdpSocket::senderOf(const EnginePort& port, const SocketAddress& from) {
  const auto local = [](bool is) { return is ? uint32_t{border::Flag::LOCAL} : 0; };
  const auto ofV4 = [&](uint32_t number) { return Sender{number, local(number >> 24 == 127)}; };
  if (from.any.sa_family != AF_INET6) return ofV4(ntohl(from.v4.sin_addr.s_addr));
  const in6_addr& address = from.v6.sin6_addr;
  if (IN6_IS_ADDR_V4MAPPED(&address)) {
    uint32_t number;
    std::memcpy(&number, address.s6_addr + 12, 4);
    return ofV4(ntohl(number));
  }
  return {port.hashAddress(address.s6_addr),
          border::Flag::IPV6 | local(IN6_IS_ADDR_LOOPBACK(&address))};
}

std::unique_ptr<UdpSocket> openUdpSocket(const Napi::Object& options) {
  const auto host = options.Get("host").As<Napi::String>().Utf8Value();
  const auto port = options.Get("port").As<Napi::Number>().Uint32Value();
  const bool reusePort = options.Get("reusePort").ToBoolean();
  return std::make_unique<UdpSocket>(host, static_cast<uint16_t>(port), reusePort);
}

}  // namespace andvari

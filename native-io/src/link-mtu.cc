#include "link-mtu.h"

#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/ip.h>
#include <sys/ioctl.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "io-error.h"

namespace andvari {
namespace {

constexpr uint32_t kUnknown = 1500;

struct Addresses {
  ifaddrs* first = nullptr;
  ~Addresses() {
    if (first) freeifaddrs(first);
  }
};

bool isWildcard(const SocketAddress& own) {
  if (own.any.sa_family == AF_INET6) return IN6_IS_ADDR_UNSPECIFIED(&own.v6.sin6_addr);
  return own.v4.sin_addr.s_addr == INADDR_ANY;
}

bool isAt(const sockaddr* address, const SocketAddress& own) {
  if (!address || address->sa_family != own.any.sa_family) return false;
  SocketAddress other;
  if (own.any.sa_family == AF_INET6) {
    std::memcpy(&other.v6, address, sizeof other.v6);
    return IN6_ARE_ADDR_EQUAL(&other.v6.sin6_addr, &own.v6.sin6_addr);
  }
  std::memcpy(&other.v4, address, sizeof other.v4);
  // All of 127.0.0.0/8 is the loopback interface's, which has one address of it.
  const uint32_t loopback = htonl(INADDR_LOOPBACK), net = htonl(IN_CLASSA_NET);
  const uint32_t a = other.v4.sin_addr.s_addr, b = own.v4.sin_addr.s_addr;
  return a == b || ((a & net) == (loopback & net) && (b & net) == (loopback & net));
}

uint32_t mtuOf(int fd, const char* name) {
  ifreq request = {};
  std::strncpy(request.ifr_name, name, IFNAMSIZ - 1);
  if (ioctl(fd, SIOCGIFMTU, &request) != 0 || request.ifr_mtu <= 0) return 0;
  return static_cast<uint32_t>(request.ifr_mtu);
}

}  // namespace

void forbidFragments(const UdpSocket& socket) {
  const int v4 = IP_PMTUDISC_PROBE, v6 = IPV6_PMTUDISC_PROBE;
  // A socket of IPv6 sends IPv4 too.
  const bool done =
      setsockopt(socket.fd(), IPPROTO_IP, IP_MTU_DISCOVER, &v4, sizeof v4) == 0 &&
      (!socket.isV6() ||
       setsockopt(socket.fd(), IPPROTO_IPV6, IPV6_MTU_DISCOVER, &v6, sizeof v6) == 0);
  if (!done) throw IoError("ANDVARI_IO_SYSTEM", "setsockopt(MTU_DISCOVER)", errno);
}

uint32_t linkMtu(const UdpSocket& socket) {
  SocketAddress own = {};
  socklen_t length = sizeof own;
  Addresses addresses;
  if (getsockname(socket.fd(), &own.any, &length) != 0) return kUnknown;
  if (getifaddrs(&addresses.first) != 0) return kUnknown;
  uint32_t loopback = 0, largest = 0;
  for (const ifaddrs* one = addresses.first; one; one = one->ifa_next) {
    if (!(one->ifa_flags & IFF_UP)) continue;
    if (!isWildcard(own) && !isAt(one->ifa_addr, own)) continue;
    uint32_t& most = one->ifa_flags & IFF_LOOPBACK ? loopback : largest;
    most = std::max(most, mtuOf(socket.fd(), one->ifa_name));
  }
  if (largest == 0) largest = loopback;
  return largest == 0 ? kUnknown : largest;
}

}  // namespace andvari

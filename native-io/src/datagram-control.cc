#include "datagram-control.h"

#include <netinet/udp.h>

#include <cstring>

#include "segments.h"

namespace andvari {
namespace {

// udp.h of older C libraries has no name for it.
constexpr int kUdpGro = 104;

template <typename Value>
bool valueOf(const cmsghdr& header, int level, int type, Value& value) {
  if (header.cmsg_level != level || header.cmsg_type != type) return false;
  if (header.cmsg_len < CMSG_LEN(sizeof value)) return false;
  std::memcpy(&value, CMSG_DATA(&header), sizeof value);
  return true;
}

// Calls use() with each piece of control data until it says true.
template <typename Use>
bool anyOf(const msghdr& message, Use use) {
  auto* const whole = const_cast<msghdr*>(&message);
  for (cmsghdr* one = CMSG_FIRSTHDR(whole); one; one = CMSG_NXTHDR(whole, one)) {
    if (use(*one)) return true;
  }
  return false;
}

bool isV4(const SocketAddress& address) {
  if (address.any.sa_family != AF_INET6) return true;
  return IN6_IS_ADDR_V4MAPPED(&address.v6.sin6_addr);
}

bool isLinkLocal(const SocketAddress& address) {
  return address.any.sa_family == AF_INET6 && IN6_IS_ADDR_LINKLOCAL(&address.v6.sin6_addr);
}

in6_addr mapped(in_addr v4) {
  in6_addr address{};
  address.s6_addr[10] = address.s6_addr[11] = 0xff;
  std::memcpy(address.s6_addr + 12, &v4, sizeof v4);
  return address;
}

bool takeV4(const in_pktinfo& info, LocalAddress& local) {
  if (info.ipi_spec_dst.s_addr == htonl(INADDR_ANY)) return false;
  local = {mapped(info.ipi_spec_dst), 0};
  return true;
}

bool takeV6(const in6_pktinfo& info, const SocketAddress& from, LocalAddress& local) {
  const in6_addr& to = info.ipi6_addr;
  if (IN6_IS_ADDR_V4MAPPED(&to) || IN6_IS_ADDR_MULTICAST(&to)) return false;
  if (IN6_IS_ADDR_UNSPECIFIED(&to)) return false;
  const bool scoped = IN6_IS_ADDR_LINKLOCAL(&to) || isLinkLocal(from);
  local = {to, scoped ? static_cast<uint32_t>(info.ipi6_ifindex) : 0};
  return true;
}

}  // namespace

void ReceivedControl::attach(msghdr& message) {
  message.msg_control = bytes_;
  message.msg_controllen = sizeof bytes_;
}

uint32_t ReceivedControl::segmentOf(const msghdr& message, uint32_t bytes) {
  int segment = 0;
  anyOf(message, [&](const cmsghdr& one) { return valueOf(one, IPPROTO_UDP, kUdpGro, segment); });
  return segment > 0 ? static_cast<uint32_t>(segment) : bytes;
}

bool ReceivedControl::localOf(const msghdr& message, LocalAddress& local) {
  const auto& from = *static_cast<const SocketAddress*>(message.msg_name);
  return anyOf(message, [&](const cmsghdr& one) {
    in_pktinfo v4;
    in6_pktinfo v6;
    if (valueOf(one, IPPROTO_IP, IP_PKTINFO, v4)) return takeV4(v4, local);
    return valueOf(one, IPPROTO_IPV6, IPV6_PKTINFO, v6) && takeV6(v6, from, local);
  });
}

void SentControl::attach(msghdr& message, uint32_t segmentBytes, const LocalAddress* from) {
  const auto& to = *static_cast<const SocketAddress*>(message.msg_name);
  std::memset(bytes_, 0, sizeof bytes_);
  message.msg_control = bytes_;
  message.msg_controllen = 0;
  if (segmentBytes) {
    const uint16_t bytes = static_cast<uint16_t>(segmentBytes);
    appendControl(message, {IPPROTO_UDP, kUdpSegment}, &bytes, sizeof bytes);
  }
  if (from && (IN6_IS_ADDR_V4MAPPED(&from->address) != 0) == isV4(to)) {
    if (isV4(to)) {
      in_pktinfo info{};
      std::memcpy(&info.ipi_spec_dst, from->address.s6_addr + 12, sizeof info.ipi_spec_dst);
      appendControl(message, {IPPROTO_IP, IP_PKTINFO}, &info, sizeof info);
    } else {
      const in6_pktinfo info{from->address, from->interface};
      appendControl(message, {IPPROTO_IPV6, IPV6_PKTINFO}, &info, sizeof info);
    }
  }
  if (message.msg_controllen == 0) message.msg_control = nullptr;
}

}  // namespace andvari

#include "local-addresses.h"

#include <cstring>

namespace andvari {
namespace {

bool isSame(const LocalAddress& a, const LocalAddress& b) {
  return a.interface == b.interface && std::memcmp(&a.address, &b.address, sizeof a.address) == 0;
}

void turnOn(const UdpSocket& socket, int level, int option) {
  const int on = 1;
  setsockopt(socket.fd(), level, option, &on, sizeof on);
}

}  // namespace

LocalAddresses::LocalAddresses(const UdpSocket& socket) {
  if (!socket.isAnyAddress()) return;
  // A socket of IPv6 hears IPv4 too, of which IP_PKTINFO tells more: whom a broadcast came to.
  turnOn(socket, IPPROTO_IP, IP_PKTINFO);
  if (socket.isV6()) turnOn(socket, IPPROTO_IPV6, IPV6_RECVPKTINFO);
}

uint16_t LocalAddresses::numberOf(const LocalAddress& local) {
  if (last_ >= count_ || !isSame(entries_[last_].local, local)) {
    uint32_t index = 0, oldest = 0;
    for (; index < count_ && !isSame(entries_[index].local, local); index++) {
      if (entries_[index].calledAt < entries_[oldest].calledAt) oldest = index;
    }
    if (index == kMost) index = oldest;
    if (index == count_) count_++;
    entries_[index].local = local;
    last_ = index;
  }
  entries_[last_].calledAt = ++calls_;
  return static_cast<uint16_t>(last_ + 1);
}

const LocalAddress* LocalAddresses::find(uint16_t number) const {
  return number == 0 || number > count_ ? nullptr : &entries_[number - 1].local;
}

}  // namespace andvari

// What travels beside a datagram between the kernel and this process (cmsg): where it came to or
// leaves from, and how a message of several datagrams is cut. Buffers have room for all of that and
// for no more; what does not fit is not told (MSG_CTRUNC).
#pragma once
#include <netinet/in.h>
#include <sys/socket.h>

#include <cstdint>

#include "local-addresses.h"
#include "udp-socket.h"

namespace andvari {

// Of a datagram that came.
class ReceivedControl {
 public:
  // Before each call of the kernel.
  void attach(msghdr& message);
  // Of each datagram of a message of `bytes` but the last; all of it when it is one.
  static uint32_t segmentOf(const msghdr& message, uint32_t bytes);
  // False: it was not told, or nobody can answer from there (a group).
  static bool localOf(const msghdr& message, LocalAddress& local);

 private:
  // A socket of IPv6 tells of a datagram of IPv4 twice.
  alignas(cmsghdr) uint8_t bytes_[CMSG_SPACE(sizeof(int)) + CMSG_SPACE(sizeof(in_pktinfo)) +
                                  CMSG_SPACE(sizeof(in6_pktinfo))];
};

// Of a message that goes. Lives as long as the message.
class SentControl {
 public:
  // `segmentBytes`: of each datagram but the last, 0: it is one. `from`: null, or of another family
  // than `to`: the kernel chooses.
  void attach(msghdr& message, uint32_t segmentBytes, const LocalAddress* from);

 private:
  alignas(cmsghdr) uint8_t bytes_[CMSG_SPACE(sizeof(uint16_t)) + CMSG_SPACE(sizeof(in6_pktinfo))];
};

}  // namespace andvari

// The size of packets that leave whole: what the interface takes, and that nobody cuts them.
#pragma once
#include <cstdint>

#include "udp-socket.h"

namespace andvari {

// From now on packets are neither cut here nor on their way, over IPv4 and IPv6; what the kernel
// believes of a path is not asked, so that probes leave. A packet that the interface does not take
// is refused with EMSGSIZE. Throws IoError.
void forbidFragments(const UdpSocket& socket);

// Bytes of the largest IP packet of the interface that has the socket's address; of a wildcard, of
// the interface with the largest, loopback left out where there is another. 1500 when none is
// known.
uint32_t linkMtu(const UdpSocket& socket);

}  // namespace andvari

// The far end of a datagram, as the engine of the transfer protocol has it (border::PathField): 16
// bytes of address, IPv4 mapped into IPv6, the port, little-endian, and what has no meaning here.
#pragma once
#include <cstdint>

#include "udp-socket.h"

namespace andvari {

void writeFarEnd(const SocketAddress& from, uint8_t* farEnd);
// As a socket of this family is told it. False: it cannot send there, or the port is 0.
bool readFarEnd(const uint8_t* farEnd, bool v6, SocketAddress& to);

}  // namespace andvari

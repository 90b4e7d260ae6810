// The far end of a datagram, as the engine of the transfer protocol has it (border::PathField): 16
// bytes of address, IPv4 mapped into IPv6, the port and the number of a local address
// (local-addresses.h), little-endian, and what has no meaning here.
#pragma once
#include <cstdint>

#include "udp-socket.h"

namespace andvari {

struct FarEnd {
  SocketAddress address{};
  uint16_t local = 0;
};

void writeFarEnd(const SocketAddress& from, uint16_t local, uint8_t* farEnd);
// As a socket of this family is told it. False: it cannot send there, or the port is 0. Nobody has
// seen yet whether anything has this number of a local address.
bool readFarEnd(const uint8_t* farEnd, bool v6, FarEnd& to);

}  // namespace andvari

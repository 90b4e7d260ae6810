// Ethernet, IPv4 or IPv6, and UDP headers of one packet: parsed with every length checked, and
// built for a reply with right checksums.
//
//   at  bytes  Ethernet            at  bytes  IPv4                 at  bytes  IPv6
//    0      6  to                   0      1  version, length       0      4  version, class, flow
//    6      6  from                 2      2  total length          4      2  payload length
//   12      2  type                 4      2  id                    6      1  next header
//                                   6      2  flags, offset         7      1  hop limit
//   at  bytes  UDP                  8      1  TTL                   8     16  from
//    0      2  from port            9      1  protocol             24     16  to
//    2      2  to port             10      2  header checksum
//    4      2  length              12      4  from
//    6      2  checksum            16      4  to
//
// Every number is big-endian.
#pragma once
#include <cstdint>

namespace andvari {

namespace ethernet {
constexpr int16_t kTo = 0, kFrom = 6, kType = 12, kBytes = 14;
constexpr uint16_t kIpv4 = 0x0800, kIpv6 = 0x86dd;
constexpr uint32_t kAddressBytes = 6;
}  // namespace ethernet
namespace ipv4 {
constexpr int16_t kVersionLength = 0, kTotalLength = 2, kFragment = 6, kTtl = 8, kProtocol = 9,
                  kChecksum = 10, kFrom = 12, kTo = 16, kBytes = 20;
// Version 4, five words: no options.
constexpr uint8_t kVersionLengthPlain = 0x45;
}  // namespace ipv4
namespace ipv6 {
constexpr int16_t kVersion = 0, kPayloadLength = 4, kNext = 6, kHopLimit = 7, kFrom = 8, kTo = 24,
                  kBytes = 40;
}
namespace udp {
constexpr int16_t kFrom = 0, kTo = 2, kLength = 4, kChecksum = 6, kBytes = 8;
}

constexpr uint32_t kIpv4HeadersBytes = ethernet::kBytes + ipv4::kBytes + udp::kBytes;
constexpr uint32_t kIpv6HeadersBytes = ethernet::kBytes + ipv6::kBytes + udp::kBytes;

// Both ends of a datagram, as the receiver sees them; bytes and ports in wire order. IPv4 addresses
// are the first four bytes.
struct PacketPath {
  uint8_t localMac[6];
  uint8_t remoteMac[6];
  uint8_t localIp[16];
  uint8_t remoteIp[16];
  uint16_t localPort;
  uint16_t remotePort;
  bool v6;

  uint32_t headersBytes() const { return v6 ? kIpv6HeadersBytes : kIpv4HeadersBytes; }
};

// The payload within the frame.
struct Payload {
  uint32_t offset;
  uint32_t length;
};

// Parses a UDP packet of `bytes` bytes; false: malformed, or nothing to answer (fragments, options,
// a source that no packet of the wire may have). The kernel drops the same ones.
//
// Both checksums are checked, since AF_XDP takes packets before anybody has looked at them. A
// sender on the same machine (veth, virtual machines) leaves UDP's to hardware that the packet
// never meets: then the field holds the sum of the pseudo header alone, folded and not
// complemented, and nothing is to be checked. A damaged packet whose field happens to hold that is
// one in 65536, as many as the checksum itself lets through. IPv4 may go without one; IPv6 may not
// (RFC 8200, 8.1).
bool parseUdpPacket(const uint8_t* frame, uint32_t bytes, PacketPath& path, Payload& payload);

// Writes the headers of a packet from `path`'s local to its remote end, directly before `payload`
// (path.headersBytes() bytes there are overwritten): TTL 64, id 0 with "don't fragment", full
// checksums. `length` is at most what one packet takes (65507).
void buildUdpHeaders(uint8_t* payload, uint32_t length, const PacketPath& path);

// The one's complement sum of `bytes` bytes, added to `sum`; not folded, in the host's order. Of
// several parts only the last may have an odd length.
uint64_t addToChecksum(uint64_t sum, const uint8_t* from, uint32_t bytes);
// Folded and complemented, to be stored as it is.
uint16_t foldChecksum(uint64_t sum);

}  // namespace andvari

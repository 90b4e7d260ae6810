#include "frame-headers.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <cstring>

namespace andvari {
namespace {

constexpr uint8_t kTtl = 64;
constexpr uint16_t kDontFragment = 0x4000, kFragmentBits = 0x3fff;

uint16_t readU16BE(const uint8_t* from) {
  uint16_t value;
  std::memcpy(&value, from, sizeof value);
  return ntohs(value);
}

void writeU16BE(uint8_t* to, uint16_t value) {
  value = htons(value);
  std::memcpy(to, &value, sizeof value);
}

template <typename Word>
uint64_t wordAt(const uint8_t* from) {
  Word word;
  std::memcpy(&word, from, sizeof word);
  return word;
}

// What overflows is carried around.
uint64_t addAround(uint64_t left, uint64_t right) {
  const uint64_t sum = left + right;
  return sum + (sum < right);
}

// "This network", loopback, multicast, reserved and broadcast never come from the wire.
bool isIpv4Source(const uint8_t* address) {
  return address[0] != 0 && address[0] != 127 && address[0] < 224;
}

// Nor do the unspecified address, loopback, IPv4 in IPv6 form (all below 1::) and multicast.
bool isIpv6Source(const uint8_t* address) {
  static const uint8_t zero[10] = {};
  return address[0] != 0xff && std::memcmp(address, zero, sizeof zero) != 0;
}

// Where the IP payload lies; 0: malformed.
uint32_t parseIpv4(const uint8_t* ip, uint32_t bytes, PacketPath& path) {
  if (bytes < ipv4::kBytes || ip[ipv4::kVersionLength] != ipv4::kVersionLengthPlain) return 0;
  const uint32_t total = readU16BE(ip + ipv4::kTotalLength);
  // The frame may be longer: Ethernet pads to 60 bytes.
  if (total < uint32_t{ipv4::kBytes} + udp::kBytes || total > bytes) return 0;
  if (ip[ipv4::kProtocol] != IPPROTO_UDP) return 0;
  if (readU16BE(ip + ipv4::kFragment) & kFragmentBits) return 0;
  if (foldChecksum(addToChecksum(0, ip, ipv4::kBytes)) != 0) return 0;
  if (!isIpv4Source(ip + ipv4::kFrom)) return 0;
  std::memset(path.localIp, 0, sizeof path.localIp);
  std::memset(path.remoteIp, 0, sizeof path.remoteIp);
  std::memcpy(path.localIp, ip + ipv4::kTo, 4);
  std::memcpy(path.remoteIp, ip + ipv4::kFrom, 4);
  path.v6 = false;
  return total - ipv4::kBytes;
}

uint32_t parseIpv6(const uint8_t* ip, uint32_t bytes, PacketPath& path) {
  if (bytes < ipv6::kBytes || ip[ipv6::kVersion] >> 4 != 6) return 0;
  const uint32_t length = readU16BE(ip + ipv6::kPayloadLength);
  if (length < udp::kBytes || length > bytes - ipv6::kBytes) return 0;
  if (ip[ipv6::kNext] != IPPROTO_UDP || !isIpv6Source(ip + ipv6::kFrom)) return 0;
  std::memcpy(path.localIp, ip + ipv6::kTo, 16);
  std::memcpy(path.remoteIp, ip + ipv6::kFrom, 16);
  path.v6 = true;
  return length;
}

// The pseudo header: both addresses, the length as it stands in the UDP header, the protocol.
uint64_t sumOfPseudoHeader(const PacketPath& path, uint16_t lengthBE) {
  const uint32_t addressBytes = path.v6 ? 16 : 4;
  const uint64_t sum = uint64_t{lengthBE} + htons(IPPROTO_UDP);
  return addToChecksum(addToChecksum(sum, path.localIp, addressBytes), path.remoteIp, addressBytes);
}

// `header`: `length` bytes, UDP's own among them.
bool isUdpChecksumRight(const uint8_t* header, uint32_t length, const PacketPath& path) {
  uint16_t checksum, lengthBE;
  std::memcpy(&checksum, header + udp::kChecksum, sizeof checksum);
  std::memcpy(&lengthBE, header + udp::kLength, sizeof lengthBE);
  if (checksum == 0) return !path.v6;
  const uint64_t pseudo = sumOfPseudoHeader(path, lengthBE);
  // foldChecksum() gives the complement: nothing is left of a right packet.
  if (foldChecksum(addToChecksum(pseudo, header, length)) == 0) return true;
  return checksum == static_cast<uint16_t>(~foldChecksum(pseudo));
}

}  // namespace

bool parseUdpPacket(const uint8_t* frame, uint32_t bytes, PacketPath& path, Payload& payload) {
  if (bytes < ethernet::kBytes) return false;
  const uint16_t type = readU16BE(frame + ethernet::kType);
  const uint8_t* ip = frame + ethernet::kBytes;
  const uint32_t ipBytes = bytes - ethernet::kBytes;
  uint32_t within = 0;
  if (type == ethernet::kIpv4) within = parseIpv4(ip, ipBytes, path);
  if (type == ethernet::kIpv6) within = parseIpv6(ip, ipBytes, path);
  if (within == 0) return false;
  const uint32_t headers = path.headersBytes();
  const uint8_t* header = frame + headers - udp::kBytes;
  const uint32_t length = readU16BE(header + udp::kLength);
  if (length < udp::kBytes || length > within) return false;
  std::memcpy(&path.remotePort, header + udp::kFrom, 2);
  std::memcpy(&path.localPort, header + udp::kTo, 2);
  // Port 0 as a source means that no answer is wanted.
  if (path.remotePort == 0) return false;
  if (!isUdpChecksumRight(header, length, path)) return false;
  std::memcpy(path.localMac, frame + ethernet::kTo, ethernet::kAddressBytes);
  std::memcpy(path.remoteMac, frame + ethernet::kFrom, ethernet::kAddressBytes);
  payload = {headers, length - udp::kBytes};
  return true;
}

void buildUdpHeaders(uint8_t* payload, uint32_t length, const PacketPath& path) {
  uint8_t* header = payload - udp::kBytes;
  uint8_t* ip = header - (path.v6 ? ipv6::kBytes : ipv4::kBytes);
  uint8_t* frame = ip - ethernet::kBytes;
  const uint32_t addressBytes = path.v6 ? 16 : 4;
  const auto udpBytes = static_cast<uint16_t>(length + udp::kBytes);
  std::memcpy(frame + ethernet::kTo, path.remoteMac, ethernet::kAddressBytes);
  std::memcpy(frame + ethernet::kFrom, path.localMac, ethernet::kAddressBytes);
  writeU16BE(frame + ethernet::kType, path.v6 ? ethernet::kIpv6 : ethernet::kIpv4);
  if (path.v6) {
    std::memset(ip, 0, ipv6::kBytes);
    ip[ipv6::kVersion] = 0x60;
    writeU16BE(ip + ipv6::kPayloadLength, udpBytes);
    ip[ipv6::kNext] = IPPROTO_UDP;
    ip[ipv6::kHopLimit] = kTtl;
    std::memcpy(ip + ipv6::kFrom, path.localIp, addressBytes);
    std::memcpy(ip + ipv6::kTo, path.remoteIp, addressBytes);
  } else {
    std::memset(ip, 0, ipv4::kBytes);
    ip[ipv4::kVersionLength] = ipv4::kVersionLengthPlain;
    writeU16BE(ip + ipv4::kTotalLength, static_cast<uint16_t>(ipv4::kBytes + udpBytes));
    // RFC 6864: a packet that is never fragmented needs no identification.
    writeU16BE(ip + ipv4::kFragment, kDontFragment);
    ip[ipv4::kTtl] = kTtl;
    ip[ipv4::kProtocol] = IPPROTO_UDP;
    std::memcpy(ip + ipv4::kFrom, path.localIp, addressBytes);
    std::memcpy(ip + ipv4::kTo, path.remoteIp, addressBytes);
    const uint16_t checksum = foldChecksum(addToChecksum(0, ip, ipv4::kBytes));
    std::memcpy(ip + ipv4::kChecksum, &checksum, sizeof checksum);
  }
  std::memcpy(header + udp::kFrom, &path.localPort, 2);
  std::memcpy(header + udp::kTo, &path.remotePort, 2);
  writeU16BE(header + udp::kLength, udpBytes);
  std::memset(header + udp::kChecksum, 0, 2);
  const uint64_t sum = sumOfPseudoHeader(path, htons(udpBytes));
  uint16_t checksum = foldChecksum(addToChecksum(sum, header, udpBytes));
  // 0 would say "none".
  if (checksum == 0) checksum = 0xffff;
  std::memcpy(header + udp::kChecksum, &checksum, sizeof checksum);
}

// Eight bytes at a time, and the order of bytes within the sum does not matter until it is stored.
// Four sums, so that none waits for the one before.
uint64_t addToChecksum(uint64_t sum, const uint8_t* from, uint32_t bytes) {
  const uint8_t* const end = from + bytes;
  if (bytes >= 64) {
    uint64_t second = 0, third = 0, fourth = 0;
    for (; end - from >= 32; from += 32) {
      sum = addAround(sum, wordAt<uint64_t>(from));
      second = addAround(second, wordAt<uint64_t>(from + 8));
      third = addAround(third, wordAt<uint64_t>(from + 16));
      fourth = addAround(fourth, wordAt<uint64_t>(from + 24));
    }
    sum = addAround(addAround(sum, second), addAround(third, fourth));
  }
  for (; end - from >= 8; from += 8) sum = addAround(sum, wordAt<uint64_t>(from));
  if (bytes & 4) {
    sum = addAround(sum, wordAt<uint32_t>(from));
    from += 4;
  }
  if (bytes & 2) {
    sum = addAround(sum, wordAt<uint16_t>(from));
    from += 2;
  }
  // The last byte of an odd length is followed by a zero.
  if (bytes & 1) {
    const uint8_t last[2] = {*from, 0};
    sum = addAround(sum, wordAt<uint16_t>(last));
  }
  return sum;
}

uint16_t foldChecksum(uint64_t sum) {
  sum = (sum & 0xffffffff) + (sum >> 32);
  sum = (sum & 0xffffffff) + (sum >> 32);
  sum = (sum & 0xffff) + (sum >> 16);
  sum = (sum & 0xffff) + (sum >> 16);
  sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<uint16_t>(~sum);
}

}  // namespace andvari

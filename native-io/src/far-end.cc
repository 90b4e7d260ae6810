#include "far-end.h"

#include <arpa/inet.h>

#include <cstring>

#include "generated/border.h"

namespace andvari {
namespace {

constexpr uint32_t kAddressBytes = 16;
constexpr uint8_t kMapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

uint16_t readU16LE(const uint8_t* at) { return static_cast<uint16_t>(at[0] | at[1] << 8); }

void writeU16LE(uint8_t* at, uint16_t value) {
  at[0] = static_cast<uint8_t>(value);
  at[1] = static_cast<uint8_t>(value >> 8);
}

}  // namespace

void writeFarEnd(const SocketAddress& from, uint16_t local, uint8_t* farEnd) {
  std::memset(farEnd, 0, border::PathField::BYTES);
  uint8_t* const address = farEnd + border::PathField::ADDRESS;
  const bool v6 = from.any.sa_family == AF_INET6;
  if (v6) {
    std::memcpy(address, &from.v6.sin6_addr, kAddressBytes);
  } else {
    std::memcpy(address, kMapped, sizeof kMapped);
    std::memcpy(address + sizeof kMapped, &from.v4.sin_addr, 4);
  }
  writeU16LE(farEnd + border::PathField::PORT, ntohs(v6 ? from.v6.sin6_port : from.v4.sin_port));
  writeU16LE(farEnd + border::PathField::LOCAL, local);
}

bool readFarEnd(const uint8_t* farEnd, bool v6, FarEnd& to) {
  const uint8_t* const address = farEnd + border::PathField::ADDRESS;
  const uint16_t port = htons(readU16LE(farEnd + border::PathField::PORT));
  to = {};
  to.local = readU16LE(farEnd + border::PathField::LOCAL);
  if (v6) {
    to.address.v6.sin6_family = AF_INET6;
    to.address.v6.sin6_port = port;
    std::memcpy(&to.address.v6.sin6_addr, address, kAddressBytes);
    return port != 0;
  }
  to.address.v4.sin_family = AF_INET;
  to.address.v4.sin_port = port;
  std::memcpy(&to.address.v4.sin_addr, address + sizeof kMapped, 4);
  return port != 0 && std::memcmp(address, kMapped, sizeof kMapped) == 0;
}

}  // namespace andvari

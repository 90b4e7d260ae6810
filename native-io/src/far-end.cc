#include "far-end.h"

#include <arpa/inet.h>

#include <cstring>

#include "generated/border.h"

namespace andvari {
namespace {

constexpr uint32_t kAddressBytes = 16;
constexpr uint8_t kMapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

}  // namespace

void writeFarEnd(const SocketAddress& from, uint8_t* farEnd) {
  std::memset(farEnd, 0, border::PathField::BYTES);
  uint8_t* const address = farEnd + border::PathField::ADDRESS;
  const bool v6 = from.any.sa_family == AF_INET6;
  if (v6) {
    std::memcpy(address, &from.v6.sin6_addr, kAddressBytes);
  } else {
    std::memcpy(address, kMapped, sizeof kMapped);
    std::memcpy(address + sizeof kMapped, &from.v4.sin_addr, 4);
  }
  const uint16_t port = ntohs(v6 ? from.v6.sin6_port : from.v4.sin_port);
  farEnd[border::PathField::PORT] = static_cast<uint8_t>(port);
  farEnd[border::PathField::PORT + 1] = static_cast<uint8_t>(port >> 8);
}

bool readFarEnd(const uint8_t* farEnd, bool v6, SocketAddress& to) {
  const uint8_t* const address = farEnd + border::PathField::ADDRESS;
  const uint32_t low = farEnd[border::PathField::PORT];
  const uint32_t high = farEnd[border::PathField::PORT + 1];
  const uint16_t port = htons(static_cast<uint16_t>(low | high << 8));
  to = {};
  if (v6) {
    to.v6.sin6_family = AF_INET6;
    to.v6.sin6_port = port;
    std::memcpy(&to.v6.sin6_addr, address, kAddressBytes);
    return port != 0;
  }
  to.v4.sin_family = AF_INET;
  to.v4.sin_port = port;
  std::memcpy(&to.v4.sin_addr, address + sizeof kMapped, 4);
  return port != 0 && std::memcmp(address, kMapped, sizeof kMapped) == 0;
}

}  // namespace andvari

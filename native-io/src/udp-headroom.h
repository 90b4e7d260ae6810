// Where a frame lies within its chunk of the UMEM.
#pragma once
#include <cstdint>
#include <string>

#include "xdp-program.h"
#include "xsk.h"

namespace andvari {

// What the kernel is to leave free before the Ethernet frame, so that the UDP payload, which the
// engine reads in whole vectors, begins on a boundary of 64 bytes. A port has one family, that of
// `host`.
inline uint32_t headroomFor(const std::string& host) {
  IpAddress address;
  const bool v6 = parseIpAddress(host, address) && address.v6;
  constexpr uint32_t kBoundary = 64;
  const uint32_t headers = v6 ? kIpv6HeadersBytes : kIpv4HeadersBytes;
  return (kBoundary - (Xsk::kKernelHeadroom + headers) % kBoundary) % kBoundary;
}

// The longest Ethernet frame that a chunk takes.
inline uint32_t frameBytesMax(uint32_t headroom) {
  return Xsk::kChunkBytes - Xsk::kKernelHeadroom - headroom;
}

}  // namespace andvari

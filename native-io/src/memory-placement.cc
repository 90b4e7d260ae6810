#include "memory-placement.h"

#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cinttypes>
#include <cstdio>
#include <fstream>
#include <string>

namespace andvari {
namespace {

// From linux/mempolicy.h, which lacks a stable place among the distributions' headers.
constexpr int kPreferred = 1;
constexpr unsigned kMove = 2;
constexpr int kNodesMax = 64;

bool hasSeveralNodes() {
  std::ifstream file("/sys/devices/system/node/online");
  std::string online;
  // "0" is one node; "0-1" and "0,2" are several.
  return (file >> online) && online.find_first_of("-,") != std::string::npos;
}

}  // namespace

void askForHugePages(uint8_t* start, uint64_t bytes) { madvise(start, bytes, MADV_HUGEPAGE); }

uint64_t hugePageBytes(const uint8_t* start, uint64_t bytes) {
  const auto first = reinterpret_cast<uintptr_t>(start);
  std::ifstream file("/proc/self/smaps");
  uint64_t huge = 0;
  bool overlaps = false;
  for (std::string line; std::getline(file, line);) {
    uint64_t low = 0, high = 0, kibibytes = 0;
    if (std::sscanf(line.c_str(), "%" SCNx64 "-%" SCNx64 " ", &low, &high) == 2) {
      overlaps = low < first + bytes && high > first;
    } else if (overlaps && std::sscanf(line.c_str(), "AnonHugePages: %" SCNu64, &kibibytes) == 1) {
      huge += kibibytes * 1024;
    }
  }
  return huge < bytes ? huge : bytes;
}

bool placeOnNode(uint8_t* start, uint64_t bytes, int node) {
  if (node < 0 || node >= kNodesMax || !hasSeveralNodes()) return false;
  const uint64_t mask = uint64_t{1} << node;
  return syscall(SYS_mbind, start, bytes, kPreferred, &mask, kNodesMax + 1, kMove) == 0;
}

}  // namespace andvari

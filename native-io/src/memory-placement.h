// Where the frames lie in physical memory: huge pages, and the node of the network card. Both are
// wishes: what cannot be had is reported and changes nothing else.
#pragma once
#include <cstdint>

namespace andvari {

// Asks for transparent huge pages. (MAP_HUGETLB is not possible: the pages belong to the
// WebAssembly memory, which V8 has mapped.) To be called before the kernel pins the pages.
void askForHugePages(uint8_t* start, uint64_t bytes);
// Bytes of the mappings that overlap [start, start + bytes) which lie in huge pages.
uint64_t hugePageBytes(const uint8_t* start, uint64_t bytes);
// Prefers `node` for the range and moves what is elsewhere; false: not done, because there is only
// one node, or the kernel refused.
bool placeOnNode(uint8_t* start, uint64_t bytes, int node);

}  // namespace andvari

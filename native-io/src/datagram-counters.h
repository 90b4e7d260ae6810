// What has happened to the datagrams of one socket.
#pragma once
#include <cstdint>

namespace andvari {

struct DatagramCounters {
  uint64_t received = 0;  // handed to the host
  uint64_t sent = 0;      // handed to the kernel
  uint64_t dropped = 0;   // found no room or no way, or could not be answered
  uint64_t tooLarge = 0;  // the interface does not take them (a probe of the path's size)
  uint64_t refused = 0;   // named what they cannot have
};

}  // namespace andvari

// What the kernel says of a network interface.
#pragma once
#include <cstdint>
#include <string>

namespace andvari {

struct NetworkInterface {
  std::string name;
  int index = 0;
  uint32_t receiveQueues = 0;
  uint32_t mtu = 0;     // bytes of an IP packet
  uint8_t mac[6] = {};  // as it is now
  int numaNode = -1;    // -1: none, or the device does not say
};

// Throws IoError ANDVARI_IO_INTERFACE when there is no such interface, or it is not Ethernet.
NetworkInterface findInterface(const std::string& name);
// Both throw IoError ANDVARI_IO_QUEUE when the interface has fewer queues: than a socket's `queue`
// (one for each worker), or than `count` that were asked for.
void requireQueue(const NetworkInterface& interface, uint32_t queue);
void requireQueues(const NetworkInterface& interface, uint32_t count);

}  // namespace andvari

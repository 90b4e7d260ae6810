// Where datagrams came to, of a socket that is bound to all addresses of the machine (0.0.0.0, ::):
// an answer has to leave from the address that was called, or whoever called takes it for somebody
// else's. The engine remembers a number with the far end of a packet (border::PathField::LOCAL) and
// gives it back with what goes there; 0 is the kernel's own choice.
#pragma once
#include <netinet/in.h>

#include <cstdint>

#include "udp-socket.h"

namespace andvari {

struct LocalAddress {
  in6_addr address{};  // IPv4 mapped
  // Only where it is part of an address (link-local ones, here or there): an interface that is
  // named goes past the routing tables, and answers may leave by another than packets come by.
  uint32_t interface = 0;
};

class LocalAddresses {
 public:
  // More than one machine has as a rule. If there are more (a network that is routed to it as a
  // whole), those that were called longest ago give way, and what still goes to their callers may
  // leave from another.
  static constexpr uint32_t kMost = 256;

  // A socket that is bound to one address answers from it anyhow, and is not asked.
  explicit LocalAddresses(const UdpSocket& socket);
  LocalAddresses(const LocalAddresses&) = delete;
  LocalAddresses& operator=(const LocalAddresses&) = delete;

  // From 1.
  uint16_t numberOf(const LocalAddress& local);
  // Null: nothing has this number.
  const LocalAddress* find(uint16_t number) const;

 private:
  struct Entry {
    LocalAddress local;
    uint64_t calledAt = 0;
  };

  Entry entries_[kMost];
  uint32_t count_ = 0;
  uint32_t last_ = 0;  // the entry that was called last
  uint64_t calls_ = 0;
};

}  // namespace andvari

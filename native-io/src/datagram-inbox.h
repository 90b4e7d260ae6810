// Datagrams from anywhere into an area of the engine's memory, by recvmmsg. What one sender sent in
// a row comes as one message (UDP_RECEIVE_OFFLOAD, "UDP GRO", Linux 5.0), and is cut here by
// counting: each datagram is told by a letter that says where it lies.
//
// A letter, 32 bytes: offset in the memory (u32), bytes (u32), the far end (far-end.h).
#pragma once
#include <sys/socket.h>
#include <sys/uio.h>

#include "datagram-control.h"
#include "datagram-counters.h"
#include "local-addresses.h"
#include "memory-view.h"
#include "udp-socket.h"

namespace andvari {

class DatagramInbox {
 public:
  static constexpr uint32_t kLetterBytes = 32;
  // Bytes of the area for one message: no datagram is longer.
  static constexpr uint32_t kSlotBytes = 65536;

  struct Area {
    uint32_t at = 0, bytes = 0;
  };

  // The area of the memory holds at least one slot, and the kernel writes there at receive() alone.
  // What the datagrams came to is numbered in `locals`.
  DatagramInbox(const UdpSocket& socket, LocalAddresses& locals, const MemoryView& memory,
                const Area& area, DatagramCounters& counters);
  DatagramInbox(const DatagramInbox&) = delete;
  DatagramInbox& operator=(const DatagramInbox&) = delete;

  // Writes up to `most` letters; gives how many. The bytes stay until the next call. 0: there was
  // nothing, or nothing of use; the descriptor is readable if there is more.
  uint32_t receive(uint8_t* letters, uint32_t most);

 private:
  static constexpr uint32_t kSlotsMax = 16;

  struct Slot {
    SocketAddress from;
    iovec bytes;
    ReceivedControl control;
  };

  bool refill();
  // Looks at the message that is told next.
  void begin(const mmsghdr& message);
  static bool isUseful(const mmsghdr& message);

  const UdpSocket& socket_;
  LocalAddresses& locals_;
  DatagramCounters& counters_;
  const uint8_t* const base_;
  uint32_t slots_;
  Slot slot_[kSlotsMax];
  mmsghdr messages_[kSlotsMax];
  uint32_t filled_ = 0;
  // What is told next: a message, and the byte of it.
  uint32_t next_ = 0;
  uint32_t at_ = 0;
  // Of that message: bytes of each datagram but the last, and the number of what it came to.
  uint32_t segmentBytes_ = 0;
  uint16_t local_ = 0;
};

}  // namespace andvari

// Packets of the engine's table (border::TransferPacket) to their far ends, from where they lie in
// the memory, by sendmmsg; those of one size to one far end leave as one message (segments.h). What
// the kernel does not take at once stays where it is until it does: the host writes nothing there
// meanwhile, so that no more than one batch ever waits.
#pragma once
#include <sys/socket.h>
#include <sys/uio.h>

#include "datagram-control.h"
#include "datagram-counters.h"
#include "far-end.h"
#include "local-addresses.h"
#include "memory-view.h"
#include "segments.h"
#include "udp-socket.h"

namespace andvari {

class DatagramOutbox {
 public:
  // Packets of a batch at the most.
  static constexpr uint32_t kBatchMax = 64;

  struct Places {
    uint32_t table = 0;                      // kBatchMax entries
    uint32_t packets = 0, packetsBytes = 0;  // where packets may lie
  };

  // The places are inside of the memory. Packets leave from the one of `locals` that their far end
  // names; if the machine has it no more, from whichever the kernel takes.
  DatagramOutbox(const UdpSocket& socket, const LocalAddresses& locals, const MemoryView& memory,
                 const Places& places, DatagramCounters& counters);
  DatagramOutbox(const DatagramOutbox&) = delete;
  DatagramOutbox& operator=(const DatagramOutbox&) = delete;

  // Takes the first `count` entries, when nothing waits; else it does nothing.
  void take(uint32_t count);
  // Sends until the kernel takes no more.
  void handOver();
  uint32_t waiting() const { return end_ - next_; }
  // Whatever lies where, at once or not at all.
  void sendNow(FarEnd to, const uint8_t* bytes, uint32_t length);
  bool isV6() const { return socket_.isV6(); }

 private:
  struct Packet {
    FarEnd to;
    // A probe of the path's size: as part of a message it would pass where devices hand messages on
    // whole (veth) and a packet of its size is lost.
    bool alone;
  };
  // What one entry of sendmmsg is beside its header.
  struct Message {
    SentControl control;
    uint32_t packets;
  };

  void takeOne(const uint8_t* entry);
  // How many packets from `at` on make one message.
  uint32_t joined(uint32_t at, SegmentRun& run) const;
  // Makes messages of what waits; gives how many.
  uint32_t gather();
  // Of one packet, that the kernel did not take.
  void count(int error);

  const UdpSocket& socket_;
  const LocalAddresses& locals_;
  const MemoryView& memory_;
  const Places places_;
  DatagramCounters& counters_;
  bool segments_;  // several packets may be one message
  Packet packets_[kBatchMax];
  iovec bytes_[kBatchMax];
  mmsghdr headers_[kBatchMax];
  Message messages_[kBatchMax];
  uint32_t next_ = 0, end_ = 0;  // of packets_
  uint32_t singles_ = 0;         // packets before this one go alone
};

}  // namespace andvari

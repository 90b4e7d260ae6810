// Datagrams of transfer by AF_XDP, beside the socket of DatagramInbox: packets to the socket's port
// that begin with a listed CID prefix. The kernel lays them into frames of the engine's memory,
// which are the UMEM, one part of them for each queue of the interface; they are told by letters as
// DatagramInbox tells its own. Everything that the program passes comes by the socket, and all that
// is sent goes by it.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "datagram-counters.h"
#include "frame-headers.h"
#include "local-addresses.h"
#include "memory-view.h"
#include "udp-socket.h"
#include "xdp-attachment.h"
#include "xsk.h"

namespace andvari {

struct XdpInboxOptions {
  std::string interface;
  uint32_t queues = 0;  // 0: all that the interface has, as far as the frames go
  bool tryNative = true;
  bool tryGeneric = true;
  // Frames in the memory, kChunkBytes each, the first one on a boundary of that.
  uint32_t frames = 0, frameCount = 0;
};

class XdpInbox {
 public:
  // Of each queue at the least.
  static constexpr uint32_t kFramesMin = 64;
  // Sockets at the most.
  static constexpr uint32_t kQueuesMax = 64;

  struct Statistics {
    uint64_t packets = 0;        // taken
    uint64_t malformed = 0;      // wrong headers or checksums
    uint64_t ringFull = 0;       // dropped by the kernel
    uint64_t framesMissing = 0;  // no frame was there for them; in kernelDropped
    uint64_t kernelDropped = 0;
  };

  // The frames are inside of the memory. Throws IoError, as XdpAttachment and Xsk do.
  XdpInbox(const UdpSocket& socket, LocalAddresses& locals, const MemoryView& memory,
           const XdpInboxOptions& options, DatagramCounters& counters);
  ~XdpInbox();
  XdpInbox(const XdpInbox&) = delete;
  XdpInbox& operator=(const XdpInbox&) = delete;

  // Writes up to `most` letters; gives how many. The bytes stay until the next call. 0: nothing, or
  // nothing of use; waitFd() is readable if there is more.
  uint32_t receive(uint8_t* letters, uint32_t most);
  int waitFd() const { return epoll_.fd(); }

  // As XdpAttachment's.
  int addPrefix(const uint8_t* prefix) { return attachment_.addPrefix(prefix); }
  int removePrefix(const uint8_t* prefix) { return attachment_.removePrefix(prefix); }

  XdpMode mode() const { return attachment_.mode(); }
  uint32_t queues() const { return static_cast<uint32_t>(queues_.size()); }
  // Every queue: the driver writes to the frames itself.
  bool zeroCopy() const;
  uint64_t hugePageBytes() const { return hugePageBytes_; }
  Statistics statistics() const;

 private:
  struct Queue {
    uint32_t frames = 0;  // the first one's offset in the memory
    // Frames that stand in the fill ring: the kernel may hand back no other.
    std::vector<uint8_t> filled;
    // Told by the last letters, to go back to the kernel.
    std::vector<uint32_t> told;
    std::unique_ptr<Xsk> xsk;
  };

  static XdpAttachmentOptions attachmentOf(const UdpSocket& socket,
                                           const XdpInboxOptions& options);
  void open(uint32_t index, uint32_t frames, uint32_t count);
  void watchAll();
  void refill(Queue& queue);
  uint32_t receiveFrom(Queue& queue, uint8_t* letters, uint32_t most);
  // False: nothing of use; its frame goes back.
  bool tell(Queue& queue, const xdp_desc& descriptor, uint8_t* letter);
  uint16_t localOf(const PacketPath& path);

  const UdpSocket& socket_;
  LocalAddresses& locals_;
  DatagramCounters& counters_;
  const MemoryView& memory_;
  XdpAttachment attachment_;
  std::vector<Queue> queues_;
  uint32_t next_ = 0;  // the queue that is asked first
  uint64_t hugePageBytes_ = 0;
  Statistics statistics_;
  BpfHandle epoll_;
};

}  // namespace andvari

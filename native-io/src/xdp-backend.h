// The packet backend over AF_XDP: one queue of one interface, and beside it a kernel socket on the
// same port for everything that the XDP program leaves to the kernel (fragments, VLANs, options,
// other interfaces) and for replies that no single packet takes.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "engine-port.h"
#include "frame-headers.h"
#include "mmsg.h"
#include "network-interface.h"
#include "udp-socket.h"
#include "xsk.h"

namespace andvari {

struct XdpBackendOptions {
  NetworkInterface interface;
  std::string host;  // where the port listens
  uint32_t queue = 0;
  int socketMapFd = -1;
  uint32_t ringEntries = 0;
  bool copyOnly = false;
  bool hugePages = true;
};

class XdpBackend : public PacketBackend {
 public:
  // Counted besides EnginePort::Counters.
  struct Statistics {
    uint64_t malformed = 0;        // wrong headers or checksums; in `dropped` too
    uint64_t byKernel = 0;         // datagrams that came by the kernel's socket
    uint64_t repliesByKernel = 0;  // too large for a packet, or no frame was free
    uint64_t copied = 0;           // replies that did not lie in their request's frame
    xdp_statistics kernel = {};    // what the kernel counts for the socket
  };
  // What was got of the wishes.
  struct Placement {
    bool zeroCopy = false;
    uint64_t hugePageBytes = 0;
    int numaNode = -1;  // where the frames were put; -1: left where they are
  };

  // Throws IoError.
  XdpBackend(EnginePort& port, std::unique_ptr<UdpSocket> socket,
             const XdpBackendOptions& options);
  ~XdpBackend() override;

  void send(const Reply& reply) override;
  void flush() override;
  uint32_t receive(uint32_t most) override;
  int waitFd() const override { return epoll_.fd(); }
  uint32_t sending() const override;
  bool starved() const override { return kernel_.starved(); }
  uint64_t kernelDropped() const override;

  const Placement& placement() const { return placement_; }
  Statistics statistics() const;

 private:
  struct Peer {
    PacketPath path;
    // The port's handle for this taking of the peer; when it is another, the peer was taken by the
    // kernel's side since. 0: not ours.
    uint32_t handle;
  };

  void place(const XdpBackendOptions& options);
  void watchAll();
  void watchWritable(int fd, bool& watches, bool on);
  void refill();
  void reap();
  uint32_t receivePackets(uint32_t most);
  uint32_t receiveByKernel(uint32_t most);
  bool takePacket(const xdp_desc& descriptor);
  // Where a reply of `length` bytes is to lie in one of our frames, with room for the headers
  // before it; 0: no frame is free. Copies it there when it lies elsewhere.
  uint32_t placeReply(const Reply& reply, const PacketPath& path, uint32_t& frame);
  void sendByKernel(const Reply& reply, const PacketPath& path);

  EnginePort& port_;
  MmsgBackend kernel_;
  const NetworkInterface interface_;
  std::vector<Peer> peers_;
  // Frames that stand in the fill ring: the kernel may hand back no other.
  std::vector<uint8_t> filled_;
  uint32_t reserve_ = 0;
  uint32_t turns_ = 0;
  uint32_t takings_ = 0;   // peers taken by the kernel's side since the last look at all of them
  uint32_t inFlight_ = 0;  // packets handed over whose frames have not come back
  // The sockets for whose room the set waits too.
  bool watchesXsk_ = false, watchesKernel_ = false;
  Placement placement_;
  Statistics statistics_;
  BpfHandle epoll_;
  std::unique_ptr<Xsk> xsk_;
};

}  // namespace andvari

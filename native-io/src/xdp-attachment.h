// The XDP program on an interface, with its maps: made once by the main thread.
#pragma once
#include <cstdint>
#include <string>

#include "bpf.h"
#include "network-interface.h"

namespace andvari {

enum class XdpMode { kNative, kGeneric };
const char* nameOf(XdpMode mode);

struct XdpAttachmentOptions {
  std::string interface;
  std::string host;
  uint16_t port = 0;
  uint32_t queues = 0;  // that may get a socket; 0: all that the interface has
  bool tryNative = true;
  bool tryGeneric = true;
  bool cidPrefixes = false;
  // Of a socket that has other traffic too (transfer): only what comes to the port and begins with
  // a prefix is taken, of both families at ::, and nothing that is longer than a packet of the
  // interface: that would be several of a sender on this machine (UDP_SEGMENT, in generic mode).
  bool prefixAtPort = false;
};

// Everything hangs on descriptors: closing them, or the end of the process, detaches the program
// and frees the maps.
class XdpAttachment {
 public:
  // Throws IoError: ANDVARI_IO_INTERFACE, ANDVARI_IO_QUEUE, ANDVARI_ADDRESS, ANDVARI_IO_PERMISSION,
  // ANDVARI_IO_QUEUE_BUSY when another program is on the interface, ANDVARI_IO_UNSUPPORTED,
  // ANDVARI_IO_SYSTEM. Waits up to two seconds for a program that is just being taken off.
  explicit XdpAttachment(const XdpAttachmentOptions& options);

  int socketMapFd() const { return sockets_.fd(); }
  XdpMode mode() const { return mode_; }
  uint32_t queues() const { return queues_; }
  const NetworkInterface& interface() const { return interface_; }

  // Packets whose datagram begins with these four bytes (as on the wire) go to the engine too,
  // whatever their port. Give 0, also when nothing was to do, or an errno: EOPNOTSUPP (attached
  // without prefixes), E2BIG (kCidPrefixesMax reached), ESHUTDOWN (closed; nothing is left then
  // that could be removed).
  int addPrefix(const uint8_t* prefix);
  int removePrefix(const uint8_t* prefix);

  // Idempotent. Sockets get nothing any more and stay open.
  void close();

 private:
  void attach(const XdpAttachmentOptions& options);
  int attachWaiting(uint32_t flags);

  NetworkInterface interface_;
  uint32_t queues_ = 0;
  XdpMode mode_ = XdpMode::kNative;
  bool closed_ = false;
  BpfHandle sockets_, prefixes_, program_, link_;
};

}  // namespace andvari

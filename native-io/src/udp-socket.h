// A kernel UDP socket, which every backend has: mmsg and io_uring for everything, AF_XDP to own the
// port and for what the XDP program leaves to the kernel (fragments, VLANs, large replies).
#pragma once
#include <netinet/in.h>
#include <sys/socket.h>

#include <cstdint>
#include <string>

#include "engine-port.h"
#include "packet-socket.h"

namespace andvari {

union SocketAddress {
  sockaddr any;
  sockaddr_in v4;
  sockaddr_in6 v6;
};

class UdpSocket {
 public:
  // Binds host:port (port 0: the kernel's choice), non-blocking, with 4 MiB buffers where allowed.
  // `reusePort`: several workers share the port. Throws IoError ANDVARI_PORT_IN_USE or
  // ANDVARI_ADDRESS.
  UdpSocket(const std::string& host, uint16_t port, bool reusePort);
  ~UdpSocket();
  UdpSocket(const UdpSocket&) = delete;
  UdpSocket& operator=(const UdpSocket&) = delete;

  int fd() const { return fd_; }
  bool isV6() const { return v6_; }
  // Bound to all addresses of the machine (0.0.0.0, ::).
  bool isAnyAddress() const { return any_; }
  const std::string& host() const { return host_; }
  uint16_t port() const { return port_; }
  // Datagrams that found its buffer full.
  uint32_t kernelDropped() const;

  static Sender senderOf(const EnginePort& port, const SocketAddress& from);
  static socklen_t lengthOf(const SocketAddress& address);

 private:
  int fd_ = -1;
  bool v6_ = false;
  bool any_ = false;
  std::string host_;
  uint16_t port_ = 0;
};

// Options that every open function takes: host, port, reusePort.
std::unique_ptr<UdpSocket> openUdpSocket(const Napi::Object& options);

}  // namespace andvari

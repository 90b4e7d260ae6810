// The XDP program: which packets go to the engine's sockets and which stay with the kernel.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "bpf.h"
#include "frame-headers.h"

namespace andvari {

// Bytes as on the wire; IPv4 uses the first four.
struct IpAddress {
  uint8_t bytes[16] = {};
  bool v6 = false;
};

struct XdpProgramOptions {
  // UDP to this port at one of these addresses; everything else passes. More addresses than
  // kXdpAddressesMax of one family are left to the kernel's socket, which serves them too.
  uint16_t port = 0;
  std::vector<IpAddress> addresses;
  // The interface's own Ethernet address; frames to any other pass.
  uint8_t mac[6] = {};
  // Frames longer than this pass: they would not fit a chunk of the UMEM.
  uint32_t frameBytesMax = 0;
  // By queue: the sockets.
  int socketMapFd = -1;
  // Hash map by the first four bytes of a datagram; -1: only the port counts.
  int prefixMapFd = -1;
  // Port and prefix both have to be right; else either will do.
  bool prefixAtPort = false;
};

constexpr uint32_t kXdpAddressesMax = 16;
// Sessions x epochs x paths of file transfers that one interface can have at a time.
constexpr uint32_t kCidPrefixesMax = 65536;

// The program's instructions. It redirects, to the socket of the queue that the packet came on,
//   - UDP over IPv4 without options and without fragment bits, over IPv6 without extension headers,
//   - to the interface's own Ethernet address and one of `addresses`,
//   - and to `port`, or with a payload that begins with a prefix of the prefix map (prefixAtPort:
//     both of them);
// and passes everything else to the kernel: what a flooding switch or a promiscuous interface
// brings for other machines, broadcast, multicast, VLAN, ARP, neighbour discovery, TCP, short
// packets. A packet on a queue without a socket passes as well. The lengths inside the headers are
// checked by whoever reads the packet (frame-headers.h), not here.
std::vector<bpf_insn> assembleXdpProgram(const XdpProgramOptions& options);

// An XSKMAP of `queues` entries, and a hash map for CID prefixes.
BpfHandle createSocketMap(uint32_t queues);
BpfHandle createPrefixMap();

// `host` as an address; false when it is none.
bool parseIpAddress(const std::string& host, IpAddress& address);
bool isWildcard(const IpAddress& address);
// The addresses at which a UdpSocket bound to `host` hears on `interface`: `host` itself, which the
// interface must have, or, for a wildcard, those of its family that it has now. Throws IoError
// ANDVARI_ADDRESS. `bothFamilies`: at :: those of IPv4 too, as a socket hears there.
std::vector<IpAddress> addressesToHear(const std::string& host, const std::string& interface,
                                       bool bothFamilies = false);

}  // namespace andvari

#include "xdp-program.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstring>

#include "frame-headers.h"
#include "io-error.h"

namespace andvari {
namespace {

// Registers by what they hold.
enum Register : uint8_t {
  kResult = 0,
  kArgument1 = 1,
  kArgument2 = 2,
  kArgument3 = 3,
  kScratch = 5,
  kContext = 6,
  kPacket = 7,
  kEnd = 8,
  kFrame = 10,  // the stack's upper end, read-only
};

// The context's fields (struct xdp_md).
constexpr int16_t kContextData = 0, kContextDataEnd = 4, kContextQueue = 16;
constexpr int16_t kPrefixOnStack = -4;
constexpr uint32_t kPrefixBytes = 4;
// More fragments, or an offset that is not 0.
constexpr uint16_t kFragmentBits = 0x3fff;

// A value as a load from a packet gives it: the bytes of the wire in the host's order.
template <typename Word>
uint32_t asLoaded(const uint8_t* bytes) {
  Word value;
  std::memcpy(&value, bytes, sizeof value);
  return value;
}

class XdpProgram {
 public:
  explicit XdpProgram(const XdpProgramOptions& options) : options_(options) {}

  std::vector<bpf_insn> assemble() {
    start();
    a_.load(BPF_H, kScratch, kPacket, ethernet::kType);
    a_.jumpIf32(BPF_JEQ, kScratch, htons(ethernet::kIpv6), ipv6_);
    a_.jumpIf32(BPF_JNE, kScratch, htons(ethernet::kIpv4), pass_);
    ipv4();
    a_.place(ipv6_);
    ipv6();
    a_.place(redirect_);
    redirect();
    a_.place(pass_);
    a_.moveValue(kResult, XDP_PASS);
    a_.exit();
    return a_.finish();
  }

 private:
  // Pointers are compared, never subtracted: that would need CAP_PERFMON.
  void start() {
    a_.move(kContext, kArgument1);
    a_.load(BPF_W, kPacket, kContext, kContextData);
    a_.load(BPF_W, kEnd, kContext, kContextDataEnd);
    needBytes(kIpv4HeadersBytes);
    a_.move(kScratch, kPacket);
    a_.addValue(kScratch, static_cast<int32_t>(options_.frameBytesMax));
    a_.jumpIf(BPF_JGT, kEnd, kScratch, pass_);
    a_.load(BPF_H, kScratch, kPacket, ethernet::kTo + 4);
    a_.jumpIf32(BPF_JNE, kScratch, asLoaded<uint16_t>(options_.mac + 4), pass_);
    a_.load(BPF_W, kScratch, kPacket, ethernet::kTo);
    a_.jumpIf32(BPF_JNE, kScratch, asLoaded<uint32_t>(options_.mac), pass_);
  }

  void needBytes(uint32_t bytes) {
    a_.move(kScratch, kPacket);
    a_.addValue(kScratch, static_cast<int32_t>(bytes));
    a_.jumpIf(BPF_JGT, kScratch, kEnd, pass_);
  }

  void ipv4() {
    constexpr int16_t ip = ethernet::kBytes;
    a_.load(BPF_B, kScratch, kPacket, ip + ipv4::kVersionLength);
    a_.jumpIf32(BPF_JNE, kScratch, ipv4::kVersionLengthPlain, pass_);
    a_.load(BPF_B, kScratch, kPacket, ip + ipv4::kProtocol);
    a_.jumpIf32(BPF_JNE, kScratch, IPPROTO_UDP, pass_);
    a_.load(BPF_H, kScratch, kPacket, ip + ipv4::kFragment);
    a_.jumpIf32(BPF_JSET, kScratch, htons(kFragmentBits), pass_);
    const BpfAssembler::Label ours = a_.label();
    a_.load(BPF_W, kScratch, kPacket, ip + ipv4::kTo);
    uint32_t count = 0;
    for (const IpAddress& address : options_.addresses) {
      if (address.v6 || count++ >= kXdpAddressesMax) continue;
      a_.jumpIf32(BPF_JEQ, kScratch, asLoaded<uint32_t>(address.bytes), ours);
    }
    a_.jump(pass_);
    if (count == 0) return;
    a_.place(ours);
    portOrPrefix(ip + ipv4::kBytes);
  }

  void ipv6() {
    constexpr int16_t ip = ethernet::kBytes;
    needBytes(kIpv6HeadersBytes);
    a_.load(BPF_B, kScratch, kPacket, ip + ipv6::kVersion);
    a_.andValue(kScratch, 0xf0);
    a_.jumpIf32(BPF_JNE, kScratch, 0x60, pass_);
    a_.load(BPF_B, kScratch, kPacket, ip + ipv6::kNext);
    a_.jumpIf32(BPF_JNE, kScratch, IPPROTO_UDP, pass_);
    const BpfAssembler::Label ours = a_.label();
    uint32_t count = 0;
    for (const IpAddress& address : options_.addresses) {
      if (!address.v6 || count++ >= kXdpAddressesMax) continue;
      const BpfAssembler::Label other = a_.label();
      // The last four bytes first: they differ most.
      for (int16_t at = 12; at >= 0; at -= 4) {
        a_.load(BPF_W, kScratch, kPacket, static_cast<int16_t>(ip + ipv6::kTo + at));
        a_.jumpIf32(BPF_JNE, kScratch, asLoaded<uint32_t>(address.bytes + at), other);
      }
      a_.jump(ours);
      a_.place(other);
    }
    a_.jump(pass_);
    if (count == 0) return;
    a_.place(ours);
    portOrPrefix(ip + ipv6::kBytes);
  }

  void portOrPrefix(int16_t header) {
    a_.load(BPF_H, kScratch, kPacket, header + udp::kTo);
    if (options_.prefixAtPort) {
      a_.jumpIf32(BPF_JNE, kScratch, htons(options_.port), pass_);
    } else {
      a_.jumpIf32(BPF_JEQ, kScratch, htons(options_.port), redirect_);
    }
    if (options_.prefixMapFd < 0) {
      a_.jump(pass_);
      return;
    }
    needBytes(static_cast<uint32_t>(header) + udp::kBytes + kPrefixBytes);
    a_.load(BPF_W, kScratch, kPacket, header + udp::kBytes);
    a_.store(BPF_W, kFrame, kPrefixOnStack, kScratch);
    a_.loadMap(kArgument1, options_.prefixMapFd);
    a_.move(kArgument2, kFrame);
    a_.addValue(kArgument2, kPrefixOnStack);
    a_.call(BPF_FUNC_map_lookup_elem);
    a_.jumpIfValue(BPF_JEQ, kResult, 0, pass_);
    a_.jump(redirect_);
  }

  // Gives XDP_PASS when the map has no socket for the queue.
  void redirect() {
    a_.loadMap(kArgument1, options_.socketMapFd);
    a_.load(BPF_W, kArgument2, kContext, kContextQueue);
    a_.moveValue(kArgument3, XDP_PASS);
    a_.call(BPF_FUNC_redirect_map);
    a_.exit();
  }

  const XdpProgramOptions& options_;
  BpfAssembler a_;
  const BpfAssembler::Label ipv6_ = a_.label();
  const BpfAssembler::Label redirect_ = a_.label();
  const BpfAssembler::Label pass_ = a_.label();
};

bool isMapped(const IpAddress& address) {
  static const uint8_t prefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  return address.v6 && std::memcmp(address.bytes, prefix, sizeof prefix) == 0;
}

bool isSame(const IpAddress& left, const IpAddress& right) {
  return left.v6 == right.v6 && std::memcmp(left.bytes, right.bytes, left.v6 ? 16 : 4) == 0;
}

std::vector<IpAddress> addressesOf(const std::string& interface, bool v6) {
  ifaddrs* list = nullptr;
  if (getifaddrs(&list) != 0) throw IoError("ANDVARI_IO_SYSTEM", "getifaddrs", errno);
  std::vector<IpAddress> found;
  for (const ifaddrs* entry = list; entry; entry = entry->ifa_next) {
    if (!entry->ifa_addr || interface != entry->ifa_name) continue;
    IpAddress address;
    if (entry->ifa_addr->sa_family == AF_INET && !v6) {
      const auto* in = reinterpret_cast<const sockaddr_in*>(entry->ifa_addr);
      std::memcpy(address.bytes, &in->sin_addr, 4);
    } else if (entry->ifa_addr->sa_family == AF_INET6 && v6) {
      const auto* in6 = reinterpret_cast<const sockaddr_in6*>(entry->ifa_addr);
      std::memcpy(address.bytes, &in6->sin6_addr, 16);
      address.v6 = true;
    } else {
      continue;
    }
    found.push_back(address);
  }
  freeifaddrs(list);
  return found;
}

}  // namespace

std::vector<bpf_insn> assembleXdpProgram(const XdpProgramOptions& options) {
  return XdpProgram(options).assemble();
}

BpfHandle createSocketMap(uint32_t queues) {
  return createMap(BPF_MAP_TYPE_XSKMAP, sizeof(uint32_t), sizeof(uint32_t), queues);
}

BpfHandle createPrefixMap() {
  return createMap(BPF_MAP_TYPE_HASH, kPrefixBytes, sizeof(uint8_t), kCidPrefixesMax);
}

bool parseIpAddress(const std::string& host, IpAddress& address) {
  address = IpAddress();
  // A NUL would end the text for inet_pton().
  if (host.find('\0') != std::string::npos) return false;
  // A zone (fe80::1%eth0) is for the kernel's socket; on the wire there is none.
  const std::string plain = host.substr(0, host.find('%'));
  if (inet_pton(AF_INET, plain.c_str(), address.bytes) == 1) return true;
  if (inet_pton(AF_INET6, plain.c_str(), address.bytes) != 1) return false;
  address.v6 = true;
  if (isMapped(address)) {
    std::memmove(address.bytes, address.bytes + 12, 4);
    std::memset(address.bytes + 4, 0, 12);
    address.v6 = false;
  }
  return true;
}

bool isWildcard(const IpAddress& address) {
  static const uint8_t zero[16] = {};
  return std::memcmp(address.bytes, zero, address.v6 ? 16 : 4) == 0;
}

std::vector<IpAddress> addressesToHear(const std::string& host, const std::string& interface,
                                       bool bothFamilies) {
  IpAddress listen;
  if (!parseIpAddress(host, listen)) {
    throw IoError("ANDVARI_ADDRESS", host + " is no IP address", 0,
                  "name an IPv4 or IPv6 address, 0.0.0.0 or ::");
  }
  std::vector<IpAddress> all = addressesOf(interface, listen.v6);
  if (isWildcard(listen)) {
    if (bothFamilies && listen.v6) {
      const std::vector<IpAddress> v4 = addressesOf(interface, false);
      all.insert(all.end(), v4.begin(), v4.end());
    }
    if (!all.empty()) return all;
    throw IoError("ANDVARI_ADDRESS", interface + " has no address that " + host + " could mean", 0,
                  "give the interface an IP address, or name another interface");
  }
  const auto isListen = [&](const IpAddress& address) { return isSame(address, listen); };
  if (std::any_of(all.begin(), all.end(), isListen)) return {listen};
  throw IoError("ANDVARI_ADDRESS", interface + " has no address " + host, 0,
                std::string("give the interface that address, or listen at ") +
                    (listen.v6 ? "::" : "0.0.0.0"));
}

}  // namespace andvari

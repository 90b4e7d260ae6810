// The load of the benchmark, over AF_XDP, which costs half of what sockets do, so that it can
// outrun an AF_XDP server on one core.
//   blast HOST PORT FILE WINDOW SECONDS INTERFACE SOURCE-HOST DESTINATION-MAC SOURCE-MAC CLIENTS
// FILE: load.h, Requests. CLIENTS: addresses from SOURCE-HOST on, which send in turn. Prints one
// line of JSON (load.h, Window).
#include <arpa/inet.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <vector>

#include "../../../native-io/src/frame-headers.h"
#include "../../../native-io/src/io-error.h"
#include "../../../native-io/src/xdp-attachment.h"
#include "../../../native-io/src/xsk.h"
#include "load.h"

namespace {

using load::nowNs;

constexpr uint32_t kWarmUpNs = 200'000'000;
constexpr uint16_t kSourcePort = 40000;
constexpr uint32_t kChunks = 4096;

// Runs `turn` until the time is over; the first 0.2 s are not counted.
template <class Turn>
void run(load::Window& window, double seconds, Turn turn) {
  const uint64_t warm = nowNs() + kWarmUpNs;
  window.start();
  while (nowNs() < warm) turn();
  window.start();
  const uint64_t end = nowNs() + static_cast<uint64_t>(seconds * 1e9);
  while (nowNs() < end) turn();
  window.print();
}

bool parseMac(const char* text, uint8_t* mac) {
  return std::sscanf(text, "%hhx:%hhx:%hhx:%hhx:%hhx:%hhx", mac, mac + 1, mac + 2, mac + 3,
                     mac + 4, mac + 5) == 6;
}

andvari::XdpAttachmentOptions attachmentOf(char** words) {
  andvari::XdpAttachmentOptions options;
  options.interface = words[6];
  options.host = "0.0.0.0";
  options.port = kSourcePort;
  options.queues = 1;
  return options;
}

class XdpLoad {
 public:
  XdpLoad(char** words, load::Requests& requests, load::Window& window)
      : requests_(requests),
        window_(window),
        attachment_(attachmentOf(words)),
        clients_(static_cast<uint32_t>(std::atoi(words[10]))) {
    const size_t bytes = size_t{kChunks} * andvari::Xsk::kChunkBytes;
    umem_ = static_cast<uint8_t*>(mmap(nullptr, bytes, PROT_READ | PROT_WRITE,
                                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0));
    andvari::XskOptions options;
    options.interface = words[6];
    options.interfaceIndex = attachment_.interface().index;
    options.umem = umem_;
    options.umemBytes = bytes;
    options.ringEntries = 2048;
    options.copyOnly = attachment_.mode() == andvari::XdpMode::kGeneric;
    xsk_ = std::make_unique<andvari::Xsk>(options);
    const uint32_t queue = 0, fd = xsk_->fd();
    andvari::updateMap(attachment_.socketMapFd(), &queue, &fd);
    setPath(words);
    for (uint32_t i = 0; i < kChunks / 2; i++) xsk_->fill(uint64_t{i} * andvari::Xsk::kChunkBytes);
    xsk_->submitFill();
    for (uint32_t i = kChunks / 2; i < kChunks; i++) free_.push_back(i * andvari::Xsk::kChunkBytes);
  }

  void turn() {
    recycle();
    uint64_t now = nowNs();
    uint32_t room = window_.room();
    bool sends = false;
    for (; room > 0 && !free_.empty(); room--) {
      sends = transmit(requests_.next(), now) || sends;
    }
    if (sends || xsk_->unsent()) xsk_->kick();
    const uint32_t count = xsk_->peek();
    now = nowNs();
    for (uint32_t i = 0; i < count; i++) take(xsk_->peeked(i), now);
    xsk_->release(count);
    if (count) xsk_->submitFill();
    window_.giveUpLate(now);
    if (!count && !sends) {
      pollfd ready{xsk_->fd(), POLLIN, 0};
      poll(&ready, 1, 5);
    }
  }

 private:
  void setPath(char** words) {
    path_.v6 = false;
    inet_pton(AF_INET, words[1], path_.remoteIp);
    inet_pton(AF_INET, words[7], path_.localIp);
    firstClient_ = path_.localIp[3];
    path_.remotePort = htons(static_cast<uint16_t>(std::atoi(words[2])));
    path_.localPort = htons(kSourcePort);
    if (!parseMac(words[8], path_.remoteMac) || !parseMac(words[9], path_.localMac)) {
      std::fputs("a MAC address is wrong\n", stderr);
      std::exit(2);
    }
  }

  bool transmit(const std::vector<uint8_t>& request, uint64_t now) {
    const uint64_t chunk = free_.back();
    path_.localIp[3] = static_cast<uint8_t>(firstClient_ + turn_++ % clients_);
    const uint64_t payload = chunk + 256 + path_.headersBytes();
    std::memcpy(umem_ + payload, request.data(), request.size());
    andvari::buildUdpHeaders(umem_ + payload, request.size(), path_);
    if (!xsk_->transmit(chunk + 256, path_.headersBytes() + request.size())) return false;
    free_.pop_back();
    window_.sent(request.data(), now);
    return true;
  }

  void take(const xdp_desc& packet, uint64_t now) {
    andvari::PacketPath path;
    andvari::Payload payload;
    const uint8_t* frame = umem_ + packet.addr;
    if (andvari::parseUdpPacket(frame, packet.len, path, payload)) {
      window_.received(frame + payload.offset, payload.length, now);
    }
    xsk_->fill(packet.addr & ~uint64_t{andvari::Xsk::kChunkBytes - 1});
  }

  void recycle() {
    const uint32_t count = xsk_->completed();
    for (uint32_t i = 0; i < count; i++) {
      free_.push_back(xsk_->completedChunk(i) & ~uint64_t{andvari::Xsk::kChunkBytes - 1});
    }
    xsk_->releaseCompleted(count);
  }

  load::Requests& requests_;
  load::Window& window_;
  andvari::XdpAttachment attachment_;
  uint8_t* umem_ = nullptr;
  std::unique_ptr<andvari::Xsk> xsk_;
  andvari::PacketPath path_{};
  uint32_t clients_, firstClient_ = 0, turn_ = 0;
  std::vector<uint64_t> free_;
};

}  // namespace

int main(int count, char** words) {
  if (count != 11) return 2;
  try {
    load::Requests requests(words[3]);
    load::Window window(std::atoi(words[4]));
    XdpLoad load(words, requests, window);
    run(window, std::atof(words[5]), [&] { load.turn(); });
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
  return 0;
}

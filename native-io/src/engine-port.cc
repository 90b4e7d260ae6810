#include "engine-port.h"

#include "generated/border.h"
#include "siphash.h"

namespace andvari {
namespace {

void want(Napi::Env env, bool holds, const char* what) {
  if (!holds) throw Napi::RangeError::New(env, std::string(what) + " is not inside the memory");
}

bool isPowerOfTwo(uint32_t value) { return value != 0 && (value & (value - 1)) == 0; }

}  // namespace

EnginePort::EnginePort(Napi::Env env, MemoryView memory, const PortOptions& options)
    : memory_(std::move(memory)), options_(options) {
  const auto& o = options_;
  if (!isPowerOfTwo(o.ringEntries) || o.ringEntries > border::RING_ENTRIES_MAX) {
    throw Napi::RangeError::New(env, "ringEntries: wanted a power of two up to 65536");
  }
  const uint32_t ringBytes = border::Ring::ENTRIES + o.ringEntries * border::Ring::ENTRY_BYTES;
  for (const uint32_t ring : {o.rx, o.ready, o.held}) {
    want(env, ring % 64 == 0 && memory_.holds(ring, ringBytes), "a ring");
  }
  want(env, o.committed % 8 == 0 && memory_.holds(o.committed, 8), "committed");
  want(env, memory_.holds(o.hashKey, 16), "hashKey");
  want(env, o.replyEnd >= o.replyLow && memory_.holds(o.replyLow, o.replyEnd - o.replyLow),
       "the place of replies");
  const uint64_t frameBytes = uint64_t{o.frameCount} * kFrameBytes;
  // Frame 0 means none, so no frame begins at offset 0.
  want(env, o.frames != 0 && o.frames % kFrameBytes == 0 && o.frames + frameBytes <= memory_.size(),
       "frames");
  const uint64_t largeBytes = uint64_t{o.largeFrameCount} * border::LARGE_FRAME_BYTES;
  want(env, (o.largeFrames != 0 || largeBytes == 0) && o.largeFrames + largeBytes <= memory_.size(),
       "largeFrames");
  if (o.frameCount == 0 || o.peers == 0 || o.peers > kPeersMax) {
    throw Napi::RangeError::New(env, "wanted at least one frame, and 1 to 262144 peers");
  }
  owners_.assign(o.frameCount, Owner::kPool);
  pool_.reserve(o.frameCount);
  for (uint32_t i = o.frameCount; i > 0; i--) pool_.push_back(frameAt(i - 1));
  peerTaken_.assign(o.peers, 0);
  takings_.assign(o.peers, 0);
  largePlaces_.assign(o.peers, 0);
  freePeers_.reserve(o.peers);
  for (uint32_t i = o.peers; i > 0; i--) freePeers_.push_back(i - 1);
  releases_.reserve(kReleasesMax);
}

uint32_t EnginePort::word(uint32_t offset) const {
  return __atomic_load_n(reinterpret_cast<const uint32_t*>(at(offset)), __ATOMIC_ACQUIRE);
}

void EnginePort::setWord(uint32_t offset, uint32_t value) {
  __atomic_store_n(reinterpret_cast<uint32_t*>(at(offset)), value, __ATOMIC_RELEASE);
}

bool EnginePort::ownsFrame(uint32_t frame) const {
  // Not frame < end: the end of a 4 GiB memory is 0.
  return frame >= options_.frames && frameIndex(frame) < options_.frameCount &&
         frame % kFrameBytes == 0;
}

uint32_t EnginePort::takeFrame() {
  if (pool_.empty()) return 0;
  const uint32_t frame = pool_.back();
  pool_.pop_back();
  owners_[frameIndex(frame)] = Owner::kKernel;
  return frame;
}

bool EnginePort::moveFrame(uint32_t frame, Owner from, Owner to) {
  if (!ownsFrame(frame) || owners_[frameIndex(frame)] != from) {
    counters.refused++;
    return false;
  }
  owners_[frameIndex(frame)] = to;
  return true;
}

bool EnginePort::giveFrame(uint32_t frame, Owner owner) {
  if (!moveFrame(frame, owner, Owner::kPool)) return false;
  pool_.push_back(frame);
  return true;
}

uint32_t EnginePort::takePeer() {
  if (freePeers_.empty()) return kNoPeer;
  const uint32_t index = freePeers_.back();
  freePeers_.pop_back();
  peerTaken_[index] = 1;
  takings_[index]++;
  return index;
}

void EnginePort::givePeer(uint32_t index) {
  peerTaken_[index] = 0;
  largePlaces_[index] = 0;
  freePeers_.push_back(index);
}

uint32_t EnginePort::room() const {
  if (paused_) return 0;
  const uint32_t used =
      word(options_.rx + border::Ring::HEAD) - word(options_.rx + border::Ring::TAIL);
  const uint32_t ring = used < options_.ringEntries ? options_.ringEntries - used : 0;
  const uint32_t peers = static_cast<uint32_t>(freePeers_.size());
  return ring < peers ? ring : peers;
}

void EnginePort::setNow(uint32_t low, uint32_t high) {
  nowLow_ = low;
  nowHigh_ = high;
}

void EnginePort::push(uint32_t frame, uint32_t offset, uint32_t length, uint32_t peer,
                      Sender sender) {
  using border::Descriptor;
  if (!moveFrame(frame, Owner::kKernel, Owner::kEngine)) return;
  const uint32_t head = word(options_.rx + border::Ring::HEAD);
  const uint32_t entry = options_.rx + border::Ring::ENTRIES +
                         (head & (options_.ringEntries - 1)) * border::Ring::ENTRY_BYTES;
  auto* words = reinterpret_cast<uint32_t*>(at(entry));
  words[Descriptor::FRAME / 4] = frame;
  words[Descriptor::OFFSET / 4] = offset;
  words[Descriptor::LENGTH / 4] = length;
  words[Descriptor::PEER / 4] = handleOf(peer);
  words[Descriptor::FLAGS / 4] = border::Flag::DATAGRAM | sender.flags;
  words[Descriptor::ARRIVAL / 4] = nowLow_;
  words[Descriptor::ARRIVAL / 4 + 1] = nowHigh_;
  words[Descriptor::ADDRESS / 4] = sender.address;
  setWord(options_.rx + border::Ring::HEAD, head + 1);
  counters.received++;
}

uint32_t EnginePort::hashAddress(const uint8_t* network64) const {
  return static_cast<uint32_t>(siphash24(at(options_.hashKey), network64, 8));
}

bool EnginePort::pushLarge(Bytes first, Bytes rest, uint32_t peer, Sender sender) {
  if (large_.put(first, rest, {peer, 0, sender})) {
    largePlaces_[peer] = kInInbox;
    return true;
  }
  counters.dropped++;
  givePeer(peer);
  return false;
}

bool EnginePort::takeLarge(uint32_t offset, LargeDatagram& taken) {
  if (large_.count() == 0) return false;
  if (!isLargeFrame(offset)) {
    counters.refused++;
    return false;
  }
  taken = large_.first();
  __builtin_memcpy(at(offset), large_.firstBytes(), taken.length);
  largePlaces_[taken.peer] = offset;
  large_.drop();
  counters.received++;
  return true;
}

void EnginePort::dropLarge() {
  if (large_.count() == 0) return;
  givePeer(large_.first().peer);
  large_.drop();
  counters.dropped++;
}

bool EnginePort::sendLarge(PacketBackend& backend, uint32_t handle, uint32_t offset,
                           uint32_t length) {
  const uint32_t peer = peerOf(handle);
  const uint32_t place = peer == kNoPeer ? 0 : largePlaces_[peer];
  if (place == 0 || place == kInInbox) {
    counters.refused++;
    return false;
  }
  const uint64_t end = uint64_t{offset} + length;
  const bool inPlace = offset >= place && end <= uint64_t{place} + border::LARGE_FRAME_BYTES;
  if (length != 0 && !inPlace && !isReplyPlace(offset, length, 0)) {
    counters.refused++;
    givePeer(peer);
    return false;
  }
  if (length == 0) {
    counters.silent++;
  } else if (length > border::DATAGRAM_BYTES_MAX) {
    counters.dropped++;
  } else {
    backend.send({0, offset, length, peer});
  }
  givePeer(peer);
  return true;
}

void EnginePort::drain(PacketBackend& backend) {
  bits_ = 0;
  drainRing(options_.ready, false, kForHostReady, backend);
  drainRing(options_.held, true, kForHostHeld, backend);
  if (!releases_.empty()) bits_ |= kReleases;
}

void EnginePort::drainRing(uint32_t ring, bool held, Bits forHost, PacketBackend& backend) {
  const uint32_t head = word(ring + border::Ring::HEAD);
  uint32_t tail = word(ring + border::Ring::TAIL);
  // More entries than the ring has would be a broken ring: then nothing of it is read.
  if (head - tail > options_.ringEntries) {
    counters.refused++;
    return;
  }
  const uint64_t committed =
      held ? __atomic_load_n(reinterpret_cast<const uint64_t*>(at(options_.committed)),
                             __ATOMIC_ACQUIRE)
           : 0;
  for (; tail != head; tail++) {
    const uint32_t entry = ring + border::Ring::ENTRIES +
                           (tail & (options_.ringEntries - 1)) * border::Ring::ENTRY_BYTES;
    uint64_t position;
    __builtin_memcpy(&position, at(entry + border::Descriptor::POSITION), 8);
    if (held && position > committed) break;
    // JavaScript takes the list after every turn, so this waits for the next one at most.
    if (releases_.size() == kReleasesMax) break;
    if (!take(entry, backend)) {
      bits_ |= forHost;
      break;
    }
  }
  setWord(ring + border::Ring::TAIL, tail);
}

bool EnginePort::take(uint32_t entry, PacketBackend& backend) {
  using border::Descriptor;
  const Out out = {word(entry + Descriptor::FRAME), word(entry + Descriptor::OFFSET),
                   word(entry + Descriptor::LENGTH), word(entry + Descriptor::PEER),
                   word(entry + Descriptor::FLAGS)};
  const bool ends = out.length != 0 || (out.flags & border::Flag::SILENT);
  if (ends ? !(out.handle & kPeerBit) : !ownsFrame(out.frame)) return false;
  if (!ends) {
    giveFrame(out.frame, Owner::kEngine);
    return true;
  }
  const bool frameHolds =
      out.frame == 0 || moveFrame(out.frame, Owner::kEngine, Owner::kSending);
  // Of a descriptor that names a frame that the engine does not have, nothing is believed but that
  // its request has ended.
  if (!frameHolds) {
    const uint32_t peer = peerOf(out.handle);
    if (peer != kNoPeer && largePlaces_[peer] == 0) givePeer(peer);
  } else if (!finish(out, backend) && out.frame) {
    giveFrame(out.frame, Owner::kSending);
  }
  return true;
}

bool EnginePort::finish(const Out& out, PacketBackend& backend) {
  const uint32_t peer = peerOf(out.handle);
  if (peer == kNoPeer || largePlaces_[peer] != 0) {
    counters.refused++;
    return false;
  }
  bool sent = false;
  if (out.length == 0) {
    counters.silent++;
  } else if (!isReplyPlace(out.offset, out.length, out.frame)) {
    counters.refused++;
  } else {
    if (out.length > border::DATAGRAM_BYTES_MAX) {
      counters.dropped++;
    } else {
      backend.send({out.frame, out.offset, out.length, peer});
      sent = true;
    }
    if (out.flags & border::Flag::REPLY_FRAME) releases_.push_back(out.offset);
  }
  givePeer(peer);
  return sent;
}

uint32_t EnginePort::peerOf(uint32_t handle) const {
  const uint32_t index = handle & (kPeersMax - 1);
  if (index >= options_.peers || !peerTaken_[index] || handle != handleOf(index)) return kNoPeer;
  return index;
}

bool EnginePort::isLargeFrame(uint32_t offset) const {
  const uint32_t within = offset - options_.largeFrames;
  return offset >= options_.largeFrames && within % border::LARGE_FRAME_BYTES == 0 &&
         within / border::LARGE_FRAME_BYTES < options_.largeFrameCount;
}

// Inside its own frame, or where this instance keeps replies: nothing else may leave.
bool EnginePort::isReplyPlace(uint32_t offset, uint32_t length, uint32_t frame) const {
  const uint64_t end = uint64_t{offset} + length;
  if (frame && offset >= frame && end <= uint64_t{frame} + kFrameBytes) return true;
  return offset >= options_.replyLow && end <= options_.replyEnd;
}

}  // namespace andvari

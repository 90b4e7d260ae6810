// The engine's border as a packet backend sees it: frames for what comes in, the receive ring, and
// the two rings of what goes out. One port belongs to one engine instance and one thread.
//
// Offsets are those of the WebAssembly memory, u32; the rings' words are the engine's
// (generated/border.h, made from assembly/core/layout.ts). Nothing that the engine writes is
// believed: frames, peers, offsets and lengths are checked here, and a descriptor that names what
// it cannot have is counted as refused and otherwise ignored.
#pragma once
#include <cstdint>
#include <memory>
#include <vector>

#include "large-inbox.h"
#include "memory-view.h"

namespace andvari {

// Who has a frame. A frame is only ever given by whom it was given to.
enum class Owner : uint8_t { kPool, kKernel, kEngine, kSending };

// What the host tells about one instance (lib/port-options.ts has the same names).
struct PortOptions {
  uint32_t rx = 0, ready = 0, held = 0;  // rings
  uint32_t ringEntries = 0;              // of each; a power of two
  uint32_t committed = 0;                // Control.COMMITTED, u64
  uint32_t frames = 0, frameCount = 0;   // the frames that are this port's; 4096-byte aligned
  uint32_t replyLow = 0, replyEnd = 0;   // replies of this instance lie in here, or in frames
  uint32_t largeFrames = 0, largeFrameCount = 0;  // the host's, LARGE_FRAME_BYTES each
  uint32_t hashKey = 0;                  // Config.HASH_KEY, 16 bytes
  uint32_t peers = 0;                    // requests under way at once
};

// A reply that the engine has made; every field is checked.
struct Reply {
  uint32_t frame;  // of this port, now in state kSending: give it back or keep it; 0: none
  uint32_t offset;
  uint32_t length;
  uint32_t peer;  // index of takePeer(); it is free again when send() returns
};

// The way into the kernel. Called on the port's thread only.
class PacketBackend {
 public:
  virtual ~PacketBackend() = default;
  // Sends one reply or drops and counts it. The bytes outside `reply.frame` may be overwritten as
  // soon as this returns; `reply.frame` is the backend's until it calls giveFrame().
  virtual void send(const Reply& reply) = 0;
  // All replies of this turn have been handed over.
  virtual void flush() = 0;
  // Takes up to `most` datagrams into the receive ring; returns how many. Never blocks. It must not
  // return 0 unless the kernel had nothing: the caller then waits for waitFd().
  virtual uint32_t receive(uint32_t most) = 0;
  // Becomes readable when receive() has something to do.
  virtual int waitFd() const = 0;
  // waitFd() has become readable (an eventfd has to be read).
  virtual void woken() {}
  // Sends that have not ended; turn() is called again soon while there are any.
  virtual uint32_t sending() const { return 0; }
  // Replies wait until waitFd() is writable; turn() is called then.
  virtual bool wantsWritable() const { return false; }
  // Datagrams that the kernel had no room for, since the socket was opened.
  virtual uint64_t kernelDropped() const = 0;
  // Has no frame to receive into. waitFd() is not watched until a turn has given one back, or the
  // loop would wake for nothing again and again.
  virtual bool starved() const { return false; }
};

class EnginePort {
 public:
  // Throws Napi::RangeError for what does not fit the memory or each other.
  EnginePort(Napi::Env env, MemoryView memory, const PortOptions& options);

  uint8_t* at(uint32_t offset) const { return memory_.data() + offset; }
  const PortOptions& options() const { return options_; }
  const MemoryView& memory() const { return memory_; }

  // --- frames (FRAME_BYTES each) ---
  // A frame for the kernel to write to, or 0.
  uint32_t takeFrame();
  // From whoever has it back to the pool. False, and counted: `owner` does not have it.
  bool giveFrame(uint32_t frame, Owner owner);
  // Hands a frame on, e.g. kKernel -> kPool's neighbour. False, and counted, as giveFrame().
  bool moveFrame(uint32_t frame, Owner from, Owner to);
  bool ownsFrame(uint32_t frame) const;
  uint32_t frameIndex(uint32_t frame) const { return (frame - options_.frames) / kFrameBytes; }
  uint32_t frameAt(uint32_t index) const { return options_.frames + index * kFrameBytes; }
  uint32_t framesFree() const { return static_cast<uint32_t>(pool_.size()); }

  // --- peers: one for each request under way; the backend keeps its own table of that size ---
  static constexpr uint32_t kNoPeer = UINT32_MAX;
  uint32_t takePeer();
  void givePeer(uint32_t index);
  // What stands for it in Descriptor.PEER: kPeerBit, how often it has been taken, index. An old
  // descriptor that comes again does not answer whoever has the peer now.
  uint32_t handleOf(uint32_t index) const {
    return kPeerBit | (uint32_t{takings_[index]} & kTakingMask) << kIndexBits | index;
  }

  // --- in ---
  // Datagrams that the receive ring and the peers have room for; 0 when paused.
  uint32_t room() const;
  // From now on nothing is received. Replies still leave.
  void pause() { paused_ = true; }
  // Hands over a datagram that lies in `frame` (kKernel -> kEngine) at `offset`. The caller has
  // looked at room().
  void push(uint32_t frame, uint32_t offset, uint32_t length, uint32_t peer, Sender sender);
  void setNow(uint32_t low, uint32_t high);
  // Hands over a datagram that is longer than a frame, in two parts: where the kernel put the first
  // bytes, and the rest. They are copied, `peer` is the inbox's. JavaScript finds them with
  // PacketSocket's large(). False, and counted as dropped: no room; the peer is free again.
  bool pushLarge(Bytes first, Bytes rest, uint32_t peer, Sender sender);
  const LargeInbox& large() const { return large_; }
  void dropLarge();
  // Copies the oldest to `offset`, one of the host's large frames, where its reply may lie too.
  // False: there is none; or, counted as refused, no large frame begins there.
  bool takeLarge(uint32_t offset, LargeDatagram& taken);
  // A number for the first 64 bits of an IPv6 address, the same on every transport of this server
  // (host-node's AddressNumbers asks the engine for the same).
  uint32_t hashAddress(const uint8_t* network64) const;

  // --- out ---
  // Hands every reply that may leave to the backend. Stops at what belongs to the host (kForHost).
  void drain(PacketBackend& backend);
  // The reply to what takeLarge() gave: in its own place, or where the instance keeps replies.
  // Length 0: there is none. False, and counted as refused: not such a reply; nothing is sent.
  bool sendLarge(PacketBackend& backend, uint32_t handle, uint32_t offset, uint32_t length);

  // What JavaScript has to see to after a turn.
  enum Bits : uint32_t { kForHostReady = 1, kForHostHeld = 2, kReleases = 4, kLarge = 8 };
  uint32_t bits() const { return bits_ | (large_.count() ? uint32_t{kLarge} : 0); }
  // Reply frames that have been sent: the host gives each back with the engine's release().
  std::vector<uint32_t>& releases() { return releases_; }

  struct Counters {
    uint64_t received = 0;  // handed to the engine
    uint64_t sent = 0;      // handed to the kernel
    uint64_t dropped = 0;   // found no room, in or out
    uint64_t refused = 0;   // descriptors that named what they cannot have
    uint64_t silent = 0;    // requests that ended without a reply
  };
  Counters counters;

  static constexpr uint32_t kFrameBytes = 4096;
  // Set in Descriptor.PEER for requests of a port; the host's own peers never have it.
  static constexpr uint32_t kPeerBit = 0x80000000u;
  // Peers of a port at the most: what the index has bits for.
  static constexpr uint32_t kIndexBits = 18;
  static constexpr uint32_t kPeersMax = 1u << kIndexBits;
  // Reply frames that wait for releases() at the most; draining stops until then.
  static constexpr uint32_t kReleasesMax = 64;

 private:
  // In largePlaces_: not taken yet. No frame of the host begins there.
  static constexpr uint32_t kInInbox = UINT32_MAX;
  static constexpr uint32_t kTakingMask = (1u << (31 - kIndexBits)) - 1;

  // A descriptor that has come out, read once: another thread may write to the memory meanwhile.
  struct Out {
    uint32_t frame, offset, length, handle, flags;
  };
  // One ring's next entry handled; false: it stays where it is.
  bool take(uint32_t entry, PacketBackend& backend);
  // A descriptor that ends a request of this port, and whose frame is kSending or none. False:
  // nothing was handed to the backend, the frame is still ours.
  bool finish(const Out& out, PacketBackend& backend);
  // The peer that a handle stands for, kNoPeer: it stands for none now.
  uint32_t peerOf(uint32_t handle) const;
  bool isLargeFrame(uint32_t offset) const;
  bool isReplyPlace(uint32_t offset, uint32_t length, uint32_t frame) const;
  uint32_t word(uint32_t offset) const;
  void setWord(uint32_t offset, uint32_t value);
  void drainRing(uint32_t ring, bool held, Bits forHost, PacketBackend& backend);

  MemoryView memory_;
  PortOptions options_;
  std::vector<uint32_t> pool_;
  std::vector<Owner> owners_;
  std::vector<uint32_t> freePeers_;
  std::vector<uint8_t> peerTaken_;
  std::vector<uint16_t> takings_;  // how often a peer has been taken
  // Where takeLarge() put a peer's request, kInInbox before that; 0: it came in a frame.
  std::vector<uint32_t> largePlaces_;
  LargeInbox large_;
  std::vector<uint32_t> releases_;
  uint32_t bits_ = 0;
  bool paused_ = false;
  uint32_t nowLow_ = 0, nowHigh_ = 0;
};

}  // namespace andvari

#include "xdp-attachment.h"

#include <linux/if_link.h>
#include <time.h>

#include <algorithm>

#include "io-error.h"
#include "permissions.h"
#include "udp-headroom.h"
#include "xdp-program.h"
#include "xsk.h"

namespace andvari {
namespace {

constexpr uint32_t kAttachTriesMax = 400;
constexpr long kAttachPauseNs = 5'000'000;

[[noreturn]] void refuse(const std::string& interface, const char* modes, int error) {
  const std::string what = "BPF_LINK_CREATE on " + interface + " (" + modes + ")";
  switch (error) {
    case EBUSY:
    case EEXIST:
      throw IoError("ANDVARI_IO_QUEUE_BUSY", what, error,
                    "take the other XDP program off the interface: `ip link set dev " + interface +
                        " xdp off`, or end the program that holds it");
    case EPERM:
    case EACCES:
      refusePermission(what, error);
    case ENODEV:
      throw IoError("ANDVARI_IO_INTERFACE", what, error, "name an interface of `ip link`");
    default:
      throw IoError("ANDVARI_IO_UNSUPPORTED", what, error,
                    "use the generic mode, or for the native one an MTU of at most 3500 and a "
                    "driver that has it, or another backend");
  }
}

}  // namespace

const char* nameOf(XdpMode mode) { return mode == XdpMode::kNative ? "native" : "generic"; }

XdpAttachment::XdpAttachment(const XdpAttachmentOptions& options)
    : interface_(findInterface(options.interface)) {
  requireXdpCapabilities();
  queues_ = options.queues ? options.queues : interface_.receiveQueues;
  requireQueues(interface_, queues_);
  sockets_ = createSocketMap(queues_);
  if (options.cidPrefixes || options.prefixAtPort) prefixes_ = createPrefixMap();
  XdpProgramOptions program;
  program.port = options.port;
  program.addresses = addressesToHear(options.host, options.interface, options.prefixAtPort);
  std::copy_n(interface_.mac, sizeof program.mac, program.mac);
  program.frameBytesMax = frameBytesMax(headroomFor(options.host));
  program.prefixAtPort = options.prefixAtPort;
  if (options.prefixAtPort) {
    program.frameBytesMax = std::min(program.frameBytesMax, interface_.mtu + ethernet::kBytes);
  }
  program.socketMapFd = sockets_.fd();
  program.prefixMapFd = prefixes_.fd();
  program_ = loadXdpProgram(assembleXdpProgram(program));
  attach(options);
}

void XdpAttachment::attach(const XdpAttachmentOptions& options) {
  int error = EOPNOTSUPP;
  if (options.tryNative) {
    mode_ = XdpMode::kNative;
    error = attachWaiting(XDP_FLAGS_DRV_MODE);
    if (error == 0) return;
    // Native and generic programs exclude each other: generic mode would meet the same one.
    if (error == EBUSY || error == EEXIST) refuse(interface_.name, "native", error);
  }
  if (options.tryGeneric) {
    mode_ = XdpMode::kGeneric;
    error = attachWaiting(XDP_FLAGS_SKB_MODE);
    if (error == 0) return;
  }
  refuse(interface_.name, options.tryGeneric ? "generic" : "native", error);
}

// A process that was killed lets go of its program a moment after it has gone.
int XdpAttachment::attachWaiting(uint32_t flags) {
  int error = 0;
  for (uint32_t tries = 0; tries < kAttachTriesMax; tries++) {
    error = createXdpLink(program_.fd(), interface_.index, flags, link_);
    if (error != EBUSY && error != EEXIST) return error;
    const timespec pause = {0, kAttachPauseNs};
    nanosleep(&pause, nullptr);
  }
  return error;
}

int XdpAttachment::addPrefix(const uint8_t* prefix) {
  if (closed_) return ESHUTDOWN;
  if (!prefixes_) return EOPNOTSUPP;
  const uint8_t present = 1;
  return updateMap(prefixes_.fd(), prefix, &present);
}

int XdpAttachment::removePrefix(const uint8_t* prefix) {
  if (closed_) return 0;
  if (!prefixes_) return EOPNOTSUPP;
  const int error = deleteFromMap(prefixes_.fd(), prefix);
  return error == ENOENT ? 0 : error;
}

void XdpAttachment::close() {
  closed_ = true;
  link_.reset();
  program_.reset();
  sockets_.reset();
  prefixes_.reset();
}

}  // namespace andvari

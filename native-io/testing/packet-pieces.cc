// frame-headers and xdp-program as functions of bytes.
#include <arpa/inet.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstring>
#include <vector>

#include "../src/bpf.h"
#include "../src/frame-headers.h"
#include "../src/io-error.h"
#include "../src/xdp-program.h"
#include "addon.h"

#ifndef AF_XDP
#define AF_XDP 44
#endif

namespace andvari::testing {
namespace {

Napi::Uint8Array bytesOf(Napi::Env env, const uint8_t* from, size_t length) {
  auto result = Napi::Uint8Array::New(env, length);
  std::memcpy(result.Data(), from, length);
  return result;
}

// parsePacket(frame): the path and the payload's place, or undefined. The frame is copied to an
// allocation of its size, so that reading past it is seen by AddressSanitizer.
Napi::Value parsePacket(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const auto given = info[0].As<Napi::Uint8Array>();
  const std::vector<uint8_t> frame(given.Data(), given.Data() + given.ByteLength());
  PacketPath path;
  Payload payload;
  if (!parseUdpPacket(frame.data(), static_cast<uint32_t>(frame.size()), path, payload)) {
    return env.Undefined();
  }
  const size_t ipBytes = path.v6 ? 16 : 4;
  Napi::Object result = Napi::Object::New(env);
  result.Set("localMac", bytesOf(env, path.localMac, 6));
  result.Set("remoteMac", bytesOf(env, path.remoteMac, 6));
  result.Set("localIp", bytesOf(env, path.localIp, ipBytes));
  result.Set("remoteIp", bytesOf(env, path.remoteIp, ipBytes));
  result.Set("localPort", ntohs(path.localPort));
  result.Set("remotePort", ntohs(path.remotePort));
  result.Set("offset", payload.offset);
  result.Set("length", payload.length);
  return result;
}

// buildPacket({ localMac, remoteMac, localIp, remoteIp, localPort, remotePort }, payload): the
// whole frame; its place is filled with 0xa5 before.
Napi::Value buildPacket(const Napi::CallbackInfo& info) {
  const auto given = info[0].As<Napi::Object>();
  const auto payload = info[1].As<Napi::Uint8Array>();
  PacketPath path = {};
  const auto copy = [&](const char* name, uint8_t* to) {
    const auto bytes = given.Get(name).As<Napi::Uint8Array>();
    std::memcpy(to, bytes.Data(), bytes.ByteLength());
    return bytes.ByteLength();
  };
  copy("localMac", path.localMac);
  copy("remoteMac", path.remoteMac);
  copy("remoteIp", path.remoteIp);
  path.v6 = copy("localIp", path.localIp) == 16;
  const auto port = [&](const char* name) {
    return htons(static_cast<uint16_t>(given.Get(name).As<Napi::Number>().Uint32Value()));
  };
  path.localPort = port("localPort");
  path.remotePort = port("remotePort");
  const uint32_t headers = path.headersBytes();
  std::vector<uint8_t> frame(headers + payload.ByteLength(), 0xa5);
  std::copy_n(payload.Data(), payload.ByteLength(), frame.data() + headers);
  buildUdpHeaders(frame.data() + headers, static_cast<uint32_t>(payload.ByteLength()), path);
  return bytesOf(info.Env(), frame.data(), frame.size());
}

// verdicts({ hosts, mac, port, frameBytesMax, prefixes?, prefixAtPort?, socket }, packets): what
// the XDP program says of each, as the kernel runs it (0 aborted, 2 pass, 4 redirect). `socket`:
// queue 0 has one.
Napi::Value verdicts(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const auto options = info[0].As<Napi::Object>();
  try {
    XdpProgramOptions program;
    program.port = static_cast<uint16_t>(options.Get("port").As<Napi::Number>().Uint32Value());
    program.frameBytesMax = options.Get("frameBytesMax").As<Napi::Number>().Uint32Value();
    const auto mac = options.Get("mac").As<Napi::Uint8Array>();
    std::copy_n(mac.Data(), sizeof program.mac, program.mac);
    const auto hosts = options.Get("hosts").As<Napi::Array>();
    for (uint32_t i = 0; i < hosts.Length(); i++) {
      IpAddress address;
      parseIpAddress(hosts.Get(i).As<Napi::String>().Utf8Value(), address);
      program.addresses.push_back(address);
    }
    const BpfHandle sockets = createSocketMap(1);
    const BpfHandle prefixes = createPrefixMap();
    program.socketMapFd = sockets.fd();
    if (options.Get("prefixes").IsArray()) {
      program.prefixMapFd = prefixes.fd();
      program.prefixAtPort = options.Get("prefixAtPort").ToBoolean();
      const auto list = options.Get("prefixes").As<Napi::Array>();
      for (uint32_t i = 0; i < list.Length(); i++) {
        const uint8_t present = 1;
        updateMap(prefixes.fd(), list.Get(i).As<Napi::Uint8Array>().Data(), &present);
      }
    }
    const BpfHandle loaded = loadXdpProgram(assembleXdpProgram(program));
    BpfHandle socket;
    if (options.Get("socket").ToBoolean()) {
      socket = BpfHandle(::socket(AF_XDP, SOCK_RAW | SOCK_CLOEXEC, 0));
      const uint32_t queue = 0;
      const int fd = socket.fd();
      const int error = updateMap(sockets.fd(), &queue, &fd);
      if (error) throw IoError("ANDVARI_IO_SYSTEM", "XSKMAP", error);
    }
    const auto packets = info[1].As<Napi::Array>();
    auto result = Napi::Array::New(env, packets.Length());
    for (uint32_t i = 0; i < packets.Length(); i++) {
      const auto packet = packets.Get(i).As<Napi::Uint8Array>();
      uint32_t verdict = 0;
      const int error = runXdpProgram(loaded.fd(), packet.Data(),
                                      static_cast<uint32_t>(packet.ByteLength()), verdict);
      if (error) throw IoError("ANDVARI_IO_SYSTEM", "BPF_PROG_TEST_RUN", error);
      result.Set(i, verdict);
    }
    return result;
  } catch (const IoError& error) {
    throw Napi::Error::New(env, error.what());
  }
}

}  // namespace

void initPacketPieces(Napi::Env env, Napi::Object exports) {
  exports.Set("parsePacket", Napi::Function::New(env, parsePacket, "parsePacket"));
  exports.Set("buildPacket", Napi::Function::New(env, buildPacket, "buildPacket"));
  exports.Set("verdicts", Napi::Function::New(env, verdicts, "verdicts"));
}

}  // namespace andvari::testing

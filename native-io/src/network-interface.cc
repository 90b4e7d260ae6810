#include "network-interface.h"

#include <dirent.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <cstring>
#include <fstream>

#include "bpf.h"
#include "io-error.h"

namespace andvari {
namespace {

uint32_t queuesBySysfs(const std::string& name) {
  DIR* folder = opendir(("/sys/class/net/" + name + "/queues").c_str());
  if (!folder) return 0;
  uint32_t count = 0;
  while (const dirent* entry = readdir(folder)) {
    if (std::strncmp(entry->d_name, "rx-", 3) == 0) count++;
  }
  closedir(folder);
  return count;
}

// The device's own word first: it counts what is in use, sysfs what was set up, and sysfs may show
// another network namespace.
uint32_t queuesOf(int socket, ifreq& request, const std::string& name) {
  ethtool_channels channels = {};
  channels.cmd = ETHTOOL_GCHANNELS;
  request.ifr_data = reinterpret_cast<char*>(&channels);
  if (ioctl(socket, SIOCETHTOOL, &request) == 0) {
    const uint32_t count = channels.rx_count + channels.combined_count;
    if (count > 0) return count;
  }
  const uint32_t count = queuesBySysfs(name);
  return count > 0 ? count : 1;
}

IoError tooFewQueues(const NetworkInterface& interface, const std::string& wanted,
                     const std::string& mend) {
  return {"ANDVARI_IO_QUEUE",
          wanted + ": " + interface.name + " has " + std::to_string(interface.receiveQueues) +
              " receive queue(s), from 0",
          0, mend + ", or give it more: `ethtool -L " + interface.name + " combined N`"};
}

}  // namespace

NetworkInterface findInterface(const std::string& name) {
  NetworkInterface interface;
  interface.name = name;
  interface.index = static_cast<int>(if_nametoindex(name.c_str()));
  if (interface.index == 0 || name.size() >= IFNAMSIZ) {
    throw IoError("ANDVARI_IO_INTERFACE", "interface " + name, ENODEV,
                  "name an interface of `ip link`");
  }
  const BpfHandle socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  ifreq request = {};
  std::memcpy(request.ifr_name, name.c_str(), name.size());
  if (ioctl(socket.fd(), SIOCGIFMTU, &request) != 0) {
    throw IoError("ANDVARI_IO_INTERFACE", "SIOCGIFMTU of " + name, errno);
  }
  interface.mtu = static_cast<uint32_t>(request.ifr_mtu);
  // Loopback and tunnels have no Ethernet headers, or none that mean something.
  if (ioctl(socket.fd(), SIOCGIFHWADDR, &request) != 0 ||
      request.ifr_hwaddr.sa_family != ARPHRD_ETHER) {
    throw IoError("ANDVARI_IO_INTERFACE", name + " is no Ethernet interface", 0,
                  "name one that is, or use another backend");
  }
  std::memcpy(interface.mac, request.ifr_hwaddr.sa_data, sizeof interface.mac);
  interface.receiveQueues = queuesOf(socket.fd(), request, name);
  std::ifstream node("/sys/class/net/" + name + "/device/numa_node");
  if (node) node >> interface.numaNode;
  if (!node) interface.numaNode = -1;
  return interface;
}

void requireQueue(const NetworkInterface& interface, uint32_t queue) {
  if (queue < interface.receiveQueues) return;
  throw tooFewQueues(interface, "queue " + std::to_string(queue), "use fewer workers");
}

void requireQueues(const NetworkInterface& interface, uint32_t count) {
  if (count <= interface.receiveQueues) return;
  throw tooFewQueues(interface, std::to_string(count) + " queues (io.queues)", "ask for fewer");
}

}  // namespace andvari

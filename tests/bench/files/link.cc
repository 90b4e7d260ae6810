// A poor network between two namespaces: a tunnel interface `far` in each, and packets of one come
// out at the other after a delay, or not at all. link NAMESPACE NAMESPACE DELAY_US LOST_PPM SEED;
// says "ready", runs until it is ended. The interfaces go with it.
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <poll.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <string>
#include <vector>

namespace {

// What a queue holds: 40 ms of 3 Gbit/s. What finds no room is lost, as at any router.
constexpr size_t kQueueBytes = 16 << 20;
constexpr int kBatch = 64;

struct Packet {
  uint64_t due_us;
  std::vector<uint8_t> bytes;
};

struct Way {
  int from = -1;
  int to = -1;
  size_t held = 0;
  std::deque<Packet> queue;
};

uint64_t state;

// xorshift64*
uint32_t random_ppm() {
  state ^= state >> 12;
  state ^= state << 25;
  state ^= state >> 27;
  return static_cast<uint32_t>(((state * 2685821657736338717ULL) >> 33) % 1000000);
}

uint64_t now_us() {
  timespec time{};
  clock_gettime(CLOCK_MONOTONIC, &time);
  return static_cast<uint64_t>(time.tv_sec) * 1000000 + static_cast<uint64_t>(time.tv_nsec) / 1000;
}

int open_tunnel(const char* name) {
  const int space = open((std::string("/var/run/netns/") + name).c_str(), O_RDONLY | O_CLOEXEC);
  if (space < 0 || setns(space, CLONE_NEWNET) != 0) return -1;
  close(space);
  const int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
  ifreq request{};
  request.ifr_flags = IFF_TUN | IFF_NO_PI;
  std::strncpy(request.ifr_name, "far", IFNAMSIZ - 1);
  if (fd < 0 || ioctl(fd, TUNSETIFF, &request) != 0) return -1;
  return fd;
}

void take(Way& way, uint64_t delay_us, uint32_t lost_ppm) {
  static uint8_t buffer[65536];
  for (int i = 0; i < kBatch; i++) {
    const ssize_t count = read(way.from, buffer, sizeof buffer);
    if (count <= 0) return;
    const auto bytes = static_cast<size_t>(count);
    if (random_ppm() < lost_ppm || way.held + bytes > kQueueBytes) continue;
    way.held += bytes;
    way.queue.push_back({now_us() + delay_us, {buffer, buffer + bytes}});
  }
}

void give(Way& way) {
  while (!way.queue.empty() && way.queue.front().due_us <= now_us()) {
    const auto& bytes = way.queue.front().bytes;
    // An interface that takes no more has lost it.
    if (write(way.to, bytes.data(), bytes.size()) < 0 && errno == ENODEV) std::exit(1);
    way.held -= bytes.size();
    way.queue.pop_front();
  }
}

// Until the next packet is due, or one second.
timespec patience(const Way (&ways)[2]) {
  uint64_t wait_us = 1000000;
  const uint64_t now = now_us();
  for (const auto& way : ways) {
    if (way.queue.empty()) continue;
    const uint64_t due = way.queue.front().due_us;
    const uint64_t left = due > now ? due - now : 0;
    if (left < wait_us) wait_us = left;
  }
  return {static_cast<time_t>(wait_us / 1000000), static_cast<long>(wait_us % 1000000) * 1000};
}

}  // namespace

int main(int count, char** words) {
  if (count != 6) return 2;
  const int one = open_tunnel(words[1]);
  const int other = open_tunnel(words[2]);
  if (one < 0 || other < 0) {
    std::perror("link");
    return 1;
  }
  const uint64_t delay_us = std::strtoull(words[3], nullptr, 10);
  const auto lost_ppm = static_cast<uint32_t>(std::atoi(words[4]));
  state = std::strtoull(words[5], nullptr, 10) * 2 + 1;
  Way ways[2];
  ways[0].from = ways[1].to = one;
  ways[0].to = ways[1].from = other;
  std::puts("ready");
  std::fflush(stdout);
  for (;;) {
    pollfd waiting[2] = {{one, POLLIN, 0}, {other, POLLIN, 0}};
    const timespec wait = patience(ways);
    ppoll(waiting, 2, &wait, nullptr);
    for (auto& way : ways) {
      take(way, delay_us, lost_ppm);
      give(way);
    }
  }
}

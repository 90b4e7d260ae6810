#include "load.h"

#include <sys/resource.h>

#include <algorithm>
#include <cstdio>
#include <ctime>
#include <fstream>
#include <iterator>
#include <stdexcept>

namespace load {
namespace {

constexpr uint64_t kLateNs = 20'000'000;
constexpr uint32_t kHeaderBytes = 32;

uint64_t cpuNs() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto ns = [](const timeval& time) {
    return static_cast<uint64_t>(time.tv_sec) * 1'000'000'000 + time.tv_usec * 1000;
  };
  return ns(usage.ru_utime) + ns(usage.ru_stime);
}

uint32_t u16(const uint8_t* at) { return at[0] << 8 | at[1]; }

}  // namespace

uint64_t nowNs() {
  timespec time{};
  clock_gettime(CLOCK_MONOTONIC, &time);
  return static_cast<uint64_t>(time.tv_sec) * 1'000'000'000 + time.tv_nsec;
}

Requests::Requests(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  const std::vector<uint8_t> bytes((std::istreambuf_iterator<char>(file)), {});
  for (size_t at = 0; at + 2 <= bytes.size();) {
    const uint32_t length = u16(&bytes[at]);
    at += 2;
    if (length < kHeaderBytes || at + length > bytes.size()) break;
    requests_.emplace_back(bytes.begin() + at, bytes.begin() + at + length);
    at += length;
  }
  if (requests_.empty()) throw std::runtime_error("no requests in " + path);
}

const std::vector<uint8_t>& Requests::next() {
  const auto& request = requests_[at_];
  at_ = (at_ + 1) % requests_.size();
  return request;
}

void Window::start() {
  std::fill(histogram_.begin(), histogram_.end(), 0);
  std::fill(std::begin(statuses_), std::end(statuses_), 0);
  received_ = lost_ = 0;
  startNs_ = lastNs_ = nowNs();
  cpuNs_ = cpuNs();
}

void Window::sent(const uint8_t* request, uint64_t now) {
  const uint32_t echo = u16(request + 30);
  if (!open_[echo]) outstanding_++;
  open_[echo] = 1;
  times_[echo] = now;
}

void Window::received(const uint8_t* reply, uint32_t bytes, uint64_t now) {
  if (bytes < kHeaderBytes) return;
  // A request comes back as it is from a bare echo: it begins with the version 1. A reply begins
  // with the number of the server, which is 0.
  const bool returned = reply[0] == 1;
  const uint32_t echo = u16(reply + (returned ? 30 : 6));
  if (!open_[echo]) return;
  open_[echo] = 0;
  outstanding_--;
  received_++;
  total_++;
  lastNs_ = now;
  statuses_[reply[2]]++;
  const uint64_t bucket = (now - times_[echo]) / 100;
  histogram_[bucket < kBuckets ? bucket : kBuckets - 1]++;
}

void Window::giveUpLate(uint64_t now) {
  if (outstanding_ == 0 || now - lastNs_ < kLateNs) return;
  lost_ += outstanding_;
  outstanding_ = 0;
  std::fill(open_.begin(), open_.end(), 0);
  lastNs_ = now;
}

double Window::percentileUs(double share) const {
  uint64_t seen = 0;
  for (uint32_t i = 0; i < kBuckets; i++) {
    seen += histogram_[i];
    if (seen > 0 && seen >= share * static_cast<double>(received_)) return i / 10.0;
  }
  return 0;
}

void Window::print() const {
  const double seconds = static_cast<double>(nowNs() - startNs_) / 1e9;
  std::printf("{\"rps\":%.0f,\"received\":%lu,\"lost\":%lu,\"p50Us\":%.1f,\"p99Us\":%.1f,",
              received_ / seconds, received_, lost_, percentileUs(0.5), percentileUs(0.99));
  std::printf("\"total\":%lu,\"loadNs\":%.0f,\"statuses\":{", total_,
              received_ ? static_cast<double>(cpuNs() - cpuNs_) / received_ : 0);
  const char* comma = "";
  for (int status = 0; status < 256; status++) {
    if (statuses_[status] == 0) continue;
    std::printf("%s\"%d\":%lu", comma, status, statuses_[status]);
    comma = ",";
  }
  std::puts("}}");
}

}  // namespace load

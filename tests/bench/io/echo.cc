// The peer of the benchmark: the least that a UDP server in C does, recvmmsg and sendmmsg of up to
// 64 datagrams, which it sends back as they came. echo HOST PORT; runs until it is ended.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cstdio>
#include <cstdlib>

namespace {

constexpr int kBatch = 64;
constexpr int kDatagramBytes = 2048;
constexpr int kBufferBytes = 4 << 20;

mmsghdr headers[kBatch];
iovec vectors[kBatch];
sockaddr_in senders[kBatch];
char buffers[kBatch][kDatagramBytes];

void prepare() {
  for (int i = 0; i < kBatch; i++) {
    vectors[i] = {buffers[i], kDatagramBytes};
    headers[i] = {};
    headers[i].msg_hdr.msg_name = &senders[i];
    headers[i].msg_hdr.msg_namelen = sizeof senders[i];
    headers[i].msg_hdr.msg_iov = &vectors[i];
    headers[i].msg_hdr.msg_iovlen = 1;
  }
}

}  // namespace

int main(int count, char** words) {
  if (count != 3) return 2;
  const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &kBufferBytes, sizeof kBufferBytes);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(std::atoi(words[2])));
  inet_pton(AF_INET, words[1], &address.sin_addr);
  if (bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
    std::perror("bind");
    return 1;
  }
  std::puts("ready");
  std::fflush(stdout);
  for (;;) {
    prepare();
    const int taken = recvmmsg(fd, headers, kBatch, MSG_WAITFORONE, nullptr);
    for (int i = 0; i < taken; i++) vectors[i].iov_len = headers[i].msg_len;
    for (int sent = 0; sent < taken;) {
      const int more = sendmmsg(fd, headers + sent, taken - sent, 0);
      if (more <= 0) break;
      sent += more;
    }
  }
}

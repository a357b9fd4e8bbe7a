// The least that a reader can do: takes the kernel's audit records and counts them. Usage: count (until SIGTERM)
//
// Prints a line of `records events` when it ends.

#include <linux/audit.h>
#include <linux/netlink.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

namespace {

volatile sig_atomic_t stopping = 0;

struct Status {
  uint32_t mask, enabled, failure, pid, rate_limit, backlog_limit, lost, backlog;
};

void Register(int fd, uint32_t pid) {
  struct {
    nlmsghdr header;
    Status status;
  } message{};
  message.header.nlmsg_len = sizeof message;
  message.header.nlmsg_type = AUDIT_SET;
  message.header.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
  message.status.mask = AUDIT_STATUS_PID;
  message.status.pid = pid;
  sockaddr_nl kernel{};
  kernel.nl_family = AF_NETLINK;
  sendto(fd, &message, sizeof message, 0, reinterpret_cast<sockaddr*>(&kernel), sizeof kernel);
}

}  // namespace

int main() {
  struct sigaction action{};
  action.sa_handler = [](int) { stopping = 1; };
  sigaction(SIGTERM, &action, nullptr);
  const int fd = socket(AF_NETLINK, SOCK_RAW, NETLINK_AUDIT);
  int buffer = 16 << 20;
  setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &buffer, sizeof buffer);
  sockaddr_nl own{};
  own.nl_family = AF_NETLINK;
  bind(fd, reinterpret_cast<sockaddr*>(&own), sizeof own);
  Register(fd, static_cast<uint32_t>(getpid()));
  puts("ready");
  fflush(stdout);
  static char data[16 * 1024];
  unsigned long records = 0, events = 0;
  while (!stopping) {
    pollfd waiting{fd, POLLIN, 0};
    if (poll(&waiting, 1, 200) <= 0) continue;
    ssize_t length;
    while ((length = recv(fd, data, sizeof data, MSG_DONTWAIT)) > 0) {
      const auto* header = reinterpret_cast<const nlmsghdr*>(data);
      if (header->nlmsg_type < AUDIT_FIRST_USER_MSG && header->nlmsg_type < 1100) continue;
      records++;
      if (header->nlmsg_type == AUDIT_EOE) events++;
    }
  }
  Register(fd, 0);
  printf("%lu %lu\n", records, events);
}

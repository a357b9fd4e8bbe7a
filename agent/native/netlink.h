// The kernel's audit subsystem over netlink. Sources: linux/audit.h, linux/netlink.h, kernel/audit.c.
#pragma once
#include <errno.h>
#include <linux/audit.h>
#include <linux/netlink.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <vector>

constexpr size_t kMessageBytesMax = 16 * 1024;  // MAX_AUDIT_MESSAGE_LENGTH is 8970, headers apart.

// struct audit_status grew over the years; these are its first fields, which every kernel has.
struct StatusHead {
  uint32_t mask, enabled, failure, pid, rate_limit, backlog_limit, lost, backlog;
};

inline int OpenSocket(uint32_t groups) {
  int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_AUDIT);
  if (fd < 0) return -1;
  sockaddr_nl address{};
  address.nl_family = AF_NETLINK;
  address.nl_groups = groups;
  if (bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
    int error = errno;
    close(fd);
    errno = error;
    return -1;
  }
  return fd;
}

inline bool Send(int fd, uint16_t type, uint16_t flags, uint32_t sequence, const void* payload, size_t length) {
  std::vector<uint8_t> message(NLMSG_SPACE(length), 0);
  auto* header = reinterpret_cast<nlmsghdr*>(message.data());
  header->nlmsg_len = NLMSG_LENGTH(length);
  header->nlmsg_type = type;
  header->nlmsg_flags = NLM_F_REQUEST | flags;
  header->nlmsg_seq = sequence;
  if (length > 0) memcpy(NLMSG_DATA(header), payload, length);
  sockaddr_nl kernel{};
  kernel.nl_family = AF_NETLINK;
  for (;;) {
    if (sendto(fd, message.data(), message.size(), 0, reinterpret_cast<sockaddr*>(&kernel), sizeof kernel) >= 0) return true;
    if (errno != EINTR) return false;
  }
}

inline int64_t MonotonicUs() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<int64_t>(now.tv_sec) * 1'000'000 + now.tv_nsec / 1000;
}

inline int64_t MonotonicMs() { return MonotonicUs() / 1000; }

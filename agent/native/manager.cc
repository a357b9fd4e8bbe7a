// The service manager.
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "exports.h"
#include "reader.h"
#include "values.h"

// notifyManager(text: string, reader?: External): boolean
//
// sd_notify(3): tells the service manager something; with a reader, hands it the reader's socket to keep
// (FDSTORE=1), so that the socket and what the kernel puts into it outlive this process.
napi_value NotifyManager(napi_env env, napi_callback_info info) {
  size_t count = 2;
  napi_value arguments[2];
  napi_get_cb_info(env, info, &count, arguments, nullptr, nullptr);
  std::string text = Text(env, arguments[0]);
  napi_valuetype type = napi_undefined;
  if (count > 1) napi_typeof(env, arguments[1], &type);
  napi_value result;
  napi_get_boolean(env, false, &result);
  const char* path = getenv("NOTIFY_SOCKET");
  if (path == nullptr || path[0] == 0) return result;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const size_t length = strlen(path);
  if (length >= sizeof address.sun_path) return result;
  memcpy(address.sun_path, path, length);
  if (path[0] == '@') address.sun_path[0] = 0;
  const int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return result;
  iovec part{&text[0], text.size()};
  msghdr message{};
  message.msg_name = &address;
  message.msg_namelen = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + length);
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {0};
  if (type == napi_external) {
    const int kept = Unwrap<Reader>(env, arguments[1])->fd();
    message.msg_control = control;
    message.msg_controllen = sizeof control;
    cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(header), &kept, sizeof kept);
  }
  const bool sent = sendmsg(fd, &message, MSG_NOSIGNAL) >= 0;
  close(fd);
  napi_get_boolean(env, sent, &result);
  return result;
}

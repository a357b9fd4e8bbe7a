// The control socket: apart, since on the reader's socket replies would interleave with events.
#include <poll.h>

#include "exports.h"
#include "netlink.h"
#include "values.h"

namespace {

struct Control {
  int fd;
  uint32_t sequence = 0;
  ~Control() { close(fd); }
};

}  // namespace

napi_value OpenControl(napi_env env, napi_callback_info) {
  const int fd = OpenSocket(0);
  if (fd < 0) {
    ThrowErrno(env, "cannot open an audit control socket", errno);
    return nullptr;
  }
  napi_value result;
  napi_create_external(
      env, new Control{fd}, [](napi_env, void* data, void*) { delete static_cast<Control*>(data); }, nullptr, &result);
  return result;
}

// request(control, type: number, payload: Buffer, dump: boolean, timeoutMs: number): Buffer[]
//
// Sends one request and returns the payloads of its replies. AUDIT_LIST_RULES (dump) ends with NLMSG_DONE, all
// others with the acknowledgement. Throws the kernel's errno.
napi_value Request(napi_env env, napi_callback_info info) {
  size_t count = 5;
  napi_value arguments[5];
  napi_get_cb_info(env, info, &count, arguments, nullptr, nullptr);
  auto* control = Unwrap<Control>(env, arguments[0]);
  uint32_t type = 0;
  void* payload = nullptr;
  size_t length = 0;
  bool dump = false;
  int32_t timeout = 0;
  napi_get_value_uint32(env, arguments[1], &type);
  napi_get_buffer_info(env, arguments[2], &payload, &length);
  napi_get_value_bool(env, arguments[3], &dump);
  napi_get_value_int32(env, arguments[4], &timeout);
  const uint32_t sequence = ++control->sequence;
  if (!Send(control->fd, static_cast<uint16_t>(type), NLM_F_ACK, sequence, payload, length)) {
    ThrowErrno(env, "cannot ask the kernel's audit", errno);
    return nullptr;
  }
  napi_value result;
  napi_create_array(env, &result);
  uint32_t replies = 0;
  std::vector<uint8_t> buffer(kMessageBytesMax);
  const int64_t deadline = MonotonicMs() + timeout;
  for (;;) {
    const int64_t left = deadline - MonotonicMs();
    if (left <= 0) {
      ThrowErrno(env, "the kernel's audit does not answer", ETIMEDOUT);
      return nullptr;
    }
    pollfd waiting{control->fd, POLLIN, 0};
    if (poll(&waiting, 1, static_cast<int>(left)) <= 0) continue;
    sockaddr_nl sender{};
    socklen_t sender_length = sizeof sender;
    const ssize_t received = recvfrom(control->fd, buffer.data(), buffer.size(), MSG_DONTWAIT,
                                      reinterpret_cast<sockaddr*>(&sender), &sender_length);
    if (received < static_cast<ssize_t>(sizeof(nlmsghdr)) || sender.nl_pid != 0) continue;
    auto* header = reinterpret_cast<nlmsghdr*>(buffer.data());
    if (header->nlmsg_seq != sequence) continue;  // A late reply to a request that timed out.
    if (header->nlmsg_type == NLMSG_ERROR) {
      const int error = -reinterpret_cast<nlmsgerr*>(NLMSG_DATA(header))->error;
      if (error != 0) {
        ThrowErrno(env, "the kernel's audit refuses", error);
        return nullptr;
      }
      // AUDIT_GET's reply follows its acknowledgement, and a dump ends by itself.
      if (dump || (type == AUDIT_GET && replies == 0)) continue;
      return result;
    }
    if (header->nlmsg_type == NLMSG_DONE) return result;
    napi_value item;
    void* copy = nullptr;
    const size_t size = static_cast<size_t>(received) - sizeof(nlmsghdr);
    napi_create_buffer_copy(env, size, buffer.data() + sizeof(nlmsghdr), &copy, &item);
    napi_set_element(env, result, replies++, item);
    if (type == AUDIT_GET) return result;
  }
}

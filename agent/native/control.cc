// The control socket: apart, since on the reader's socket replies would interleave with events.
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/wait.h>

#include "exports.h"
#include "netlink.h"
#include "values.h"

namespace {

struct Control {
  int fd;
  uint32_t sequence = 0;
  ~Control() { close(fd); }
};

constexpr size_t kStackBytes = 64 * 1024;

// A request as a process sends it whose root is elsewhere.
struct Elsewhere {
  const char* root;
  int fd;
  uint16_t type;
  uint32_t sequence;
  const void* payload;
  size_t length;
};

// Its exit status is the errno, 0 for sent.
int SendThere(void* given) {
  const auto* request = static_cast<const Elsewhere*>(given);
  const bool sent = chroot(request->root) == 0 && chdir("/") == 0 &&
                    Send(request->fd, request->type, NLM_F_ACK, request->sequence, request->payload, request->length);
  return sent ? 0 : errno;
}

// The kernel takes a rule's paths by the root of whoever sends it, at once, in the call that sends it (audit_add_watch and
// audit_alloc_mark in kernel/, by kern_path). So a short-lived process sends it: of the same memory, while this one waits, as
// by vfork(2), but with a root of its own, since CLONE_FS is not asked for. Returns the errno, 0 for sent.
int SendFrom(Elsewhere request) {
  std::vector<uint8_t> stack(kStackBytes);
  // Handlers of this process would run there, too. On Linux this is of the calling thread, as pthread_sigmask is, which glibc has under another
  // name since 2.32, and hosts may be older.
  sigset_t all, before;
  sigfillset(&all);
  sigprocmask(SIG_SETMASK, &all, &before);
  // The stack grows downwards, and begins at a multiple of 16.
  void* top = reinterpret_cast<void*>(reinterpret_cast<uintptr_t>(stack.data() + kStackBytes) & ~uintptr_t{15});
  const pid_t pid = clone(SendThere, top, CLONE_VM | CLONE_VFORK | SIGCHLD, &request);
  int error = pid < 0 ? errno : 0;
  int status = 0;
  if (pid > 0) {
    pid_t ended;
    while ((ended = waitpid(pid, &status, 0)) < 0 && errno == EINTR) {
    }
    // Killed, or taken away by somebody: whether it was sent is not known.
    error = ended == pid && WIFEXITED(status) ? WEXITSTATUS(status) : EIO;
  }
  sigprocmask(SIG_SETMASK, &before, nullptr);
  return error;
}

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

// request(control, type: number, payload: Buffer, dump: boolean, timeoutMs: number, root: string): Buffer[]
//
// `root` is that of the process that the kernel shall see as the sender; empty for this one's.
// Sends one request and returns the payloads of its replies. AUDIT_LIST_RULES (dump) ends with NLMSG_DONE, all
// others with the acknowledgement. Throws the kernel's errno.
napi_value Request(napi_env env, napi_callback_info info) {
  size_t count = 6;
  napi_value arguments[6];
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
  const std::string root = Text(env, arguments[5]);
  const uint32_t sequence = ++control->sequence;
  if (root.empty()) {
    if (!Send(control->fd, static_cast<uint16_t>(type), NLM_F_ACK, sequence, payload, length)) {
      ThrowErrno(env, "cannot ask the kernel's audit", errno);
      return nullptr;
    }
  } else if (const int error = SendFrom({root.c_str(), control->fd, static_cast<uint16_t>(type), sequence, payload, length});
             error != 0) {
    ThrowErrno(env, ("cannot ask the kernel's audit from " + root).c_str(), error);
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

// The way from Node to the kernel's audit subsystem: a reader with a thread of its own, which drains the
// netlink socket whatever JavaScript is doing, and a control socket apart, since on the reader's socket
// replies would interleave with events.
//
// Sources: linux/audit.h, linux/netlink.h, kernel/audit.c.

#define NAPI_VERSION 8
#include <errno.h>
#include <linux/audit.h>
#include <linux/netlink.h>
#include <node_api.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace {

constexpr size_t kMessageBytesMax = 16 * 1024;  // MAX_AUDIT_MESSAGE_LENGTH is 8970, headers apart.
constexpr unsigned kBatch = 32;
constexpr size_t kFrameHeader = 8;
constexpr size_t kDrainBytesMax = 1 << 20;
constexpr int kRegisterTimeoutMs = 2000;

// struct audit_status grew over the years; these are its first fields, which every kernel has.
struct StatusHead {
  uint32_t mask, enabled, failure, pid, rate_limit, backlog_limit, lost, backlog;
};

void ThrowErrno(napi_env env, const char* what, int error) {
  napi_value code, message, object;
  napi_create_string_utf8(env, strerrorname_np(error) ? strerrorname_np(error) : "EUNKNOWN", NAPI_AUTO_LENGTH, &code);
  std::string text = std::string(what) + ": " + strerror(error);
  napi_create_string_utf8(env, text.c_str(), text.size(), &message);
  napi_create_error(env, code, message, &object);
  napi_throw(env, object);
}

int OpenSocket(uint32_t groups) {
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

bool Send(int fd, uint16_t type, uint16_t flags, uint32_t sequence, const void* payload, size_t length) {
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

int64_t MonotonicMs() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

// ---- The reader -------------------------------------------------------------------------------------

class Reader {
 public:
  Reader(int fd, size_t ring_bytes) : fd_(fd), capacity_(ring_bytes) {}

  ~Reader() {
    if (ring_ != nullptr) munmap(ring_, capacity_);
    if (stop_fd_ >= 0) close(stop_fd_);
    if (fd_ >= 0) close(fd_);
  }

  // Pages are touched only when the ring fills, so an idle agent does not pay for them.
  bool Allocate() {
    void* memory = mmap(nullptr, capacity_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) return false;
    ring_ = static_cast<uint8_t*>(memory);
    stop_fd_ = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    return stop_fd_ >= 0;
  }

  // Makes this socket the audit daemon's. The kernel sends events to the port that the request came from, so
  // it must go through the reader's own socket; events may arrive before the answer and are kept.
  int Register() {
    StatusHead status{};
    status.mask = AUDIT_STATUS_PID;
    status.pid = static_cast<uint32_t>(getpid());
    if (!Send(fd_, AUDIT_SET, NLM_F_ACK, 1, &status, sizeof status)) return errno;
    std::vector<uint8_t> buffer(kMessageBytesMax);
    const int64_t deadline = MonotonicMs() + kRegisterTimeoutMs;
    for (;;) {
      const int64_t left = deadline - MonotonicMs();
      if (left <= 0) return ETIMEDOUT;
      pollfd waiting{fd_, POLLIN, 0};
      if (poll(&waiting, 1, static_cast<int>(left)) <= 0) continue;
      const ssize_t length = recv(fd_, buffer.data(), buffer.size(), MSG_DONTWAIT);
      if (length < static_cast<ssize_t>(sizeof(nlmsghdr))) continue;
      auto* header = reinterpret_cast<nlmsghdr*>(buffer.data());
      if (header->nlmsg_type == NLMSG_ERROR) {
        registered_ = true;
        const int error = -reinterpret_cast<nlmsgerr*>(NLMSG_DATA(header))->error;
        if (error != 0) registered_ = false;
        return error;
      }
      Push(header->nlmsg_type, buffer.data() + sizeof(nlmsghdr), static_cast<size_t>(length) - sizeof(nlmsghdr));
    }
  }

  void Start(napi_threadsafe_function notify) {
    notify_ = notify;
    thread_ = std::thread([this] { Run(); });
  }

  // Stops the thread and gives the registration back. What the ring holds can still be drained.
  void Stop() {
    if (stopped_.exchange(true)) return;
    const uint64_t one = 1;
    if (write(stop_fd_, &one, sizeof one) < 0) { /* The counter is full: it is readable all the same. */
    }
    {
      std::lock_guard<std::mutex> lock(mutex_);
      space_.notify_all();
    }
    if (thread_.joinable()) thread_.join();
    if (registered_) {
      StatusHead status{};
      status.mask = AUDIT_STATUS_PID;
      Send(fd_, AUDIT_SET, 0, 2, &status, sizeof status);
      registered_ = false;
    }
    close(fd_);
    fd_ = -1;
    if (notify_ != nullptr) napi_release_threadsafe_function(notify_, napi_tsfn_release);
    notify_ = nullptr;
  }

  // Whole frames from the ring, at most kDrainBytesMax or one frame.
  napi_value Drain(napi_env env) {
    std::unique_lock<std::mutex> lock(mutex_);
    const size_t used = head_ - tail_;
    size_t take = 0;
    while (take < used) {
      uint8_t header[kFrameHeader];
      CopyOut(tail_ + take, header, kFrameHeader);
      uint32_t length;
      memcpy(&length, header + 4, 4);
      const size_t frame = kFrameHeader + length;
      if (take > 0 && take + frame > kDrainBytesMax) break;
      take += frame;
    }
    napi_value result;
    void* data = nullptr;
    if (take == 0) {
      signalled_ = false;
      napi_get_null(env, &result);
      return result;
    }
    if (napi_create_buffer(env, take, &data, &result) != napi_ok) return nullptr;
    CopyOut(tail_, static_cast<uint8_t*>(data), take);
    tail_ += take;
    space_.notify_one();
    return result;
  }

  napi_value Statistics(napi_env env) {
    std::lock_guard<std::mutex> lock(mutex_);
    napi_value object;
    napi_create_object(env, &object);
    Set(env, object, "records", records_);
    Set(env, object, "overruns", overruns_);
    Set(env, object, "foreign", foreign_);
    Set(env, object, "ringWaits", ring_waits_);
    Set(env, object, "ringBytes", head_ - tail_);
    Set(env, object, "receiveBufferBytes", receive_buffer_);
    Set(env, object, "portId", port_id_);
    return object;
  }

  void SetReceiveBuffer(int bytes) {
    // FORCE passes the system's limit and needs CAP_NET_ADMIN; without it the limit holds.
    if (setsockopt(fd_, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof bytes) != 0) {
      setsockopt(fd_, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
    }
    int actual = 0;
    socklen_t length = sizeof actual;
    getsockopt(fd_, SOL_SOCKET, SO_RCVBUF, &actual, &length);
    receive_buffer_ = static_cast<uint64_t>(actual);
    sockaddr_nl address{};
    length = sizeof address;
    getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &length);
    port_id_ = address.nl_pid;
  }

 private:
  static void Set(napi_env env, napi_value object, const char* name, uint64_t number) {
    napi_value value;
    napi_create_double(env, static_cast<double>(number), &value);
    napi_set_named_property(env, object, name, value);
  }

  void CopyIn(uint64_t at, const uint8_t* data, size_t length) {
    const size_t offset = at % capacity_;
    const size_t first = std::min(length, capacity_ - offset);
    memcpy(ring_ + offset, data, first);
    memcpy(ring_, data + first, length - first);
  }

  void CopyOut(uint64_t at, uint8_t* data, size_t length) {
    const size_t offset = at % capacity_;
    const size_t first = std::min(length, capacity_ - offset);
    memcpy(data, ring_ + offset, first);
    memcpy(data + first, ring_, length - first);
  }

  // Waits while the ring is full: the kernel's buffer is the next bound, and the kernel counts what passes it.
  void Push(uint16_t type, const uint8_t* payload, size_t length) {
    std::unique_lock<std::mutex> lock(mutex_);
    const size_t frame = kFrameHeader + length;
    if (capacity_ - (head_ - tail_) < frame) {
      ring_waits_++;
      space_.wait(lock, [&] { return stopped_ || capacity_ - (head_ - tail_) >= frame; });
      if (stopped_) return;
    }
    uint8_t header[kFrameHeader] = {0};
    const uint32_t size = static_cast<uint32_t>(length);
    memcpy(header, &type, 2);
    memcpy(header + 4, &size, 4);
    CopyIn(head_, header, kFrameHeader);
    CopyIn(head_ + kFrameHeader, payload, length);
    head_ += frame;
    records_++;
  }

  void Notify() {
    {
      std::lock_guard<std::mutex> lock(mutex_);
      if (signalled_ || head_ == tail_) return;
      signalled_ = true;
    }
    napi_call_threadsafe_function(notify_, nullptr, napi_tsfn_nonblocking);
  }

  void Run() {
    std::vector<uint8_t> buffers(kBatch * kMessageBytesMax);
    mmsghdr messages[kBatch];
    iovec parts[kBatch];
    sockaddr_nl senders[kBatch];
    Notify();
    while (!stopped_) {
      pollfd waiting[2] = {{fd_, POLLIN, 0}, {stop_fd_, POLLIN, 0}};
      if (poll(waiting, 2, -1) < 0 && errno != EINTR) break;
      if (stopped_) break;
      for (unsigned index = 0; index < kBatch; index++) {
        parts[index] = {buffers.data() + index * kMessageBytesMax, kMessageBytesMax};
        messages[index] = {};
        messages[index].msg_hdr.msg_iov = &parts[index];
        messages[index].msg_hdr.msg_iovlen = 1;
        messages[index].msg_hdr.msg_name = &senders[index];
        messages[index].msg_hdr.msg_namelen = sizeof senders[index];
      }
      const int count = recvmmsg(fd_, messages, kBatch, MSG_DONTWAIT, nullptr);
      if (count < 0) {
        // ENOBUFS tells of an overrun, once; reading goes on.
        if (errno == ENOBUFS) {
          std::lock_guard<std::mutex> lock(mutex_);
          overruns_++;
        }
        continue;
      }
      for (int index = 0; index < count; index++) Accept(messages[index], parts[index], senders[index]);
      Notify();
    }
  }

  void Accept(const mmsghdr& message, const iovec& part, const sockaddr_nl& sender) {
    const auto* header = static_cast<const nlmsghdr*>(part.iov_base);
    if (sender.nl_pid != 0) {
      // Anybody may send to a netlink port; only the kernel has port 0.
      std::lock_guard<std::mutex> lock(mutex_);
      foreign_++;
      return;
    }
    if (message.msg_len < sizeof(nlmsghdr)) return;
    if (header->nlmsg_type < AUDIT_GET) return;  // An acknowledgement or another netlink control message.
    // nlmsg_len of unicast events leaves out the header; the received length is always right.
    Push(header->nlmsg_type, static_cast<const uint8_t*>(part.iov_base) + sizeof(nlmsghdr),
         message.msg_len - sizeof(nlmsghdr));
  }

  int fd_;
  int stop_fd_ = -1;
  const size_t capacity_;
  uint8_t* ring_ = nullptr;
  std::mutex mutex_;
  std::condition_variable space_;
  uint64_t head_ = 0;
  uint64_t tail_ = 0;
  bool signalled_ = false;
  bool registered_ = false;
  std::atomic<bool> stopped_{false};
  uint64_t records_ = 0;
  uint64_t overruns_ = 0;
  uint64_t foreign_ = 0;
  uint64_t ring_waits_ = 0;
  uint64_t receive_buffer_ = 0;
  uint64_t port_id_ = 0;
  std::thread thread_;
  napi_threadsafe_function notify_ = nullptr;
};

template <typename T>
T* Unwrap(napi_env env, napi_value value) {
  void* data = nullptr;
  napi_get_value_external(env, value, &data);
  return static_cast<T*>(data);
}

// openReader(multicast: boolean, receiveBufferBytes: number, ringBytes: number, onReadable: () => void)
napi_value OpenReader(napi_env env, napi_callback_info info) {
  size_t count = 4;
  napi_value arguments[4];
  napi_get_cb_info(env, info, &count, arguments, nullptr, nullptr);
  bool multicast = false;
  int32_t receive_buffer = 0;
  int64_t ring_bytes = 0;
  napi_get_value_bool(env, arguments[0], &multicast);
  napi_get_value_int32(env, arguments[1], &receive_buffer);
  napi_get_value_int64(env, arguments[2], &ring_bytes);
  if (ring_bytes < static_cast<int64_t>(2 * kMessageBytesMax)) {
    napi_throw_range_error(env, "ERR_OUT_OF_RANGE", "ringBytes is too small for one message");
    return nullptr;
  }
  const int fd = OpenSocket(multicast ? 1U << (AUDIT_NLGRP_READLOG - 1) : 0);
  if (fd < 0) {
    ThrowErrno(env, multicast ? "cannot join the audit multicast group" : "cannot open an audit socket", errno);
    return nullptr;
  }
  auto* reader = new Reader(fd, static_cast<size_t>(ring_bytes));
  if (!reader->Allocate()) {
    const int error = errno;
    delete reader;
    ThrowErrno(env, "cannot allocate the ring", error);
    return nullptr;
  }
  reader->SetReceiveBuffer(receive_buffer);
  if (!multicast) {
    const int error = reader->Register();
    if (error != 0) {
      delete reader;
      ThrowErrno(env, "cannot register as the audit daemon", error);
      return nullptr;
    }
  }
  napi_value name;
  napi_create_string_utf8(env, "hosttrail audit reader", NAPI_AUTO_LENGTH, &name);
  napi_threadsafe_function notify = nullptr;
  napi_create_threadsafe_function(env, arguments[3], nullptr, name, 0, 1, nullptr, nullptr, nullptr, nullptr, &notify);
  reader->Start(notify);
  napi_value result;
  napi_create_external(
      env, reader,
      [](napi_env, void* data, void*) {
        auto* closing = static_cast<Reader*>(data);
        closing->Stop();
        delete closing;
      },
      nullptr, &result);
  return result;
}

napi_value OneArgument(napi_env env, napi_callback_info info) {
  size_t count = 1;
  napi_value argument;
  napi_get_cb_info(env, info, &count, &argument, nullptr, nullptr);
  return argument;
}

napi_value DrainReader(napi_env env, napi_callback_info info) {
  return Unwrap<Reader>(env, OneArgument(env, info))->Drain(env);
}

napi_value ReaderStatistics(napi_env env, napi_callback_info info) {
  return Unwrap<Reader>(env, OneArgument(env, info))->Statistics(env);
}

napi_value StopReader(napi_env env, napi_callback_info info) {
  Unwrap<Reader>(env, OneArgument(env, info))->Stop();
  return nullptr;
}

// ---- The control socket -----------------------------------------------------------------------------

struct Control {
  int fd;
  uint32_t sequence = 0;
  ~Control() { close(fd); }
};

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

napi_value Initialize(napi_env env, napi_value exports) {
  const napi_property_descriptor functions[] = {
      {"openReader", nullptr, OpenReader, nullptr, nullptr, nullptr, napi_enumerable, nullptr},
      {"drainReader", nullptr, DrainReader, nullptr, nullptr, nullptr, napi_enumerable, nullptr},
      {"readerStatistics", nullptr, ReaderStatistics, nullptr, nullptr, nullptr, napi_enumerable, nullptr},
      {"stopReader", nullptr, StopReader, nullptr, nullptr, nullptr, napi_enumerable, nullptr},
      {"openControl", nullptr, OpenControl, nullptr, nullptr, nullptr, napi_enumerable, nullptr},
      {"request", nullptr, Request, nullptr, nullptr, nullptr, napi_enumerable, nullptr},
  };
  napi_define_properties(env, exports, sizeof functions / sizeof functions[0], functions);
  return exports;
}

}  // namespace

NAPI_MODULE(hosttrail_audit, Initialize)

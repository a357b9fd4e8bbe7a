// The way from Node to the kernel's audit subsystem: a reader with a thread of its own, which drains the
// netlink socket whatever JavaScript is doing, and a control socket apart, since on the reader's socket
// replies would interleave with events.
//
// Sources: linux/audit.h, linux/netlink.h, kernel/audit.c.

#define NAPI_VERSION 8
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/netlink.h>
#include <linux/userfaultfd.h>
#include <malloc.h>
#include <node_api.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace {

constexpr size_t kMessageBytesMax = 16 * 1024;  // MAX_AUDIT_MESSAGE_LENGTH is 8970, headers apart.
constexpr unsigned kBatch = 32;
constexpr size_t kFrameHeader = 8;
constexpr int kRegisterTimeoutMs = 2000;
// Time between two looks at the socket while events come, and the receive buffer that it needs: 16 MiB hold some 36,000
// records, and no kernel makes half as many in this time.
constexpr int kRestMs = 50;
constexpr int kShortRestMs = 1;
constexpr uint64_t kLargeReceiveBuffer = 8 << 20;

// struct audit_status grew over the years; these are its first fields, which every kernel has.
struct StatusHead {
  uint32_t mask, enabled, failure, pid, rate_limit, backlog_limit, lost, backlog;
};

// Node's own, from libuv: glibc has the names only since 2.32, and hosts may be older.
extern "C" const char* uv_err_name(int error);

void ThrowErrno(napi_env env, const char* what, int error) {
  napi_value code, message, object;
  napi_create_string_utf8(env, uv_err_name(-error), NAPI_AUTO_LENGTH, &code);
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

// ---- The ring ---------------------------------------------------------------------------------------

// Records on their way from the kernel to the spool. The memory is a file's, in a folder of tmpfs where there is
// one: what was read from the kernel and is not spooled yet outlives the process, however that ends. Whoever
// opens the file next goes on at the last commit.

// Sparse: pages that were never written take no memory.
constexpr size_t kHeaderBytes = 1024 * 1024;
constexpr uint32_t kSpooledMax = 16 * 1024;
constexpr uint64_t kReleaseBytes = 1 << 20;
constexpr char kMagic[8] = {'H', 'T', 'R', 'I', 'N', 'G', '0', '2'};

// An event that was spooled although an earlier one still waits for its records.
struct SpooledEvent {
  uint64_t time_ms;
  uint32_t serial;
  uint32_t unused;
};

// The state at a commit. Two of them take turns, so that one is always whole.
struct Commit {
  uint64_t tail;
  uint32_t count;
  uint32_t unused;
  SpooledEvent spooled[kSpooledMax];
};

struct RingHeader {
  char magic[8];
  char boot_id[40];
  uint64_t capacity;
  std::atomic<uint64_t> head;
  std::atomic<uint32_t> turn;
  uint32_t unused;
  Commit commits[2];
};
static_assert(sizeof(RingHeader) <= kHeaderBytes, "the header has its own pages");

// Where the kernel puts a batch of messages, in the same file behind the ring: a process that ends between taking them off the socket and
// laying them into the ring has lost none, since whoever opens the file next goes on with the batch. `head` is the ring's at its begin;
// a message whose length is 0 was not received.
struct Stage {
  uint64_t head;
  mmsghdr messages[kBatch];
  sockaddr_nl senders[kBatch];
  uint8_t data[kBatch][kMessageBytesMax];
};

class Ring {
 public:
  ~Ring() {
    if (memory_ != nullptr) munmap(memory_, Bytes());
    if (file_ >= 0) close(file_);
  }

  // Maps the file, or plain memory where the path is empty. Returns an errno, 0 for success.
  int Open(const char* path, const char* boot_id, size_t capacity) {
    capacity_ = capacity;
    int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
    if (path[0] != 0) {
      file_ = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
      if (file_ < 0) return errno;
      if (flock(file_, LOCK_EX | LOCK_NB) != 0) return errno;
      if (ftruncate(file_, static_cast<off_t>(Bytes())) != 0) return errno;
      flags = MAP_SHARED;
    }
    void* memory = mmap(nullptr, Bytes(), PROT_READ | PROT_WRITE, flags, file_, 0);
    if (memory == MAP_FAILED) return errno;
    memory_ = static_cast<uint8_t*>(memory);
    header_ = reinterpret_cast<RingHeader*>(memory_);
    const bool known = memcmp(header_->magic, kMagic, sizeof kMagic) == 0 && header_->capacity == capacity &&
                       strncmp(header_->boot_id, boot_id, sizeof header_->boot_id) == 0;
    if (!known || !IsSound()) {
      // Not memset over all of it, which would make every page of a sparse header real.
      header_->head = 0;
      header_->turn = 0;
      for (Commit& commit : header_->commits) commit.tail = commit.count = 0;
      for (mmsghdr& message : stage()->messages) message.msg_len = 0;
      memset(header_->boot_id, 0, sizeof header_->boot_id);
      strncpy(header_->boot_id, boot_id, sizeof header_->boot_id - 1);
      header_->capacity = capacity;
      memcpy(header_->magic, kMagic, sizeof kMagic);
    }
    released_ = Current().tail;
    return 0;
  }

  Stage* stage() const { return reinterpret_cast<Stage*>(memory_ + StageAt()); }
  uint64_t head() const { return header_->head.load(std::memory_order_acquire); }
  uint64_t tail() const { return Current().tail; }
  size_t capacity() const { return capacity_; }
  // Room for new frames. What is committed but not released yet counts as used: releasing it later would wipe out what
  // the next lap has written there.
  size_t Free() const { return capacity_ - (head() - released_); }
  const Commit& Current() const { return header_->commits[header_->turn.load(std::memory_order_acquire) & 1]; }

  void Append(const uint8_t* head, const uint8_t* payload, size_t length) {
    const uint64_t at = header_->head.load(std::memory_order_relaxed);
    CopyIn(at, head, kFrameHeader);
    CopyIn(at + kFrameHeader, payload, length);
    header_->head.store(at + kFrameHeader + length, std::memory_order_release);
  }

  void CommitTo(uint64_t tail, const SpooledEvent* spooled, uint32_t count) {
    const uint32_t turn = header_->turn.load(std::memory_order_relaxed);
    Commit& next = header_->commits[(turn + 1) & 1];
    next.tail = tail;
    next.count = count < kSpooledMax ? count : kSpooledMax;
    memcpy(next.spooled, spooled, next.count * sizeof *spooled);
    header_->turn.store(turn + 1, std::memory_order_release);
    Release(tail);
  }

  void CopyOut(uint64_t at, uint8_t* data, size_t length) const {
    const size_t offset = at % capacity_;
    const size_t first = std::min(length, capacity_ - offset);
    memcpy(data, memory_ + kHeaderBytes + offset, first);
    memcpy(data + first, memory_ + kHeaderBytes, length - first);
  }

 private:
  size_t StageAt() const { return kHeaderBytes + (capacity_ + 4095) / 4096 * 4096; }
  size_t Bytes() const { return StageAt() + sizeof(Stage); }

  void CopyIn(uint64_t at, const uint8_t* data, size_t length) {
    const size_t offset = at % capacity_;
    const size_t first = std::min(length, capacity_ - offset);
    memcpy(memory_ + kHeaderBytes + offset, data, first);
    memcpy(memory_ + kHeaderBytes, data + first, length - first);
  }

  // Frames must lead from tail to head exactly; a file that somebody wrote into is begun anew.
  bool IsSound() const {
    const Commit& commit = Current();
    const uint64_t head = header_->head.load();
    if (commit.count > kSpooledMax || commit.tail > head || head - commit.tail > capacity_) return false;
    uint64_t at = commit.tail;
    while (at < head) {
      if (head - at < kFrameHeader) return false;
      uint8_t frame[kFrameHeader];
      CopyOut(at, frame, kFrameHeader);
      uint32_t length;
      memcpy(&length, frame + 4, 4);
      if (length > kMessageBytesMax) return false;
      at += kFrameHeader + length;
    }
    return at == head;
  }

  // Gives memory of committed frames back, so that a ring that was once full does not stay large.
  void Release(uint64_t tail) {
    // A small ring would never have room again if it waited for as much as a large one.
    if (tail - released_ < std::min<uint64_t>(kReleaseBytes, capacity_ / 4)) return;
    const uint64_t page = 4096;
    uint64_t from = (released_ + page - 1) / page * page;
    const uint64_t to = tail / page * page;
    while (from < to) {
      const size_t offset = from % capacity_;
      const size_t length = std::min<uint64_t>(to - from, capacity_ - offset);
      madvise(memory_ + kHeaderBytes + offset, length, file_ >= 0 ? MADV_REMOVE : MADV_DONTNEED);
      from += length;
    }
    released_ = to;
  }

  int file_ = -1;
  size_t capacity_ = 0;
  uint8_t* memory_ = nullptr;
  RingHeader* header_ = nullptr;
  uint64_t released_ = 0;
};

// ---- The reader -------------------------------------------------------------------------------------

class Reader {
 public:
  explicit Reader(int fd) : fd_(fd) {}

  ~Reader() {
    if (stop_fd_ >= 0) close(stop_fd_);
    if (fd_ >= 0) close(fd_);
  }

  // Returns an errno, 0 for success.
  int Open(const char* path, const char* boot_id, size_t ring_bytes) {
    const int error = ring_.Open(path, boot_id, ring_bytes);
    if (error != 0) return error;
    cursor_ = ring_.tail();
    stop_fd_ = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    return stop_fd_ < 0 ? errno : 0;
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

  // Stops the thread; with `release` gives the registration back. What the ring holds can still be drained.
  void Stop(bool release) {
    if (stopped_.exchange(true)) return;
    const uint64_t one = 1;
    if (write(stop_fd_, &one, sizeof one) < 0) { /* The counter is full: it is readable all the same. */
    }
    {
      std::lock_guard<std::mutex> lock(mutex_);
      pthread_cond_broadcast(&space_);
    }
    if (thread_.joinable()) thread_.join();
    if (registered_ && release) {
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

  // Copies whole frames after the cursor into `data`; returns their bytes, 0 for none. They stay in the ring until a commit.
  size_t Drain(uint8_t* data, size_t room) {
    std::unique_lock<std::mutex> lock(mutex_);
    const size_t used = ring_.head() - cursor_;
    size_t take = 0;
    while (take < used) {
      uint8_t header[kFrameHeader];
      ring_.CopyOut(cursor_ + take, header, kFrameHeader);
      uint32_t length;
      memcpy(&length, header + 4, 4);
      const size_t frame = kFrameHeader + length;
      if (take + frame > room) break;
      take += frame;
    }
    if (take == 0) signalled_ = false;
    ring_.CopyOut(cursor_, data, take);
    cursor_ += take;
    return take;
  }

  uint64_t cursor() const { return cursor_; }

  // Everything before `tail` is spooled, and so are the events in `spooled`.
  void Commit(uint64_t tail, const SpooledEvent* spooled, uint32_t count) {
    std::unique_lock<std::mutex> lock(mutex_);
    if (tail < ring_.tail() || tail > cursor_) return;
    ring_.CommitTo(tail, spooled, count);
    pthread_cond_signal(&space_);
  }

  const ::Commit& committed() const { return ring_.Current(); }

  int fd() const { return fd_; }

  napi_value Statistics(napi_env env) {
    std::lock_guard<std::mutex> lock(mutex_);
    napi_value object;
    napi_create_object(env, &object);
    Set(env, object, "records", records_);
    Set(env, object, "overruns", overruns_);
    Set(env, object, "foreign", foreign_);
    Set(env, object, "ringWaits", ring_waits_);
    Set(env, object, "ringBytes", ring_.head() - ring_.tail());
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

  // Waits while the ring is full: the kernel's buffer is the next bound, and the kernel counts what passes it. False where that wait was
  // ended by Stop.
  bool Push(uint16_t type, const uint8_t* payload, size_t length) {
    std::unique_lock<std::mutex> lock(mutex_);
    const size_t frame = kFrameHeader + length;
    if (Free() < frame) {
      ring_waits_++;
      // Whoever makes room may not know yet of what is there.
      NotifyLocked();
      while (!stopped_ && Free() < frame) pthread_cond_wait(&space_, mutex_.native_handle());
      if (Free() < frame) return false;
    }
    uint8_t header[kFrameHeader] = {0};
    const uint32_t size = static_cast<uint32_t>(length);
    memcpy(header, &type, 2);
    memcpy(header + 4, &size, 4);
    ring_.Append(header, payload, length);
    records_++;
    return true;
  }

  size_t Free() const { return ring_.Free(); }

  void Notify() {
    std::lock_guard<std::mutex> lock(mutex_);
    NotifyLocked();
  }

  void NotifyLocked() {
    if (signalled_ || ring_.head() == cursor_ || notify_ == nullptr) return;
    signalled_ = true;
    napi_call_threadsafe_function(notify_, nullptr, napi_tsfn_nonblocking);
  }

  void Run() {
    Stage& stage = *ring_.stage();
    iovec parts[kBatch];
    Resume(stage);
    Notify();
    while (!stopped_) {
      pollfd waiting[2] = {{fd_, POLLIN, 0}, {stop_fd_, POLLIN, 0}};
      if (poll(waiting, 2, -1) < 0 && errno != EINTR) break;
      if (stopped_) break;
      // From the first on, so that a batch that ends here is an empty one.
      for (unsigned index = 0; index < kBatch; index++) {
        stage.messages[index] = {};
        parts[index] = {stage.data[index], kMessageBytesMax};
        stage.messages[index].msg_hdr.msg_iov = &parts[index];
        stage.messages[index].msg_hdr.msg_iovlen = 1;
        stage.messages[index].msg_hdr.msg_name = &stage.senders[index];
        stage.messages[index].msg_hdr.msg_namelen = sizeof stage.senders[index];
      }
      std::atomic_signal_fence(std::memory_order_seq_cst);
      stage.head = ring_.head();
      std::atomic_signal_fence(std::memory_order_seq_cst);
      const int count = recvmmsg(fd_, stage.messages, kBatch, MSG_DONTWAIT, nullptr);
      if (count < 0) {
        // ENOBUFS tells of an overrun, once; reading goes on.
        if (errno == ENOBUFS) {
          std::lock_guard<std::mutex> lock(mutex_);
          overruns_++;
        }
        continue;
      }
      for (int index = 0; index < count; index++) {
        if (IsEvent(stage, index) && !Push(stage, index)) break;
      }
      Notify();
      // All is read: leave the socket alone for a moment, so that neither the kernel's audit thread nor we wake up for each
      // single record. Its buffer holds much more than can come meanwhile.
      if (count < static_cast<int>(kBatch)) Rest();
    }
  }

  void Rest() {
    const int time = receive_buffer_ >= kLargeReceiveBuffer ? kRestMs : kShortRestMs;
    pollfd waiting{stop_fd_, POLLIN, 0};
    poll(&waiting, 1, time);
  }

  // Lays those messages of the last process's batch into the ring that it did not come to. Which these are is told by the ring's head,
  // which each of them has moved by its length.
  void Resume(const Stage& stage) {
    if (stage.head > ring_.head()) return;
    const uint64_t laid = ring_.head() - stage.head;
    uint64_t at = 0;
    for (unsigned index = 0; index < kBatch; index++) {
      const size_t length = stage.messages[index].msg_len;
      if (length == 0 || length > kMessageBytesMax) return;
      if (!IsEvent(stage, index)) continue;
      if (at >= laid && !Push(stage, index)) return;
      at += kFrameHeader + length - sizeof(nlmsghdr);
    }
  }

  // True for what the kernel's audit has sent.
  bool IsEvent(const Stage& stage, unsigned index) {
    if (stage.senders[index].nl_pid != 0) {
      // Anybody may send to a netlink port; only the kernel has port 0.
      std::lock_guard<std::mutex> lock(mutex_);
      foreign_++;
      return false;
    }
    if (stage.messages[index].msg_len < sizeof(nlmsghdr)) return false;
    // Smaller ones are acknowledgements and other control messages of netlink.
    return reinterpret_cast<const nlmsghdr*>(stage.data[index])->nlmsg_type >= AUDIT_GET;
  }

  bool Push(const Stage& stage, unsigned index) {
    const auto* header = reinterpret_cast<const nlmsghdr*>(stage.data[index]);
    // nlmsg_len of unicast events leaves out the header; the received length is always right.
    return Push(header->nlmsg_type, stage.data[index] + sizeof(nlmsghdr), stage.messages[index].msg_len - sizeof(nlmsghdr));
  }

  int fd_;
  int stop_fd_ = -1;
  Ring ring_;
  std::mutex mutex_;
  // Not std::condition_variable, whose wait() needs a newer libstdc++ than older hosts have.
  pthread_cond_t space_ = PTHREAD_COND_INITIALIZER;
  uint64_t cursor_ = 0;
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

std::string Text(napi_env env, napi_value value) {
  size_t length = 0;
  napi_get_value_string_utf8(env, value, nullptr, 0, &length);
  std::string text(length, 0);
  napi_get_value_string_utf8(env, value, &text[0], length + 1, &length);
  return text;
}

// openReader(multicast: boolean, inheritedFd: number, receiveBufferBytes: number, ringPath: string, bootId: string,
//            ringBytes: number, onReadable: () => void)
//
// inheritedFd is a socket that an earlier process opened and registered, -1 for none.
napi_value OpenReader(napi_env env, napi_callback_info info) {
  size_t count = 7;
  napi_value arguments[7];
  napi_get_cb_info(env, info, &count, arguments, nullptr, nullptr);
  bool multicast = false;
  int32_t inherited = -1;
  int32_t receive_buffer = 0;
  int64_t ring_bytes = 0;
  napi_get_value_bool(env, arguments[0], &multicast);
  napi_get_value_int32(env, arguments[1], &inherited);
  napi_get_value_int32(env, arguments[2], &receive_buffer);
  const std::string path = Text(env, arguments[3]);
  const std::string boot_id = Text(env, arguments[4]);
  napi_get_value_int64(env, arguments[5], &ring_bytes);
  if (ring_bytes < static_cast<int64_t>(2 * kMessageBytesMax)) {
    napi_throw_range_error(env, "ERR_OUT_OF_RANGE", "ringBytes is too small for one message");
    return nullptr;
  }
  const int fd = inherited >= 0 ? inherited : OpenSocket(multicast ? 1U << (AUDIT_NLGRP_READLOG - 1) : 0);
  if (fd < 0) {
    ThrowErrno(env, multicast ? "cannot join the audit multicast group" : "cannot open an audit socket", errno);
    return nullptr;
  }
  fcntl(fd, F_SETFD, FD_CLOEXEC);
  auto* reader = new Reader(fd);
  int error = reader->Open(path.c_str(), boot_id.c_str(), static_cast<size_t>(ring_bytes));
  if (error != 0) {
    delete reader;
    ThrowErrno(env, ("cannot open the ring " + path).c_str(), error == EWOULDBLOCK ? EBUSY : error);
    return nullptr;
  }
  reader->SetReceiveBuffer(receive_buffer);
  if (!multicast && inherited < 0) {
    error = reader->Register();
    if (error != 0) {
      delete reader;
      ThrowErrno(env, "cannot register as the audit daemon", error);
      return nullptr;
    }
  }
  napi_value name;
  napi_create_string_utf8(env, "hosttrail audit reader", NAPI_AUTO_LENGTH, &name);
  napi_threadsafe_function notify = nullptr;
  napi_create_threadsafe_function(env, arguments[6], nullptr, name, 0, 1, nullptr, nullptr, nullptr, nullptr, &notify);
  reader->Start(notify);
  napi_value result;
  napi_create_external(
      env, reader,
      [](napi_env, void* data, void*) {
        auto* closing = static_cast<Reader*>(data);
        closing->Stop(false);
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

// drainReader(reader, buffer: Buffer of at least kMessageBytesMax + kFrameHeader): number of bytes. The buffer is the caller's and is
// used again and again: new ones would wait for a garbage collection that has no reason to come.
napi_value DrainReader(napi_env env, napi_callback_info info) {
  size_t count = 2;
  napi_value arguments[2];
  napi_get_cb_info(env, info, &count, arguments, nullptr, nullptr);
  void* data = nullptr;
  size_t room = 0;
  napi_get_buffer_info(env, arguments[1], &data, &room);
  napi_value result;
  if (room < kMessageBytesMax + kFrameHeader) {
    napi_throw_range_error(env, "ERR_OUT_OF_RANGE", "the buffer is too small for one message");
    return nullptr;
  }
  const size_t taken = Unwrap<Reader>(env, arguments[0])->Drain(static_cast<uint8_t*>(data), room);
  napi_create_uint32(env, static_cast<uint32_t>(taken), &result);
  return result;
}

napi_value ReaderStatistics(napi_env env, napi_callback_info info) {
  return Unwrap<Reader>(env, OneArgument(env, info))->Statistics(env);
}

// stopReader(reader, release: boolean): void
napi_value StopReader(napi_env env, napi_callback_info info) {
  size_t count = 2;
  napi_value arguments[2];
  napi_get_cb_info(env, info, &count, arguments, nullptr, nullptr);
  bool release = false;
  napi_get_value_bool(env, arguments[1], &release);
  Unwrap<Reader>(env, arguments[0])->Stop(release);
  return nullptr;
}

// readerPosition(reader): number. Where in the ring the next drain begins.
napi_value ReaderPosition(napi_env env, napi_callback_info info) {
  napi_value result;
  napi_create_double(env, static_cast<double>(Unwrap<Reader>(env, OneArgument(env, info))->cursor()), &result);
  return result;
}

// commitReader(reader, position: number, spooled: Buffer of SpooledEvent): void
napi_value CommitReader(napi_env env, napi_callback_info info) {
  size_t count = 3;
  napi_value arguments[3];
  napi_get_cb_info(env, info, &count, arguments, nullptr, nullptr);
  double position = 0;
  void* data = nullptr;
  size_t length = 0;
  napi_get_value_double(env, arguments[1], &position);
  napi_get_buffer_info(env, arguments[2], &data, &length);
  Unwrap<Reader>(env, arguments[0])
      ->Commit(static_cast<uint64_t>(position), static_cast<SpooledEvent*>(data),
               static_cast<uint32_t>(length / sizeof(SpooledEvent)));
  return nullptr;
}

// readerCommitted(reader): Buffer of the SpooledEvents of the last commit.
napi_value ReaderCommitted(napi_env env, napi_callback_info info) {
  const Commit& commit = Unwrap<Reader>(env, OneArgument(env, info))->committed();
  napi_value result;
  void* copy = nullptr;
  napi_create_buffer_copy(env, commit.count * sizeof(SpooledEvent), commit.spooled, &copy, &result);
  return result;
}

// ---- The service manager ----------------------------------------------------------------------------

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

// ---- The process itself -----------------------------------------------------------------------------

// Mapped files of which pages can be forgotten at any time: private, not to be written. Calls `take(from, length, isClean)` for
// each; clean is a mapping of which no page was ever written, as for a relocation or a breakpoint.
template <typename Take>
void EachReadOnlyMapping(Take take) {
  FILE* maps = fopen("/proc/self/smaps", "re");
  if (maps == nullptr) return;
  char line[4096 + 128];
  unsigned long long from = 0, to = 0;
  bool wanted = false;
  while (fgets(line, sizeof line, maps) != nullptr) {
    char permissions[5] = {0};
    unsigned long long start = 0, end = 0, inode = 0, kilobytes = 0;
    if (sscanf(line, "%llx-%llx %4s %*x %*x:%*x %llu", &start, &end, permissions, &inode) == 4) {
      from = start;
      to = end;
      wanted = inode != 0 && permissions[1] != 'w' && permissions[3] == 'p';
    } else if (wanted && sscanf(line, "Anonymous: %llu kB", &kilobytes) == 1) {
      take(from, to - from, kilobytes == 0);
    }
  }
  fclose(maps);
}

// mapSinglePages(): number
//
// From here on a fault in program text maps the page that is needed and not its 15 neighbours: a fault takes a microsecond, the
// neighbours stay resident. The kernel maps single pages where userfaultfd watches a mapping, and since 6.7 it may
// watch mapped files (UFFD_FEATURE_WP_ASYNC); nothing is write-protected and no fault is ever handed to us. Returns the bytes of the mappings, 0
// where the kernel has no such thing. The descriptor stays open as long as the process lives. Source: mm/memory.c, do_fault_around.
napi_value MapSinglePages(napi_env env, napi_callback_info) {
  constexpr uint64_t kFeatureAsync = 1 << 15;
  double watched = 0;
  static int fd = -1;
  if (fd < 0) fd = static_cast<int>(syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK | 1 /* UFFD_USER_MODE_ONLY */));
  uffdio_api api{};
  api.api = UFFD_API;
  api.features = kFeatureAsync;
  if (fd >= 0 && ioctl(fd, UFFDIO_API, &api) == 0) {
    EachReadOnlyMapping([&](uint64_t from, uint64_t length, bool) {
      uffdio_register area{};
      area.range.start = from;
      area.range.len = length;
      area.mode = UFFDIO_REGISTER_MODE_WP;
      if (ioctl(fd, UFFDIO_REGISTER, &area) == 0) watched += length;
    });
  }
  napi_value result;
  napi_create_double(env, watched, &result);
  return result;
}

// pageOut(): number
//
// Gives memory back to the kernel: what malloc keeps though it is free, and mapped files (program text above all), which are
// read again when they are needed. Pages that other processes have mapped too stay in memory, and only leave our tables.
// Returns the bytes of the mappings. Source: madvise(2), MADV_PAGEOUT and MADV_DONTNEED.
napi_value PageOut(napi_env env, napi_callback_info) {
  double asked = 0;
  malloc_trim(0);
  EachReadOnlyMapping([&](uint64_t from, uint64_t length, bool is_clean) {
    auto* start = reinterpret_cast<void*>(from);
    if (madvise(start, length, 21 /* MADV_PAGEOUT */) == 0) asked += length;
    if (is_clean) madvise(start, length, MADV_DONTNEED);
  });
  napi_value result;
  napi_create_double(env, asked, &result);
  return result;
}

// setAffinity(cpus: Uint32Array-like list): void. All threads that this one starts later inherit it; it is called first.
napi_value SetAffinity(napi_env env, napi_callback_info info) {
  napi_value list = OneArgument(env, info);
  uint32_t length = 0;
  napi_get_array_length(env, list, &length);
  cpu_set_t set;
  CPU_ZERO(&set);
  for (uint32_t index = 0; index < length; index++) {
    napi_value item;
    uint32_t cpu = 0;
    napi_get_element(env, list, index, &item);
    napi_get_value_uint32(env, item, &cpu);
    if (cpu < CPU_SETSIZE) CPU_SET(cpu, &set);
  }
  // Threads of Node that run already, too.
  bool failed = false;
  int error = 0;
  if (DIR* tasks = opendir("/proc/self/task")) {
    while (const dirent* entry = readdir(tasks)) {
      const pid_t task = static_cast<pid_t>(atoi(entry->d_name));
      if (task > 0 && sched_setaffinity(task, sizeof set, &set) != 0) {
        failed = true;
        error = errno;
      }
    }
    closedir(tasks);
  }
  if (failed) ThrowErrno(env, "cannot bind to the CPUs", error);
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
      {"readerPosition", nullptr, ReaderPosition, nullptr, nullptr, nullptr, napi_enumerable, nullptr},
      {"commitReader", nullptr, CommitReader, nullptr, nullptr, nullptr, napi_enumerable, nullptr},
      {"readerCommitted", nullptr, ReaderCommitted, nullptr, nullptr, nullptr, napi_enumerable, nullptr},
      {"notifyManager", nullptr, NotifyManager, nullptr, nullptr, nullptr, napi_enumerable, nullptr},
      {"mapSinglePages", nullptr, MapSinglePages, nullptr, nullptr, nullptr, napi_enumerable, nullptr},
      {"pageOut", nullptr, PageOut, nullptr, nullptr, nullptr, napi_enumerable, nullptr},
      {"setAffinity", nullptr, SetAffinity, nullptr, nullptr, nullptr, napi_enumerable, nullptr},
      {"openControl", nullptr, OpenControl, nullptr, nullptr, nullptr, napi_enumerable, nullptr},
      {"request", nullptr, Request, nullptr, nullptr, nullptr, napi_enumerable, nullptr},
  };
  napi_define_properties(env, exports, sizeof functions / sizeof functions[0], functions);
  return exports;
}

}  // namespace

NAPI_MODULE(hosttrail_audit, Initialize)

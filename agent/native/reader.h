// Drains the netlink socket in a thread of its own, whatever JavaScript is doing.
#pragma once
#include <node_api.h>
#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>

#include <atomic>
#include <mutex>
#include <thread>
#include <vector>

#include "netlink.h"
#include "record.h"
#include "ring.h"
#include "texts.h"

constexpr int kRegisterTimeoutMs = 2000;
// Time between two looks at the socket while events come, and the receive buffer that it needs: 16 MiB hold some 36,000
// records, and no kernel makes half as many in this time.
constexpr int64_t kRestUs = 50'000;
constexpr int64_t kShortRestUs = 1000;
constexpr uint64_t kLargeReceiveBuffer = 8 << 20;
// Each time that JavaScript is told it wakes up and takes a CPU from the audited: once for what comes in this time.
constexpr int64_t kCalmTellUs = 200'000;
// So many records in a millisecond are a flood. Then a CPU would idle while records gather, and be too little when all are read at once: the
// rests are as long as it takes for two batches to come, and JavaScript is not told more often.
constexpr int64_t kFloodRecords = 100;
constexpr int64_t kFloodRestUs = 200;
constexpr int64_t kFloodTellUs = 20'000;
// What is read at once before JavaScript is told of it.
constexpr uint64_t kTellBytes = 8 << 20;

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

  // Takes records after the cursor, as many as there is room for: a head for each, and the bytes of what is new in `data`. Returns how many. They
  // stay in the ring until a commit.
  size_t Drain(RecordHead* heads, size_t heads_max, uint8_t* data, size_t room) {
    const uint64_t begin = cursor_;
    // Frames before the head are whole, and nobody but this thread gives them up.
    const uint64_t head = HeadOrCalm();
    size_t count = 0, used = 0;
    while (cursor_ < head && count < heads_max && room - used >= kMessageBytesMax) {
      uint8_t frame[kFrameHeader];
      ring_.CopyOut(cursor_, frame, kFrameHeader);
      uint16_t type;
      uint32_t length;
      memcpy(&type, frame, 2);
      memcpy(&length, frame + 4, 4);
      const uint8_t* payload = ring_.View(cursor_ + kFrameHeader, length, scratch_);
      cursor_ += kFrameHeader + length;
      RecordHead& record = heads[count++];
      record = {};
      record.type = type;
      record.end = static_cast<uint32_t>(cursor_ - begin);
      Describe(payload, payload + length, &record, data, &used);
    }
    return count;
  }

  // Gives the memory of texts that came before back.
  void ForgetTexts() { texts_.Clear(); }

  uint64_t cursor() const { return cursor_; }
  uint64_t end() const { return ring_.head(); }

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

  // Where frames end. Where there are none behind the cursor, the next one is told of.
  uint64_t HeadOrCalm() {
    if (ring_.head() != cursor_) return ring_.head();
    std::lock_guard<std::mutex> lock(mutex_);
    const uint64_t head = ring_.head();
    if (head == cursor_) signalled_ = false;
    return head;
  }

  void Describe(const uint8_t* at, const uint8_t* end, RecordHead* record, uint8_t* data, size_t* used) {
    // The kernel ends some records with a NUL or a line feed.
    while (end > at && (end[-1] == 0 || end[-1] == '\n')) end--;
    Stamp stamp;
    if (!ReadStamp(at, end, &stamp)) return;
    record->readable = 1;
    record->serial = static_cast<uint32_t>(stamp.serial);
    record->seconds = static_cast<uint32_t>(stamp.seconds);
    record->seconds_high = static_cast<uint16_t>(stamp.seconds >> 32);
    record->milliseconds = static_cast<uint16_t>(stamp.milliseconds);
    if (record->type != AUDIT_SYSCALL) {
      record->text = Place(stamp.text, end, data, used);
      record->actor = {Texts::kNone, 0, 0};
      return;
    }
    const uint8_t* actor = ActorStart(stamp.text, end);
    record->actor = Place(actor, end, data, used);
    record->text = {Texts::kNone, 0, 0};
    if (actor == end || !CallReader(stamp.text, actor).Read(&record->call)) {
      record->call.known = 0;
      record->text = Copy(stamp.text, actor, data, used);
    }
  }

  // A text that may have come before.
  TextPlace Place(const uint8_t* from, const uint8_t* end, uint8_t* data, size_t* used) {
    bool known;
    const uint32_t number = texts_.Find(from, static_cast<size_t>(end - from), &known);
    TextPlace place = known ? TextPlace{} : Copy(from, end, data, used);
    place.number = number;
    return place;
  }

  // A text that did not.
  static TextPlace Copy(const uint8_t* from, const uint8_t* end, uint8_t* data, size_t* used) {
    const size_t length = static_cast<size_t>(end - from);
    memcpy(data + *used, from, length);
    const TextPlace place{Texts::kNone, static_cast<uint32_t>(*used), static_cast<uint32_t>(length)};
    *used += length;
    return place;
  }

  size_t Free() const { return ring_.Free(); }

  // Tells JavaScript of all that was read.
  void Tell() {
    told_ = ring_.head();
    told_at_ = MonotonicUs();
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
    Tell();
    while (!stopped_) {
      // JavaScript is told of what was read before we wait for more.
      const bool is_untold = ring_.head() != told_;
      pollfd waiting[2] = {{fd_, POLLIN, 0}, {stop_fd_, POLLIN, 0}};
      if (poll(waiting, 2, is_untold ? 0 : -1) < 0 && errno != EINTR) break;
      if (stopped_) break;
      if (is_untold && waiting[0].revents == 0) {
        TellInTime();
        Rest();
        continue;
      }
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
      received_ += count;
      for (int index = 0; index < count; index++) {
        if (IsEvent(stage, index) && !Push(stage, index)) break;
      }
      if (ring_.head() - told_ >= kTellBytes) Tell();
      // All is read: leave the socket alone for a moment. Its buffer holds much more than can come meanwhile.
      if (count < static_cast<int>(kBatch)) {
        // What comes first is most often the beginning of an event: after a pause there is all of it.
        if (is_untold) TellInTime();
        Rest();
      }
    }
  }

  void TellInTime() {
    if (MonotonicUs() - told_at_ >= (is_flood_ ? kFloodTellUs : kCalmTellUs)) Tell();
  }

  // Between two looks neither the kernel's audit thread nor we wake up for each single record.
  void Rest() {
    const int64_t now = MonotonicUs();
    // Not after each rest: in a flood, too, there are moments in which nobody gets to say something.
    if (now - counted_at_ >= kFloodTellUs) {
      is_flood_ = received_ * 1000 >= (now - counted_at_) * kFloodRecords;
      counted_at_ = now;
      received_ = 0;
    }
    const int64_t time = is_flood_ ? kFloodRestUs : receive_buffer_ >= kLargeReceiveBuffer ? kRestUs : kShortRestUs;
    pollfd waiting{stop_fd_, POLLIN, 0};
    const timespec rest{0, time * 1000};
    ppoll(&waiting, 1, &rest, nullptr);
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
  // Where the ring's head was when JavaScript was last told of it.
  uint64_t told_ = 0;
  int64_t told_at_ = 0;
  // Messages since they were last counted, and when that was.
  int64_t received_ = 0;
  int64_t counted_at_ = 0;
  bool is_flood_ = false;
  Texts texts_;
  // For a message that goes over the ring's end.
  uint8_t scratch_[kMessageBytesMax];
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

#pragma once
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>

#include "netlink.h"

constexpr unsigned kBatch = 32;
constexpr size_t kFrameHeader = 8;

// Records on their way from the kernel to the spool. The memory is a file's, in a folder of tmpfs where there is
// one: what was read from the kernel and is not spooled yet outlives the process, however that ends. Whoever
// opens the file next goes on at the last commit.

// Sparse: pages that were never written take no memory.
constexpr size_t kHeaderBytes = 1024 * 1024;
constexpr uint32_t kSpooledMax = 16 * 1024;
constexpr uint64_t kReleaseBytes = 1 << 20;
constexpr uint64_t kPopulateBytes = 128 << 10;
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
    populated_ = head() / kPopulateBytes * kPopulateBytes;
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
    Populate(at + kFrameHeader + length);
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

  // The bytes where they lie, or copied into `scratch` where they go over the end.
  const uint8_t* View(uint64_t at, size_t length, uint8_t* scratch) const {
    const size_t offset = at % capacity_;
    if (offset + length <= capacity_) return memory_ + kHeaderBytes + offset;
    CopyOut(at, scratch, length);
    return scratch;
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

  // Asks for the pages up to a bit behind `end` at once where they are not there yet: a fault for each costs several times as much. Kernels before
  // 5.14 do not know this, and fault.
  void Populate(uint64_t end) {
    while (populated_ < end) {
      const size_t offset = populated_ % capacity_;
      const size_t length = std::min<uint64_t>(kPopulateBytes, capacity_ - offset);
      madvise(memory_ + kHeaderBytes + offset, length, 23 /* MADV_POPULATE_WRITE */);
      populated_ += length;
    }
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
  uint64_t populated_ = 0;
};

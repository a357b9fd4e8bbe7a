// A record as JavaScript gets it: its stamp as numbers, its text apart.
#pragma once
#include <stddef.h>
#include <stdint.h>
#include <string.h>

// A part of a record's text. Number of a text that came before, or kNone; and where it is new, its bytes.
struct TextPlace {
  uint32_t number, start, length;
};

// What a SYSCALL record says before `auid`, where it is written just as kernels write it, so that its text can be made of this again.
struct CallNumbers {
  // 0 where it is not.
  uint32_t known;
  uint32_t arch, number, success, items, parent_pid, pid;
  uint32_t exit_low, exit_high;
  uint32_t arguments[4][2];
};

// What drainReader writes for each record; RECORD_HEAD in ../src/kernel/native.ts.
struct RecordHead {
  uint32_t type, serial, seconds;
  // Seconds beyond 32 bits stand above the milliseconds.
  uint16_t milliseconds, seconds_high;
  // From the drain's begin to the end of the record's frame in the ring.
  uint32_t end;
  // 0 where the record has no stamp, and so no text either.
  uint32_t readable;
  // Of a SYSCALL record, `actor` is its text from `auid=` on: who acts comes again and again, what is done does not.
  TextPlace text, actor;
  // Of the text of a SYSCALL record, which is left out then.
  CallNumbers call;
};

// The stamp that each record begins with, `audit(seconds.milliseconds:serial): `.
struct Stamp {
  uint64_t seconds, milliseconds, serial;
  // Where the text behind it begins.
  const uint8_t* text;
};

// A decimal number of at most 15 digits that ends with `last`; false where it is none.
inline bool ReadNumber(const uint8_t** at, const uint8_t* end, uint8_t last, uint64_t* number) {
  const uint8_t* from = *at;
  *number = 0;
  while (*at < end && **at >= '0' && **at <= '9') *number = *number * 10 + *(*at)++ - '0';
  const ptrdiff_t digits = *at - from;
  if (digits == 0 || digits > 15 || *at == end || **at != last) return false;
  ++*at;
  return true;
}

// False where there is none, or one that no kernel writes.
inline bool ReadStamp(const uint8_t* at, const uint8_t* end, Stamp* stamp) {
  constexpr char kBegin[] = "audit(";
  constexpr size_t kLength = sizeof kBegin - 1;
  if (static_cast<size_t>(end - at) < kLength || memcmp(at, kBegin, kLength) != 0) return false;
  at += kLength;
  if (!ReadNumber(&at, end, '.', &stamp->seconds) || !ReadNumber(&at, end, ':', &stamp->milliseconds) ||
      !ReadNumber(&at, end, ')', &stamp->serial))
    return false;
  if (stamp->seconds > 0xffffffffff || stamp->milliseconds > 999 || stamp->serial > 0xffffffff) return false;
  if (at == end || *at != ':') return false;
  at++;
  if (at < end && *at == ' ') at++;
  stamp->text = at;
  return true;
}

// Where the actor of a SYSCALL record's text begins; the end where it has none.
inline const uint8_t* ActorStart(const uint8_t* text, const uint8_t* end) {
  constexpr char kActor[] = " auid=";
  const void* found = memmem(text, static_cast<size_t>(end - text), kActor, sizeof kActor - 1);
  return found == nullptr ? end : static_cast<const uint8_t*>(found) + 1;
}

// Reads the words of a call. Each step returns false, and goes on nowhere, where something else stands there.
class CallReader {
 public:
  CallReader(const uint8_t* at, const uint8_t* end) : at_(at), end_(end) {}

  bool Read(CallNumbers* call) {
    uint64_t arch, number, items, parent_pid, pid, exit;
    if (!Skip("arch=") || !Hex(&arch) || arch > UINT32_MAX) return false;
    if (!Skip("syscall=") || !Decimal(&number) || number > UINT32_MAX) return false;
    if (Skip("success=yes ")) call->success = 1;
    else if (Skip("success=no ")) call->success = 0;
    else return false;
    if (!Skip("exit=")) return false;
    const bool negative = Skip("-");
    if (!Decimal(&exit) || (negative && exit == 0)) return false;
    if (negative) exit = -exit;
    constexpr const char* kNames[] = {"a0=", "a1=", "a2=", "a3="};
    for (size_t index = 0; index < 4; index++) {
      uint64_t argument;
      if (!Skip(kNames[index]) || !Hex(&argument)) return false;
      call->arguments[index][0] = static_cast<uint32_t>(argument);
      call->arguments[index][1] = static_cast<uint32_t>(argument >> 32);
    }
    if (!Skip("items=") || !Decimal(&items) || items > UINT32_MAX) return false;
    if (!Skip("ppid=") || !Decimal(&parent_pid) || parent_pid > UINT32_MAX) return false;
    if (!Skip("pid=") || !Decimal(&pid) || pid > UINT32_MAX || at_ != end_) return false;
    call->arch = static_cast<uint32_t>(arch);
    call->number = static_cast<uint32_t>(number);
    call->items = static_cast<uint32_t>(items);
    call->parent_pid = static_cast<uint32_t>(parent_pid);
    call->pid = static_cast<uint32_t>(pid);
    call->exit_low = static_cast<uint32_t>(exit);
    call->exit_high = static_cast<uint32_t>(exit >> 32);
    call->known = 1;
    return true;
  }

 private:
  bool Skip(const char* word) {
    const size_t length = strlen(word);
    if (static_cast<size_t>(end_ - at_) < length || memcmp(at_, word, length) != 0) return false;
    at_ += length;
    return true;
  }

  // Up to the next space, without needless zeros; of at most 15 digits, which JavaScript's numbers hold.
  bool Decimal(uint64_t* number) {
    const uint8_t* from = at_;
    return ReadNumber(&at_, end_, ' ', number) && (*from != '0' || at_ - from == 2);
  }

  // The same in lower case hex, of 64 bits.
  bool Hex(uint64_t* number) {
    const uint8_t* from = at_;
    *number = 0;
    for (; at_ < end_ && *at_ != ' '; at_++) {
      const uint8_t byte = *at_;
      uint64_t digit;
      if (byte >= '0' && byte <= '9') digit = byte - '0';
      else if (byte >= 'a' && byte <= 'f') digit = byte - 'a' + 10;
      else return false;
      *number = *number << 4 | digit;
    }
    const ptrdiff_t digits = at_ - from;
    if (at_ == end_ || digits == 0 || digits > 16 || (*from == '0' && digits > 1)) return false;
    at_++;
    return true;
  }

  const uint8_t* at_;
  const uint8_t* end_;
};

// Texts that came before. Most of a record comes again and again: the same files, folders and titles, the same program acting. JavaScript
// gets such a text once, and from then on its number: a copy and a string of it each time would cost more than all else.
#pragma once
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <string>

// In sets of a few, as a processor's cache: whoever makes texts that meet in one set has them forgotten sooner, and nothing else.
class Texts {
 public:
  static constexpr uint32_t kNone = 0xffffffff;
  static constexpr size_t kSets = 512;
  static constexpr size_t kWays = 4;
  // Longer ones rarely come again.
  static constexpr size_t kLengthMax = 1024;

  Texts() {
    // By its number, since glibc has the name only since 2.25. Where there is no entropy yet, hashes can be foreseen; see above what that is worth.
    constexpr unsigned kNonBlocking = 1;
    if (syscall(SYS_getrandom, &seed_, sizeof seed_, kNonBlocking) != sizeof seed_) seed_ = reinterpret_cast<uintptr_t>(this);
  }

  // The number of the text, below kSets * kWays; kNone for an empty or a long one. Where it is not `known` the number was another text's
  // before.
  uint32_t Find(const uint8_t* text, size_t length, bool* known) {
    *known = false;
    if (length == 0 || length > kLengthMax) return kNone;
    const uint64_t hash = Hash(text, length);
    const size_t set = hash % kSets;
    for (size_t way = 0; way < kWays; way++) {
      const Entry& entry = entries_[set * kWays + way];
      if (entry.hash == hash && entry.text.size() == length && memcmp(entry.text.data(), text, length) == 0) {
        *known = true;
        return static_cast<uint32_t>(set * kWays + way);
      }
    }
    const size_t place = set * kWays + oldest_[set]++ % kWays;
    entries_[place].hash = hash;
    entries_[place].text.assign(reinterpret_cast<const char*>(text), length);
    return static_cast<uint32_t>(place);
  }

  // Forgets all, to give memory back.
  void Clear() {
    for (Entry& entry : entries_) entry = Entry();
  }

 private:
  struct Entry {
    uint64_t hash = 0;
    std::string text;
  };

  uint64_t Hash(const uint8_t* text, size_t length) const {
    uint64_t hash = seed_ ^ length;
    for (size_t at = 0; at < length; at += 8) {
      uint64_t word = 0;
      memcpy(&word, text + at, length - at < 8 ? length - at : 8);
      hash = (hash ^ word) * 0x9e3779b97f4a7c15ULL;
      hash ^= hash >> 29;
    }
    return hash;
  }

  uint64_t seed_ = 0;
  std::array<Entry, kSets * kWays> entries_;
  std::array<uint8_t, kSets> oldest_{};
};

// The process itself: its memory and its CPUs.
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <malloc.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "exports.h"
#include "values.h"

namespace {

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

}  // namespace

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

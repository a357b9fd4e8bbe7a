// Makes audit events at a given rate. Usage:
//
//   load open RATE SECONDS        opens a file again and again; RATE events a second, 0 for as many as there can be
//   load exec RATE COUNT PROGRAM  runs a program again and again; RATE a second, 0 for one after the other
//
// Prints: events made, seconds taken.

#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

namespace {

double Now() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<double>(now.tv_sec) + now.tv_nsec / 1e9;
}

// Sleeps until it is time for event number `count`.
void Pace(double start, long rate, long count) {
  if (rate == 0) return;
  const double ahead = start + static_cast<double>(count) / rate - Now();
  if (ahead < 0.0005) return;
  timespec rest{static_cast<time_t>(ahead), static_cast<long>((ahead - static_cast<time_t>(ahead)) * 1e9)};
  nanosleep(&rest, nullptr);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 4) return 2;
  const long rate = atol(argv[2]);
  const double start = Now();
  long count = 0;
  if (strcmp(argv[1], "open") == 0) {
    const double seconds = atof(argv[3]);
    while ((count & 15) != 0 || Now() - start < seconds) {
      const int file = open("/dev/null", O_RDONLY | O_CLOEXEC);
      if (file >= 0) close(file);
      if ((++count & 15) == 0) Pace(start, rate, count);
    }
  } else if (strcmp(argv[1], "exec") == 0 && argc > 4) {
    const long runs = atol(argv[3]);
    char* const words[] = {argv[4], const_cast<char*>("--an-option"), const_cast<char*>("and an argument"), nullptr};
    char* const none[] = {nullptr};
    for (; count < runs; count++) {
      pid_t pid;
      if (posix_spawn(&pid, argv[4], nullptr, nullptr, words, none) != 0) return 1;
      waitpid(pid, nullptr, 0);
      Pace(start, rate, count + 1);
    }
  } else {
    return 2;
  }
  printf("%ld %.6f\n", count, Now() - start);
}

// hosttrail-agent-keeper: what systemd does for the agent, on hosts without it and in tests.
//
// Runs the agent, keeps the sockets that it hands over (sd_notify(3), FDSTORE=1) and gives them to the next one when
// the agent ends by a crash (sd_listen_fds(3)). So the kernel's events of the time in between wait in the socket.
//
// Usage: hosttrail-agent-keeper COMMAND [ARGUMENT]...

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <string>

namespace {

constexpr int kFirstFd = 3;             // SD_LISTEN_FDS_START
constexpr useconds_t kRestartDelay = 300 * 1000;

int kept = -1;
std::string kept_name;
bool ready = false;

// A datagram socket with an abstract name that the kernel chooses.
int OpenNotifySocket(std::string* name) {
  const int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (fd < 0 || bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof(sa_family_t)) != 0) return -1;
  const int on = 1;
  setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof on);
  socklen_t length = sizeof address;
  getsockname(fd, reinterpret_cast<sockaddr*>(&address), &length);
  *name = "@" + std::string(address.sun_path + 1, length - sizeof(sa_family_t) - 1);
  return fd;
}

// Takes one message; only the agent itself may send one.
void TakeNotice(int fd, pid_t agent) {
  char text[4096];
  iovec part{text, sizeof text - 1};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int)) + CMSG_SPACE(sizeof(ucred))];
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  const ssize_t length = recvmsg(fd, &message, MSG_CMSG_CLOEXEC);
  if (length < 0) return;
  text[length] = 0;
  int received = -1;
  pid_t sender = 0;
  for (cmsghdr* header = CMSG_FIRSTHDR(&message); header != nullptr; header = CMSG_NXTHDR(&message, header)) {
    if (header->cmsg_level != SOL_SOCKET) continue;
    if (header->cmsg_type == SCM_RIGHTS) memcpy(&received, CMSG_DATA(header), sizeof received);
    if (header->cmsg_type == SCM_CREDENTIALS) {
      ucred credentials;
      memcpy(&credentials, CMSG_DATA(header), sizeof credentials);
      sender = credentials.pid;
    }
  }
  if (sender == agent) {
    if (strstr(text, "READY=1") != nullptr) ready = true;
    const bool removes = strstr(text, "FDSTOREREMOVE=1") != nullptr;
    if (removes || received >= 0) {
      if (kept >= 0) close(kept);
      kept = -1;
    }
    if (!removes && received >= 0) {
      kept = received;
      received = -1;
      kept_name = "stored";
      if (const char* found = strstr(text, "FDNAME=")) kept_name.assign(found + 7, strcspn(found + 7, "\n"));
    }
  }
  if (received >= 0) close(received);
}

pid_t Start(char** command, const std::string& notify, const sigset_t& before) {
  const pid_t pid = fork();
  if (pid != 0) return pid;
  sigprocmask(SIG_SETMASK, &before, nullptr);
  // An agent whose keeper was killed would be nobody's.
  prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (getppid() == 1) _exit(1);
  setenv("NOTIFY_SOCKET", notify.c_str(), 1);
  unsetenv("LISTEN_FDS");
  if (kept >= 0) {
    // dup2 clears close-on-exec; a socket that has the right number already needs that by hand.
    if (kept == kFirstFd) fcntl(kept, F_SETFD, 0);
    else dup2(kept, kFirstFd);
    setenv("LISTEN_PID", std::to_string(getpid()).c_str(), 1);
    setenv("LISTEN_FDS", "1", 1);
    setenv("LISTEN_FDNAMES", kept_name.c_str(), 1);
  }
  execvp(command[0], command);
  fprintf(stderr, "hosttrail-agent-keeper: cannot run %s: %s\n", command[0], strerror(errno));
  _exit(127);
}

}  // namespace

int main(int count, char** arguments) {
  if (count < 2) {
    fprintf(stderr, "usage: hosttrail-agent-keeper COMMAND [ARGUMENT]...\n");
    return 2;
  }
  std::string name;
  const int notify = OpenNotifySocket(&name);
  sigset_t handled, before;
  sigemptyset(&handled);
  for (const int signal : {SIGCHLD, SIGTERM, SIGINT, SIGHUP}) sigaddset(&handled, signal);
  sigprocmask(SIG_BLOCK, &handled, &before);
  const int signals = signalfd(-1, &handled, SFD_CLOEXEC | SFD_NONBLOCK);
  if (notify < 0 || signals < 0) {
    perror("hosttrail-agent-keeper");
    return 1;
  }
  bool stopping = false;
  pid_t agent = Start(arguments + 1, name, before);
  for (;;) {
    pollfd waiting[2] = {{notify, POLLIN, 0}, {signals, POLLIN, 0}};
    if (poll(waiting, 2, -1) < 0 && errno != EINTR) return 1;
    if (waiting[0].revents != 0) TakeNotice(notify, agent);
    signalfd_siginfo info;
    while (read(signals, &info, sizeof info) == sizeof info) {
      if (info.ssi_signo == SIGCHLD) continue;
      if (info.ssi_signo != SIGHUP) stopping = true;
      kill(agent, static_cast<int>(info.ssi_signo));
    }
    int status = 0;
    if (waitpid(agent, &status, WNOHANG) != agent) continue;
    // A last word that was sent before the end.
    TakeNotice(notify, agent);
    const bool crashed = WIFSIGNALED(status) || WEXITSTATUS(status) != 0;
    // What never got ready would not the next time: say so by ending.
    if (stopping || !crashed || !ready) return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
    usleep(kRestartDelay);
    agent = Start(arguments + 1, name, before);
  }
}

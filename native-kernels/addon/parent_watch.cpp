#include "addon/parent_watch.h"

#include <chrono>
#include <cstdlib>
#include <thread>

#if defined(_WIN32)
#include <windows.h>
#else
#include <signal.h>
#include <unistd.h>

#include <cerrno>
#if defined(__linux__)
#include <poll.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#elif defined(__APPLE__)
#include <sys/event.h>
#endif
#endif

namespace nibble::addon {
namespace {

/// How often a system is asked that tells of no end by itself.
constexpr auto kPollInterval = std::chrono::seconds(1);

[[noreturn]] void end_now() {
#if defined(_WIN32)
  TerminateProcess(GetCurrentProcess(), 1);
#else
  // Not exit: its handlers wait for threads that may run for ever.
  kill(getpid(), SIGKILL);
#endif
  std::_Exit(1);
}

#if defined(_WIN32)

void wait_for_end(long parent) {
  const HANDLE process = OpenProcess(SYNCHRONIZE, FALSE, static_cast<DWORD>(parent));
  if (process == nullptr) return;
  WaitForSingleObject(process, INFINITE);
  CloseHandle(process);
}

#else

bool is_running(pid_t process) { return kill(process, 0) == 0 || errno == EPERM; }

void poll_for_end(pid_t parent) {
  while (is_running(parent)) std::this_thread::sleep_for(kPollInterval);
}

#if defined(__linux__)

void wait_for_end(long parent) {
#if defined(SYS_pidfd_open)
  const int process = static_cast<int>(syscall(SYS_pidfd_open, static_cast<pid_t>(parent), 0));
#else
  const int process = -1;
  errno = ENOSYS;
#endif
  if (process < 0) {
    // Linux before 5.3, or a sandbox that does not allow it.
    if (errno != ESRCH) poll_for_end(static_cast<pid_t>(parent));
    return;
  }
  pollfd ended{process, POLLIN, 0};
  while (poll(&ended, 1, -1) < 0 && errno == EINTR) {
  }
  close(process);
}

#elif defined(__APPLE__)

void wait_for_end(long parent) {
  const int queue = kqueue();
  struct kevent change;
  EV_SET(&change, static_cast<uintptr_t>(parent), EVFILT_PROC, EV_ADD | EV_ONESHOT, NOTE_EXIT, 0, nullptr);
  struct kevent event;
  int count = -1;
  if (queue >= 0) do {
      count = kevent(queue, &change, 1, &event, 1, nullptr);
    } while (count < 0 && errno == EINTR);
  // ESRCH comes as an event with EV_ERROR: it is gone already.
  if (count < 0) poll_for_end(static_cast<pid_t>(parent));
  if (queue >= 0) close(queue);
}

#else

void wait_for_end(long parent) { poll_for_end(static_cast<pid_t>(parent)); }

#endif
#endif

}  // namespace

void end_with_parent(long parent, unsigned grace_ms, bool forked_by_main_thread) {
#if defined(__linux__)
  if (forked_by_main_thread && grace_ms == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    // It may have ended before the system was told.
    if (getppid() != static_cast<pid_t>(parent)) end_now();
  }
#else
  (void)forked_by_main_thread;
#endif
  std::thread([parent, grace_ms] {
    wait_for_end(parent);
    std::this_thread::sleep_for(std::chrono::milliseconds(grace_ms));
    end_now();
  }).detach();
}

}  // namespace nibble::addon

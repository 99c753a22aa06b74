#include "threads.h"

#include <algorithm>
#include <cstdint>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

#include "error.h"

#if defined(__linux__)
#include <sys/syscall.h>
#include <unistd.h>
#endif

namespace nibble {
namespace {

/// What the threads of one loop share.
struct Loop {
  std::size_t tasks;
  const Control& control;
  ProgressSpan span;
  const std::function<void(std::size_t)>& task;
  std::atomic<std::size_t> next{0};
  std::atomic<std::size_t> done{0};
  std::atomic<bool> stopped{false};
  std::atomic<bool> aborted{false};
  std::mutex failure_lock{};
  std::size_t failed_task = 0;
  std::exception_ptr failure{};

  void run() {
    while (!stopped.load(std::memory_order_relaxed)) {
      if (control.cancelled != nullptr && control.cancelled->load(std::memory_order_relaxed)) {
        aborted = true;
        return;
      }
      const std::size_t index = next.fetch_add(1, std::memory_order_relaxed);
      if (index >= tasks) return;
      try {
        task(index);
      } catch (const GivenUp&) {
        stopped = true;
        aborted = true;
        return;
      } catch (...) {
        // Tasks start in ascending order, so every one below the first failure still ends, and the lowest is known.
        const std::lock_guard<std::mutex> guard(failure_lock);
        if (failure == nullptr || index < failed_task) {
          failure = std::current_exception();
          failed_task = index;
        }
        stopped = true;
        return;
      }
      const std::size_t finished = done.fetch_add(1, std::memory_order_relaxed) + 1;
      if (control.progress) {
        const double share = static_cast<double>(finished) / static_cast<double>(tasks);
        control.progress(span.from + (span.to - span.from) * share);
      }
    }
  }
};

/// Joins on every way out: a thread that cannot be started throws, and the others still use the loop.
struct Threads {
  std::vector<std::thread> running;
  ~Threads() {
    for (std::thread& thread : running) thread.join();
  }
};

}  // namespace

void for_each_task(std::size_t tasks, const Control& control, ProgressSpan span,
                   const std::function<void(std::size_t)>& task) {
  Loop loop{tasks, control, span, task};
  const std::size_t threads = std::min(std::max<std::size_t>(control.threads, 1), tasks);
  {
    Threads others;
    others.running.reserve(threads);
    for (std::size_t i = 1; i < threads; ++i) others.running.emplace_back([&loop] { loop.run(); });
    loop.run();
  }
  if (loop.failure != nullptr) std::rethrow_exception(loop.failure);
  if (loop.aborted) throw Error("aborted", "the work was cancelled");
}

void run_promptly() {
#if defined(__linux__) && defined(SYS_sched_setattr)
  // struct sched_attr of Linux (sched_setattr(2)), which C libraries have only had since 2024. The ordinary policy with
  // turns of 0.1 ms, the shortest there are (since Linux 6.12; ignored before).
  struct {
    std::uint32_t size, policy;
    std::uint64_t flags;
    std::int32_t nice;
    std::uint32_t priority;
    std::uint64_t runtime, deadline, period;
  } wanted{sizeof(wanted), 0, 0, 0, 0, 100'000, 0, 0};
  static_assert(sizeof(wanted) == 48);
  syscall(SYS_sched_setattr, 0, &wanted, 0);
#endif
}

}  // namespace nibble

// The pool of threads: every task runs once, a failure reaches the caller, and no thread that sleeps is forgotten.

#include <atomic>
#include <memory>
#include <thread>

#include "check/checks.h"
#include "error.h"
#include "thread_pool.h"

namespace nibble::check {
namespace {

struct Loop {
  std::unique_ptr<std::atomic<int>[]> runs;
  std::size_t failing;  // the task that throws
};

void run_task(void* user, std::size_t index) {
  Loop& loop = *static_cast<Loop*>(user);
  loop.runs[index].fetch_add(1, std::memory_order_relaxed);
  if (index == loop.failing) throw Error("internal", "task " + std::to_string(index));
}

void check_loop(ThreadPool& pool, std::size_t tasks, bool fails, Random& random, Report& report) {
  Loop loop{std::unique_ptr<std::atomic<int>[]>(new std::atomic<int>[tasks]()), fails ? random.below(tasks) : tasks};
  const Parallel parallel = pool.parallel();
  std::string failure;
  try {
    parallel.run(parallel.context, tasks, run_task, &loop);
  } catch (const Error& error) {
    failure = error.what();
  }
  const std::string what = std::to_string(tasks) + " tasks on " + std::to_string(parallel.threads) + " threads";
  report.holds(what + ": failure", failure == (fails ? "task " + std::to_string(loop.failing) : ""));
  bool good = true;
  // Behind a failure tasks may be left out, and none runs twice.
  for (std::size_t i = 0; i < tasks; ++i) good = good && (loop.runs[i] == 1 || (fails && loop.runs[i] == 0));
  report.holds(what + ": each once", good);
}

/// As many tasks as threads, each of which waits for all others: ends only when every thread comes.
void check_meeting(ThreadPool& pool, Report& report) {
  const Parallel parallel = pool.parallel();
  struct Meeting {
    std::atomic<std::size_t> arrived;
    std::size_t threads;
  } meeting{{0}, parallel.threads};
  parallel.run(
      parallel.context, parallel.threads,
      [](void* user, std::size_t) {
        Meeting& m = *static_cast<Meeting*>(user);
        m.arrived.fetch_add(1);
        while (m.arrived.load() < m.threads) std::this_thread::yield();
      },
      &meeting);
  report.holds("all threads met", meeting.arrived == parallel.threads);
}

}  // namespace

void check_threads(std::uint64_t seed, Report& report) {
  Random random(seed);
  const std::vector<std::uint8_t> memory(100'003);
  for (const std::size_t threads : {1, 2, 3, 7}) {
    ThreadPool pool(threads);
    for (int round = 0; round < 300; ++round) {
      if (random.below(4) == 0) pool.wake();
      if (random.below(4) == 0) pool.rest();
      if (random.below(2) == 0) {
        std::vector<std::span<const std::uint8_t>> pieces;
        while (pieces.size() < random.below(4)) {
          const std::size_t begin = random.below(memory.size());
          pieces.emplace_back(memory.data() + begin, random.below(memory.size() - begin));
        }
        pool.expect(pieces);
      }
      // Long enough for threads to have gone to sleep, now and then.
      if (random.below(16) == 0) std::this_thread::sleep_for(std::chrono::microseconds(random.below(400)));
      check_loop(pool, 1 + random.below(random.below(8) == 0 ? 2000 : 12), random.below(8) == 0, random, report);
      if (random.below(4) == 0) check_meeting(pool, report);
    }
  }
}

}  // namespace nibble::check

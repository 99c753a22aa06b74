// The pool of threads: every task runs once, a failure reaches the caller, and no thread that sleeps is forgotten.

#include <atomic>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <thread>

#include "check/checks.h"
#include "error.h"
#include "piece_writer.h"
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

std::filesystem::path empty_file(std::uint64_t seed) {
  const auto path = std::filesystem::temp_directory_path() / ("nibble-kernel-check-" + std::to_string(seed));
  if (std::FILE* const made = std::fopen(path.string().c_str(), "wb")) std::fclose(made);
  return path;
}

/// As many pieces as a writer may have in memory are begun and never filled: the next one waits until the call is
/// cancelled, or until a task has failed.
void check_waiting_for_room(std::uint64_t seed, Report& report) {
  constexpr std::size_t kPieces = 9;
  constexpr std::size_t kPiece = kWriteBytes;
  const std::filesystem::path path = empty_file(seed);
  const PositionedFile file(path.string(), PositionedFile::Access::write);
  for (const bool cancels : {true, false}) {
    std::atomic<bool> cancelled{false};
    PieceWriter writer(file, 0, kPieces * kPiece, kPiece, &cancelled);
    for (std::size_t piece = 0; piece + 1 < kPieces; ++piece) writer.room(piece * kPiece);
    bool given_up = false;
    std::thread waiting([&] {
      try {
        writer.room((kPieces - 1) * kPiece);
      } catch (const GivenUp&) {
        given_up = true;
      }
    });
    if (cancels) {
      cancelled = true;
    } else {
      writer.fail_task();
    }
    waiting.join();
    report.holds(cancels ? "a cancelled task waits no longer for room" : "a task gets room when another has failed",
                 given_up == cancels);
  }
  std::filesystem::remove(path);
}

/// Where every task fails while it has room, the failure of the first one is reported and nobody waits for ever.
void check_failing_tasks(std::uint64_t seed, Report& report) {
  constexpr std::size_t kTasks = 32;
  const std::filesystem::path path = empty_file(seed);
  const PositionedFile file(path.string(), PositionedFile::Access::write);
  std::string failure;
  try {
    PieceWriter writer(file, 0, kTasks * kWriteBytes, kWriteBytes, nullptr);
    for_each_task(kTasks, {16, Isa::reference, nullptr, {}}, {0, 1}, [&](std::size_t task) {
      writer.room(task * kWriteBytes);
      writer.fail_task();
      throw Error("internal", "task " + std::to_string(task));
    });
  } catch (const Error& error) {
    failure = error.what();
  }
  std::filesystem::remove(path);
  report.holds("the failure of the first task", failure == "task 0");
}

}  // namespace

void check_threads(std::uint64_t seed, Report& report) {
  check_waiting_for_room(seed, report);
  check_failing_tasks(seed, report);
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

#pragma once

// The threads that run a model: loops that follow each other within microseconds, on the same threads.

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <mutex>
#include <span>
#include <thread>
#include <vector>

#include "linear.h"

namespace nibble {

/// A fixed number of threads that live as long as the pool. Between loops they spin for a moment, and meanwhile fetch
/// what the next loop will read; then they sleep. Used from one thread at a time, which takes part in every loop.
class ThreadPool {
 public:
  /// @param threads counts the calling one
  explicit ThreadPool(std::size_t threads);
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;
  ~ThreadPool();

  /// Every thread begins with a range of the tasks of its own, in ascending order, and takes tasks from the ends of
  /// others' ranges when it is through. What a task throws is thrown here when all threads have stopped.
  Parallel parallel();

  /// Memory that a later loop reads: thread i of n begins at about i / n of it. What it points to outlives the pool's
  /// last loop, or the next call.
  void expect(std::span<const std::span<const std::uint8_t>> pieces);

  /// Threads that sleep wake up, and spin before the next loop too.
  void wake();

  /// Until wake() or the next loop threads sleep instead of spinning.
  void rest();

 private:
  using Task = void (*)(void* user, std::size_t index);
  struct Share;
  class Fetcher;

  static void run(void* context, std::size_t tasks, Task task, void* user);
  void work(std::size_t thread);
  void take_tasks(std::size_t thread);
  void serve(std::size_t thread);
  bool join_loop(std::uint64_t* seen, Fetcher& fetcher);
  void sleep(std::uint64_t seen);
  void wake_sleepers();

  std::size_t count_;
  std::unique_ptr<Share[]> shares_;
  Task task_ = nullptr;
  void* user_ = nullptr;

  /// Bit 0: a loop is open to threads; bits 1 to 15: how many are in it; above: its number.
  std::atomic<std::uint64_t> loop_{0};
  std::atomic<bool> stopping_{false};
  std::atomic<bool> resting_{false};
  std::atomic<std::uint64_t> wakes_{0};
  std::atomic<std::size_t> sleeping_{0};
  std::mutex lock_;
  std::condition_variable wake_;

  std::mutex failure_lock_;
  std::exception_ptr failure_;

  static constexpr std::size_t kMostPieces = 3;
  /// Odd while `expected_` is written.
  std::atomic<std::uint64_t> expectation_{0};
  std::atomic<std::size_t> expected_pieces_{0};
  struct Piece {
    std::atomic<const std::uint8_t*> data{nullptr};
    std::atomic<std::size_t> size{0};
  };
  Piece expected_[kMostPieces];

  std::vector<std::thread> threads_;
};

}  // namespace nibble

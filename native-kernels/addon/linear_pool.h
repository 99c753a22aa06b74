#pragma once

// Threads for kernels that are called from JavaScript (tests and benchmarks; the runtime brings its own).

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <mutex>
#include <thread>
#include <vector>

#include "linear.h"

namespace nibble::addon {

/// A fixed number of threads that live as long as the pool. Between calls they spin for a moment, because a decode step
/// makes calls every few dozen microseconds, and then sleep. Used from one thread at a time.
class LinearPool {
 public:
  /// @param threads counts the calling one
  explicit LinearPool(std::size_t threads);
  LinearPool(const LinearPool&) = delete;
  LinearPool& operator=(const LinearPool&) = delete;
  ~LinearPool();

  Parallel parallel();

 private:
  using Task = void (*)(void* user, std::size_t index);
  static void run(void* context, std::size_t tasks, Task task, void* user);
  void work();
  void serve();

  std::vector<std::thread> threads_;
  std::mutex lock_;
  std::condition_variable wake_;
  std::atomic<unsigned> round_{0};
  std::atomic<bool> stopping_{false};
  std::atomic<std::size_t> next_{0};
  std::atomic<std::size_t> busy_{0};
  std::size_t tasks_ = 0;
  Task task_ = nullptr;
  void* user_ = nullptr;
};

/// The pool of this many threads, made on first use. JavaScript calls from one thread per environment.
Parallel shared_pool(std::size_t threads);

}  // namespace nibble::addon

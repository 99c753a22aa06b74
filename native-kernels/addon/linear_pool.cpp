#include "addon/linear_pool.h"

#include <map>
#include <memory>

namespace nibble::addon {
namespace {

/// Turns before a waiting thread gives up its core: some microseconds.
constexpr int kSpins = 4000;

}  // namespace

LinearPool::LinearPool(std::size_t threads) {
  threads_.reserve(threads);
  while (threads_.size() + 1 < threads) threads_.emplace_back([this] { serve(); });
}

LinearPool::~LinearPool() {
  {
    const std::lock_guard<std::mutex> guard(lock_);
    stopping_ = true;
    ++round_;
  }
  wake_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

Parallel LinearPool::parallel() { return {this, run, threads_.size() + 1}; }

void LinearPool::work() {
  for (std::size_t index = next_++; index < tasks_; index = next_++) task_(user_, index);
}

void LinearPool::serve() {
  for (unsigned seen = 0;;) {
    for (int spin = 0; spin < kSpins && round_ == seen; ++spin) {
    }
    if (round_ == seen) {
      std::unique_lock<std::mutex> guard(lock_);
      wake_.wait(guard, [&] { return round_ != seen; });
    }
    seen = round_;
    if (stopping_) return;
    work();
    --busy_;
  }
}

void LinearPool::run(void* context, std::size_t tasks, Task task, void* user) {
  LinearPool& pool = *static_cast<LinearPool*>(context);
  pool.tasks_ = tasks;
  pool.task_ = task;
  pool.user_ = user;
  pool.next_ = 0;
  pool.busy_ = pool.threads_.size();
  {
    // Under the lock, or a thread that is about to sleep could miss the new round.
    const std::lock_guard<std::mutex> guard(pool.lock_);
    ++pool.round_;
  }
  pool.wake_.notify_all();
  pool.work();
  for (int spin = 0; pool.busy_ != 0; ++spin) {
    if (spin >= kSpins) std::this_thread::yield();
  }
}

Parallel shared_pool(std::size_t threads) {
  thread_local std::map<std::size_t, std::unique_ptr<LinearPool>> pools;
  std::unique_ptr<LinearPool>& pool = pools[threads];
  if (pool == nullptr) pool = std::make_unique<LinearPool>(threads);
  return pool->parallel();
}

}  // namespace nibble::addon

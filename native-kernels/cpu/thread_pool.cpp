#include "thread_pool.h"

#include <algorithm>
#include <chrono>
#include <system_error>
#include <utility>

#if defined(NIBBLE_X86)
#include <immintrin.h>
#elif defined(_M_ARM64)
#include <intrin.h>
#endif

namespace nibble {
namespace {

using Clock = std::chrono::steady_clock;

/// Loops of one token lie some 10 us apart; on a machine that others use as well a thread should not wait for long.
constexpr auto kSpinTime = std::chrono::microseconds(100);
/// Looks at the loop's number between two looks at the clock.
constexpr int kLooks = 64;
/// What a thread fetches ahead of a loop: half of the smallest second-level cache of the processors of today's servers
/// and desktops.
constexpr std::size_t kFetchBytes = 512 * 1024;
constexpr std::size_t kLine = 64;

constexpr std::uint64_t kOpen = 1;
constexpr std::uint64_t kOneInside = 2;
constexpr std::uint64_t kInside = 0xfffe;
constexpr std::uint64_t kNextLoop = 0x10000;

std::uint64_t number_of(std::uint64_t loop) { return loop / kNextLoop; }

/// Tells the processor that this is a loop that waits.
inline void pause() {
#if defined(NIBBLE_X86)
  _mm_pause();
#elif defined(_M_ARM64)
  __yield();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

/// Fetches a line into the second-level cache.
inline void fetch(const std::uint8_t* at) {
#if defined(__GNUC__) || defined(__clang__)
  __builtin_prefetch(at, 0, 2);
#elif defined(NIBBLE_X86)
  _mm_prefetch(reinterpret_cast<const char*>(at), _MM_HINT_T1);
#else
  static_cast<void>(at);
#endif
}

constexpr std::uint64_t packed(std::uint64_t begin, std::uint64_t end) { return begin << 32 | end; }

}  // namespace

/// The tasks that a thread begins with: [begin, end) in one number, so that both ends can be taken from.
struct alignas(2 * kLine) ThreadPool::Share {
  std::atomic<std::uint64_t> left{0};

  /// @returns false when none is left
  bool take_first(std::size_t* task) {
    std::uint64_t range = left.load(std::memory_order_relaxed);
    while (range >> 32 < (range & 0xffffffff)) {
      if (left.compare_exchange_weak(range, range + (std::uint64_t{1} << 32), std::memory_order_relaxed)) {
        *task = range >> 32;
        return true;
      }
    }
    return false;
  }

  bool take_last(std::size_t* task) {
    std::uint64_t range = left.load(std::memory_order_relaxed);
    while (range >> 32 < (range & 0xffffffff)) {
      if (left.compare_exchange_weak(range, range - 1, std::memory_order_relaxed)) {
        *task = (range & 0xffffffff) - 1;
        return true;
      }
    }
    return false;
  }
};

/// What one thread fetches while it waits.
class ThreadPool::Fetcher {
 public:
  Fetcher(const ThreadPool& pool, std::size_t thread) : pool_(pool), thread_(thread) {}

  /// Fetches one line. @returns false when there is nothing left to fetch
  bool step() {
    if (pool_.expectation_.load(std::memory_order_acquire) != seen_ && !begin()) return false;
    while (left_ > 0) {
      if (at_ != end_) {
        fetch(at_);
        at_ += std::min<std::size_t>(kLine, static_cast<std::size_t>(end_ - at_));
        left_ -= std::min(kLine, left_);
        return true;
      }
      if (++piece_ >= pieces_) break;
      at_ = data_[piece_];
      end_ = at_ + size_[piece_];
    }
    left_ = 0;
    return false;
  }

 private:
  /// Takes over a new expectation. @returns false when it is being written
  bool begin() {
    const std::uint64_t number = pool_.expectation_.load(std::memory_order_acquire);
    if (number % 2 != 0) return false;
    pieces_ = pool_.expected_pieces_.load(std::memory_order_acquire);
    std::size_t total = 0;
    for (std::size_t i = 0; i < pieces_; ++i) {
      data_[i] = pool_.expected_[i].data.load(std::memory_order_acquire);
      size_[i] = pool_.expected_[i].size.load(std::memory_order_acquire);
      total += size_[i];
    }
    if (pool_.expectation_.load(std::memory_order_relaxed) != number) return false;
    seen_ = number;
    std::size_t first = total / pool_.count_ * thread_;
    left_ = std::min(kFetchBytes, total / pool_.count_);
    for (piece_ = 0; piece_ < pieces_ && first >= size_[piece_]; ++piece_) first -= size_[piece_];
    if (piece_ == pieces_) {
      left_ = 0;
      return true;
    }
    at_ = data_[piece_] + first;
    end_ = data_[piece_] + size_[piece_];
    return true;
  }

  const ThreadPool& pool_;
  std::size_t thread_;
  std::uint64_t seen_ = 0;
  std::size_t pieces_ = 0;
  std::size_t piece_ = 0;
  const std::uint8_t* data_[kMostPieces] = {};
  std::size_t size_[kMostPieces] = {};
  const std::uint8_t* at_ = nullptr;
  const std::uint8_t* end_ = nullptr;
  std::size_t left_ = 0;
};

ThreadPool::ThreadPool(std::size_t threads) : count_(std::max<std::size_t>(threads, 1)), shares_(new Share[count_]) {
  threads_.reserve(count_ - 1);
  try {
    for (std::size_t i = 1; i < count_; ++i) threads_.emplace_back([this, i] { serve(i); });
  } catch (const std::system_error&) {
    // The system gives no more threads; those there are take the others' tasks.
  }
}

ThreadPool::~ThreadPool() {
  stopping_ = true;
  wake_sleepers();
  for (std::thread& thread : threads_) thread.join();
}

Parallel ThreadPool::parallel() { return {this, run, count_}; }

void ThreadPool::expect(std::span<const std::span<const std::uint8_t>> pieces) {
  const std::size_t count = std::min(pieces.size(), kMostPieces);
  const std::uint64_t number = expectation_.load(std::memory_order_relaxed);
  // Who reads any of what follows also reads this number, or a later one, behind it.
  expectation_.store(number + 1, std::memory_order_relaxed);
  for (std::size_t i = 0; i < count; ++i) {
    expected_[i].data.store(pieces[i].data(), std::memory_order_release);
    expected_[i].size.store(pieces[i].size(), std::memory_order_release);
  }
  expected_pieces_.store(count, std::memory_order_release);
  expectation_.store(number + 2, std::memory_order_release);
}

void ThreadPool::wake() {
  resting_.store(false, std::memory_order_relaxed);
  wakes_.fetch_add(1, std::memory_order_seq_cst);
  if (sleeping_.load(std::memory_order_seq_cst) != 0) wake_sleepers();
}

void ThreadPool::rest() { resting_.store(true, std::memory_order_relaxed); }

void ThreadPool::wake_sleepers() {
  // Under the lock, or a thread that is about to sleep could miss it.
  { const std::lock_guard<std::mutex> guard(lock_); }
  wake_.notify_all();
}

void ThreadPool::take_tasks(std::size_t thread) {
  std::size_t task = 0;
  while (shares_[thread].take_first(&task)) task_(user_, task);
  for (std::size_t i = 1; i < count_; ++i) {
    Share& other = shares_[(thread + i) % count_];
    while (other.take_last(&task)) task_(user_, task);
  }
}

void ThreadPool::work(std::size_t thread) {
  try {
    take_tasks(thread);
  } catch (...) {
    for (std::size_t i = 0; i < count_; ++i) shares_[i].left.store(0, std::memory_order_relaxed);
    const std::lock_guard<std::mutex> guard(failure_lock_);
    if (failure_ == nullptr) failure_ = std::current_exception();
  }
}

void ThreadPool::run(void* context, std::size_t tasks, Task task, void* user) {
  ThreadPool& pool = *static_cast<ThreadPool*>(context);
  if (pool.count_ == 1 || tasks <= 1) {
    for (std::size_t i = 0; i < tasks; ++i) task(user, i);
    return;
  }
  pool.task_ = task;
  pool.user_ = user;
  for (std::size_t i = 0; i < pool.count_; ++i) {
    pool.shares_[i].left.store(packed(tasks * i / pool.count_, tasks * (i + 1) / pool.count_),
                               std::memory_order_relaxed);
  }
  const std::uint64_t next = (number_of(pool.loop_.load(std::memory_order_relaxed)) + 1) * kNextLoop;
  pool.loop_.store(next | kOpen, std::memory_order_seq_cst);
  if (pool.sleeping_.load(std::memory_order_seq_cst) != 0) pool.wake_sleepers();
  pool.work(0);
  // Who has not come yet stays out; who is inside works on a last task.
  pool.loop_.fetch_and(~kOpen, std::memory_order_acq_rel);
  for (int look = 0; (pool.loop_.load(std::memory_order_acquire) & kInside) != 0; ++look) {
    if (look < 100 * kLooks) {
      pause();
    } else {
      std::this_thread::yield();
    }
  }
  if (pool.failure_ != nullptr) std::rethrow_exception(std::exchange(pool.failure_, nullptr));
}

void ThreadPool::sleep(std::uint64_t seen) {
  std::unique_lock<std::mutex> guard(lock_);
  sleeping_.fetch_add(1, std::memory_order_seq_cst);
  const std::uint64_t wakes = wakes_.load(std::memory_order_seq_cst);
  wake_.wait(guard, [&] {
    const std::uint64_t loop = loop_.load(std::memory_order_seq_cst);
    return stopping_.load() || ((loop & kOpen) != 0 && number_of(loop) != seen) ||
           wakes_.load(std::memory_order_seq_cst) != wakes;
  });
  sleeping_.fetch_sub(1, std::memory_order_seq_cst);
}

bool ThreadPool::join_loop(std::uint64_t* seen, Fetcher& fetcher) {
  Clock::time_point since = Clock::now();
  for (int look = 0;; ++look) {
    std::uint64_t loop = loop_.load(std::memory_order_acquire);
    if ((loop & kOpen) != 0 && number_of(loop) != *seen) {
      if (!loop_.compare_exchange_weak(loop, loop + kOneInside, std::memory_order_acq_rel)) continue;
      *seen = number_of(loop);
      return true;
    }
    if (stopping_.load(std::memory_order_relaxed)) return false;
    const bool resting = resting_.load(std::memory_order_relaxed);
    if (!resting && fetcher.step()) continue;
    pause();
    if (!resting && (look % kLooks != 0 || Clock::now() - since < kSpinTime)) continue;
    sleep(*seen);
    since = Clock::now();
  }
}

void ThreadPool::serve(std::size_t thread) {
  Fetcher fetcher(*this, thread);
  for (std::uint64_t seen = 0; join_loop(&seen, fetcher);) {
    work(thread);
    loop_.fetch_sub(kOneInside, std::memory_order_release);
  }
}

}  // namespace nibble

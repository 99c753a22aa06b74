#pragma once

// Which matrix is read behind which, learned while a graph runs: what waiting threads fetch meanwhile.

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "linear.h"
#include "thread_pool.h"

namespace nibble {

/// The stored codes that one operator reads from beginning to end.
struct Reading {
  std::array<std::span<const std::uint8_t>, kMostFused> pieces{};
  std::size_t count = 0;

  void add(const void* codes, std::size_t bytes) { pieces[count++] = {static_cast<const std::uint8_t*>(codes), bytes}; }

 private:
  friend class ReadingOrder;
  /// What came behind it last time.
  const Reading* next_ = nullptr;
};

class ReadingOrder {
 public:
  /// An operator is about to read `reading`, which must outlive the session's last run: tells the threads what they
  /// will probably read then.
  void begin(Reading& reading, ThreadPool& threads) {
    if (last_ != nullptr) last_->next_ = &reading;
    last_ = &reading;
    const Reading* next = reading.next_;
    if (next != nullptr) threads.expect({next->pieces.data(), next->count});
  }

 private:
  Reading* last_ = nullptr;
};

}  // namespace nibble

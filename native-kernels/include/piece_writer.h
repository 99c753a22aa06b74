#pragma once

// A part of a file that several threads make, written in large pieces by a thread that does nothing else.
//
// Whoever computes waits neither for the disk nor for the one who writes: Linux lets one thread write to a file at a
// time.

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <exception>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "buffer_cache.h"
#include "positioned_file.h"
#include "threads.h"

namespace nibble {

/// About as many bytes are written at once: few calls, and little that leaves the processor's caches before.
constexpr std::size_t kWriteBytes = std::size_t{1} << 20;

class PieceWriter {
 public:
  /// @param offset of the part in `file`, which outlives this
  /// @param length of the part, in bytes
  /// @param task_bytes what is filled at once, by one thread: pieces are made of whole tasks; 0 for an
  /// empty part
  /// @param cancelled as Control has it
  PieceWriter(const PositionedFile& file, std::uint64_t offset, std::uint64_t length, std::size_t task_bytes,
              const std::atomic<bool>* cancelled);
  PieceWriter(const PieceWriter&) = delete;
  PieceWriter& operator=(const PieceWriter&) = delete;

  /// Ends what is under way: what is not being written yet is given up, unless finish() has been called.
  ~PieceWriter();

  /// Where byte `start` of the part is to be put, and those up to the end of its task. Waits while too much is still to
  /// be written; hence tasks are begun in ascending order, and none waits for another.
  /// @throws what writing threw, and GivenUp when the call is cancelled
  std::uint8_t* room(std::uint64_t start);

  /// Says that a task has failed: what it should have filled never comes. From now on nobody waits for room, so that
  /// the tasks that have begun end as well.
  void fail_task();

  /// Says that bytes [start, start + count) are there; nobody may touch them any more.
  void filled(std::uint64_t start, std::size_t count);

  /// Waits until everything is written.
  /// @throws what writing threw
  void finish();

 private:
  struct Piece {
    std::unique_ptr<CachedBuffer> memory{};  // null: not begun, or written
    std::size_t left = 0;                    // bytes that are yet to be filled
  };

  std::size_t bytes_of(std::size_t piece) const;
  bool is_given_up() const;  // with the lock
  void run();
  void end();

  const PositionedFile& file_;
  const std::uint64_t offset_;
  const std::uint64_t length_;
  const std::size_t piece_bytes_;
  const std::atomic<bool>* const cancelled_;
  std::vector<Piece> pieces_;
  std::mutex lock_{};  // of everything below, and of pieces_
  std::condition_variable changed_{};
  std::deque<std::size_t> complete_{};
  std::size_t in_memory_ = 0;  // pieces
  bool ending_ = false;
  bool task_failed_ = false;
  bool given_up_ = false;
  std::exception_ptr failure_{};
  std::thread thread_{};
};

}  // namespace nibble

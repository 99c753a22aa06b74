#include "piece_writer.h"

#include <algorithm>
#include <chrono>

#include "error.h"

namespace nibble {
namespace {

/// Pieces of one writer that may be in memory: those that are being filled, and some that wait for the disk.
constexpr std::size_t kMostPieces = 8;

/// Whoever cancels sets a flag and wakes nobody: those who wait look at it this often.
constexpr std::chrono::milliseconds kLookInterval{20};

std::size_t divide_up(std::uint64_t value, std::size_t by) { return static_cast<std::size_t>((value + by - 1) / by); }

}  // namespace

PieceWriter::PieceWriter(const PositionedFile& file, std::uint64_t offset, std::uint64_t length, std::size_t task_bytes,
                         const std::atomic<bool>* cancelled)
    : file_(file),
      offset_(offset),
      length_(length),
      piece_bytes_(task_bytes == 0 ? kWriteBytes : std::max<std::size_t>(kWriteBytes / task_bytes, 1) * task_bytes),
      cancelled_(cancelled),
      pieces_(divide_up(length, piece_bytes_)) {
  if (!pieces_.empty()) thread_ = std::thread([this] { run(); });
}

PieceWriter::~PieceWriter() {
  if (!thread_.joinable()) return;
  {
    const std::lock_guard<std::mutex> guard(lock_);
    given_up_ = true;
  }
  end();
}

void PieceWriter::fail_task() {
  {
    const std::lock_guard<std::mutex> guard(lock_);
    task_failed_ = true;
  }
  changed_.notify_all();
}

bool PieceWriter::is_given_up() const {
  return given_up_ || (cancelled_ != nullptr && cancelled_->load(std::memory_order_relaxed));
}

std::size_t PieceWriter::bytes_of(std::size_t piece) const {
  return static_cast<std::size_t>(std::min<std::uint64_t>(piece_bytes_, length_ - std::uint64_t{piece} * piece_bytes_));
}

std::uint8_t* PieceWriter::room(std::uint64_t start) {
  const auto index = static_cast<std::size_t>(start / piece_bytes_);
  const auto within = static_cast<std::size_t>(start % piece_bytes_);
  std::unique_lock<std::mutex> guard(lock_);
  Piece& piece = pieces_[index];
  const auto is_over = [&] { return failure_ != nullptr || is_given_up(); };
  const auto has_room = [&] { return piece.memory != nullptr || in_memory_ < kMostPieces || task_failed_; };
  while (!changed_.wait_for(guard, kLookInterval, [&] { return has_room() || is_over(); })) {
  }
  if (failure_ != nullptr) std::rethrow_exception(failure_);
  if (is_given_up()) throw GivenUp();
  if (piece.memory == nullptr) {
    piece = {std::make_unique<CachedBuffer>(piece_bytes_), bytes_of(index)};
    ++in_memory_;
  }
  return piece.memory->data() + within;
}

void PieceWriter::filled(std::uint64_t start, std::size_t count) {
  const auto index = static_cast<std::size_t>(start / piece_bytes_);
  {
    const std::lock_guard<std::mutex> guard(lock_);
    pieces_[index].left -= count;
    if (pieces_[index].left > 0) return;
    complete_.push_back(index);
  }
  changed_.notify_all();
}

void PieceWriter::run() {
  run_promptly();
  std::unique_lock<std::mutex> guard(lock_);
  for (;;) {
    changed_.wait(guard, [&] { return !complete_.empty() || ending_; });
    if (complete_.empty() || is_given_up()) return;
    const std::size_t index = complete_.front();
    complete_.pop_front();
    const std::uint8_t* memory = pieces_[index].memory->data();
    guard.unlock();
    std::exception_ptr failure;
    try {
      file_.write(offset_ + std::uint64_t{index} * piece_bytes_, memory, bytes_of(index));
    } catch (...) {
      failure = std::current_exception();
    }
    guard.lock();
    pieces_[index].memory.reset();
    --in_memory_;
    changed_.notify_all();
    if (failure == nullptr) continue;
    failure_ = failure;
    return;
  }
}

void PieceWriter::end() {
  if (!thread_.joinable()) return;
  {
    const std::lock_guard<std::mutex> guard(lock_);
    ending_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void PieceWriter::finish() {
  end();
  // The thread has ended; a piece that it did not write is one that was given up.
  if (failure_ == nullptr && in_memory_ > 0) throw Error("aborted", "the work was cancelled");
  if (failure_ != nullptr) std::rethrow_exception(failure_);
}

}  // namespace nibble

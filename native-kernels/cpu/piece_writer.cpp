#include "piece_writer.h"

#include <algorithm>

#include "threads.h"

namespace nibble {
namespace {

/// Pieces of one writer that may be in memory: those that are being filled, and some that wait for the disk.
constexpr std::size_t kMostPieces = 8;

std::size_t divide_up(std::uint64_t value, std::size_t by) { return static_cast<std::size_t>((value + by - 1) / by); }

}  // namespace

PieceWriter::PieceWriter(const PositionedFile& file, std::uint64_t offset, std::uint64_t length, std::size_t task_bytes)
    : file_(file),
      offset_(offset),
      length_(length),
      piece_bytes_(task_bytes == 0 ? kWriteBytes : std::max<std::size_t>(kWriteBytes / task_bytes, 1) * task_bytes),
      pieces_(divide_up(length, piece_bytes_)) {
  if (!pieces_.empty()) thread_ = std::thread([this] { run(); });
}

PieceWriter::~PieceWriter() { end(); }

std::size_t PieceWriter::bytes_of(std::size_t piece) const {
  return static_cast<std::size_t>(std::min<std::uint64_t>(piece_bytes_, length_ - std::uint64_t{piece} * piece_bytes_));
}

std::uint8_t* PieceWriter::room(std::uint64_t start) {
  const auto index = static_cast<std::size_t>(start / piece_bytes_);
  const auto within = static_cast<std::size_t>(start % piece_bytes_);
  std::unique_lock<std::mutex> guard(lock_);
  Piece& piece = pieces_[index];
  changed_.wait(guard, [&] { return piece.memory != nullptr || in_memory_ < kMostPieces || failure_ != nullptr; });
  if (failure_ != nullptr) std::rethrow_exception(failure_);
  if (piece.memory == nullptr) {
    piece = {std::make_unique<KeptMemory>(piece_bytes_), bytes_of(index)};
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
    if (complete_.empty()) return;
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
  if (failure_ != nullptr) std::rethrow_exception(failure_);
}

}  // namespace nibble

#include "piece_writer.h"

#include <algorithm>
#include <new>
#include <utility>

#include "threads.h"

namespace nibble {
namespace {

/// Pieces of one writer that may be in memory: those that are being filled, and some that wait for the disk.
constexpr std::size_t kMostPieces = 8;

/// Writing past the page cache takes memory that begins where pages do.
constexpr std::align_val_t kPage{4096};

std::size_t divide_up(std::uint64_t value, std::size_t by) { return static_cast<std::size_t>((value + by - 1) / by); }

}  // namespace

class PieceMemory {
 public:
  static std::shared_ptr<PieceMemory> shared() {
    static std::mutex lock;
    static std::weak_ptr<PieceMemory> kept;
    const std::lock_guard<std::mutex> guard(lock);
    std::shared_ptr<PieceMemory> memory = kept.lock();
    if (memory == nullptr) kept = memory = std::make_shared<PieceMemory>();
    return memory;
  }

  PieceMemory() = default;
  PieceMemory(const PieceMemory&) = delete;
  PieceMemory& operator=(const PieceMemory&) = delete;
  ~PieceMemory() {
    for (std::uint8_t* piece : free_) ::operator delete(piece, kPage);
  }

  /// @param bytes pieces of kWriteBytes and less are used again
  std::uint8_t* take(std::size_t bytes) {
    if (bytes <= kWriteBytes) {
      const std::lock_guard<std::mutex> guard(lock_);
      if (!free_.empty()) {
        std::uint8_t* piece = free_.back();
        free_.pop_back();
        return piece;
      }
    }
    return static_cast<std::uint8_t*>(::operator new(std::max(bytes, kWriteBytes), kPage));
  }

  void give_back(std::uint8_t* piece, std::size_t bytes) {
    if (bytes > kWriteBytes) {
      ::operator delete(piece, kPage);
      return;
    }
    const std::lock_guard<std::mutex> guard(lock_);
    free_.push_back(piece);
  }

 private:
  std::mutex lock_;
  std::vector<std::uint8_t*> free_;
};

PieceWriter::PieceWriter(const PositionedFile& file, std::uint64_t offset, std::uint64_t length, std::size_t task_bytes)
    : file_(file),
      offset_(offset),
      length_(length),
      piece_bytes_(std::max<std::size_t>(kWriteBytes / task_bytes, 1) * task_bytes),
      memory_(PieceMemory::shared()),
      pieces_(divide_up(length, piece_bytes_)) {
  if (!pieces_.empty()) thread_ = std::thread([this] { run(); });
}

PieceWriter::~PieceWriter() {
  end();
  for (const Piece& piece : pieces_) {
    if (piece.memory != nullptr) memory_->give_back(piece.memory, piece_bytes_);
  }
}

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
    piece = {memory_->take(piece_bytes_), bytes_of(index)};
    ++in_memory_;
  }
  return piece.memory + within;
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
    const std::uint8_t* memory = pieces_[index].memory;
    guard.unlock();
    std::exception_ptr failure;
    try {
      file_.write_past_cache(offset_ + std::uint64_t{index} * piece_bytes_, memory, bytes_of(index));
    } catch (...) {
      failure = std::current_exception();
    }
    guard.lock();
    memory_->give_back(std::exchange(pieces_[index].memory, nullptr), piece_bytes_);
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

#include "mapped_file.h"

#include "error.h"

#if defined(__linux__)
#include <sys/mman.h>
#include <unistd.h>
#endif

namespace nibble {

#if defined(__linux__)

bool is_resident(const void* byte) {
  const auto size = static_cast<std::uintptr_t>(sysconf(_SC_PAGESIZE));
  void* page = reinterpret_cast<void*>(reinterpret_cast<std::uintptr_t>(byte) / size * size);
  unsigned char answer = 0;
  return mincore(page, size, &answer) == 0 && (answer & 1) != 0;
}

MappedFile::MappedFile(const PositionedFile& file, std::uint64_t offset, std::uint64_t length)
    : file_(file), end_(offset + length) {
  // Of a file that is too short, the rest of the last page would read as zeros, without any signal.
  if (length == 0 || file.size() < end_) return;
  const auto before = static_cast<std::size_t>(offset % static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE)));
  const std::size_t bytes = before + static_cast<std::size_t>(length);
  void* pages = file.map(offset - before, bytes);
  if (pages == nullptr) return;
  guard_.emplace(pages, bytes);
  if (!guard_->is_active()) {
    munmap(pages, bytes);
    return;
  }
  pages_ = static_cast<std::uint8_t*>(pages);
  length_ = bytes;
  first_ = pages_ + before;
  all_resident_ = file.is_in_memory(offset, length);
}

MappedFile::~MappedFile() {
  if (pages_ == nullptr) return;
  guard_.reset();
  munmap(pages_, length_);
}

const std::uint8_t* MappedFile::resident(std::uint64_t start, std::size_t count) const {
  if (pages_ == nullptr) return nullptr;
  // Both ends stand for what is between: files come into memory in order. Were a page missing, reading it would only
  // take longer than reading it on purpose, which makes the system read ahead.
  const std::uint8_t* const first = first_ + start;
  give_back_behind(first);
  if (all_resident_) return first;
  return is_resident(first) && is_resident(first + count - 1) ? first : nullptr;
}

void MappedFile::give_back_behind(const std::uint8_t* byte) const {
  // As much as the system maps at once where it can.
  constexpr std::size_t kWindow = std::size_t{1} << 21;
  // What a thread is still working on only has to be mapped again.
  constexpr std::size_t kKept = 2 * kWindow;
  std::size_t from = given_back_.load(std::memory_order_relaxed);
  if (static_cast<std::size_t>(byte - pages_) < from + kWindow + kKept) return;
  if (given_back_.compare_exchange_strong(from, from + kWindow)) madvise(pages_ + from, kWindow, MADV_DONTNEED);
}

void MappedFile::require_whole() const {
  if (pages_ != nullptr && (guard_->has_lost() || file_.size() < end_)) file_.fail_short();
}

#else

bool is_resident(const void*) { return false; }

MappedFile::MappedFile(const PositionedFile& file, std::uint64_t offset, std::uint64_t length)
    : file_(file), end_(offset + length) {}

MappedFile::~MappedFile() = default;

const std::uint8_t* MappedFile::resident(std::uint64_t, std::size_t) const { return nullptr; }

void MappedFile::give_back_behind(const std::uint8_t*) const {}

void MappedFile::require_whole() const {}

#endif

}  // namespace nibble

#include "weights_ahead.h"

#include <algorithm>
#include <cstdint>
#include <span>
#include <thread>

#include "mapped_file.h"

namespace nibble {
namespace {

/// A part of a mapped file, which it keeps mapped.
struct Piece {
  std::shared_ptr<const WeightFile> file;
  std::span<const std::uint8_t> bytes;
};

#if defined(__linux__)

/// What is looked up at once: as much as one page of page tables describes.
constexpr std::size_t kWindow = std::size_t{1} << 21;
/// The system maps so much around a page that is read, where it lies in memory (fault_around_bytes).
constexpr std::size_t kAround = std::size_t{1} << 16;

void map_pages(std::span<const std::uint8_t> bytes) {
  const auto begin = reinterpret_cast<std::uintptr_t>(bytes.data());
  const std::uintptr_t end = begin + bytes.size();
  for (std::uintptr_t at = begin; at < end;) {
    const std::uintptr_t next = std::min((at / kWindow + 1) * kWindow, end);
    // Both ends stand for what is between: files come into memory in order.
    if (is_resident(reinterpret_cast<const void*>(at)) && is_resident(reinterpret_cast<const void*>(next - 1))) {
      // One read of each part instead of MADV_POPULATE_READ, which locks the address space: every other thread that
      // allocates memory would wait.
      for (std::uintptr_t part = at; part < next; part = (part / kAround + 1) * kAround) {
        static_cast<void>(*reinterpret_cast<const volatile std::uint8_t*>(part));
      }
    }
    at = next;
  }
}

#else

void map_pages(std::span<const std::uint8_t>) {}

#endif

}  // namespace

WeightsAhead::WeightsAhead(const std::vector<WeightRange>& ranges) {
  std::vector<Piece> pieces;
  for (const auto& [path, begin, end] : ranges) {
    files_.push_back(WeightFile::open(path));
    const std::span<const std::uint8_t> bytes = files_.back()->bytes();
    const std::size_t from = std::min(begin, bytes.size());
    pieces.push_back({files_.back(), bytes.subspan(from, std::max(std::min(end, bytes.size()), from) - from)});
  }
  // Nobody waits for it: it ends by itself within a tenth of a second for each billion bytes.
  std::thread([pieces = std::move(pieces)] {
    for (const Piece& piece : pieces) map_pages(piece.bytes);
  }).detach();
}

}  // namespace nibble

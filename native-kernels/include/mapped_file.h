#pragma once

// A part of a file that is read where it lies in the system's page cache, without a copy.

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "page_guard.h"
#include "positioned_file.h"

namespace nibble {

/// Whether the page that a byte of a mapped file lies in is in memory; false where the system does not say.
bool is_resident(const void* byte);

/// Where the system cannot map a file, or the file is not in memory yet, nothing is handed out and callers read it
/// instead. A file that becomes shorter under a mapping ends other programs (SIGBUS); here the missing pages read as
/// zeros and `require_whole` says so afterwards. Pages count as memory of the process: those far behind what was asked
/// for last are given back.
class MappedFile {
 public:
  /// @param length bytes from `offset` on
  MappedFile(const PositionedFile& file, std::uint64_t offset, std::uint64_t length);
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;
  ~MappedFile();

  /// Bytes [start, start + count) of the part, count > 0, if they are in memory; null: read them. Any number of threads
  /// may ask, in ascending order, roughly.
  const std::uint8_t* resident(std::uint64_t start, std::size_t count) const;

  /// To be called after the bytes were used and before anyone relies on what was made of them.
  /// @throws Error("malformed-file") when some of them could not be had
  void require_whole() const;

 private:
  void give_back_behind(const std::uint8_t* byte) const;

  const PositionedFile& file_;
  std::uint64_t end_;  // of the part in the file
  std::optional<PageGuard> guard_;
  std::uint8_t* pages_ = nullptr;                   // null: not mapped
  std::size_t length_ = 0;                          // of the pages
  const std::uint8_t* first_ = nullptr;             // the part's first byte
  bool all_resident_ = false;                       // when it was mapped; some may have left memory since
  mutable std::atomic<std::size_t> given_back_{0};  // of the pages, from the first on
};

}  // namespace nibble

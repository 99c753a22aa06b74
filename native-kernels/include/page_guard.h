#pragma once

// Mapped files that become shorter, or whose disk goes away. Reading such a page raises SIGBUS, which ends a process; a
// guarded mapping gets pages of zeros instead and remembers it.

#include <cstddef>

namespace nibble {

class PageGuard {
 public:
  /// @param pages a mapping, which outlives this; its missing pages are replaced in place
  PageGuard(const void* pages, std::size_t length);
  ~PageGuard();
  PageGuard(const PageGuard&) = delete;
  PageGuard& operator=(const PageGuard&) = delete;

  /// Whether faults in the mapping are caught: not on Windows, where a mapped file cannot be cut, and not when too many
  /// mappings are guarded at once.
  bool is_active() const;

  /// Whether a page could not be read since this was made.
  bool has_lost() const;

 private:
  std::size_t slot_;
};

}  // namespace nibble

#pragma once

// How much memory this process holds.

#include <cstdint>
#include <optional>

namespace nibble {

struct ProcessMemory {
  std::uint64_t resident_bytes;                // mapped files included
  std::optional<std::uint64_t> private_bytes;  // pages with no file behind them
};

ProcessMemory process_memory();

}  // namespace nibble

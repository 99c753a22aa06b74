#pragma once

// The activations of few tokens as int8, lane by lane: what base/activation_rounding.h says, written for reading.

#include <cstddef>
#include <cstdint>
#include <vector>

namespace nibble::reference {

/// A token's activations, chunk by chunk; the chunks of second passes follow behind.
struct RoundedLanes {
  std::vector<std::int8_t> codes;     // [chunks + second passes, chunk_columns], zeros behind the last column
  std::vector<float> scales;          // [chunks + second passes, kLanes]
  std::vector<std::uint32_t> places;  // [second passes] the chunk that each belongs to
};

/// x ~ code * scale per lane by rounding::quantize_activations; in a second pass the same for x - code * scale.
/// @param x [columns]
RoundedLanes round_lanes(const float* x, std::size_t columns, int bits);

}  // namespace nibble::reference

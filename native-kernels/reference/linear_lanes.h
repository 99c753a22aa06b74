#pragma once

// How the activations of few tokens become int8. Decode is bound by reading weights, so a finer rounding costs nothing
// there: every lane of columns whose products meet in one 32-bit lane of a register has a scale of its own, and where
// one lane towers above the others, the rounding error is itself rounded and multiplied in a second pass over that
// chunk. No column has to be set aside (as LLM.int8 and linear_outliers.h do, which prefill uses): an outlier costs its
// neighbours in one lane their precision, and the second pass gives it back.

#include <cstddef>
#include <cstdint>
#include <vector>

namespace nibble::reference {

/// Fewer tokens than this are rounded by lanes, more by groups of columns. A constant of the definition, so that every
/// instruction set gives the same numbers: from about here on decoding a tile of weights once pays.
inline constexpr std::size_t kFewTokens = 8;

/// Lanes of a chunk: the dwords of 64 bytes of weights.
inline constexpr std::size_t kLanes = 16;

/// Columns of a lane: the weights in four bytes.
constexpr std::size_t lane_columns(int bits) { return bits == 4 ? 8 : 4; }

/// Columns of a chunk.
constexpr std::size_t chunk_columns(int bits) { return kLanes * lane_columns(bits); }

/// 4-bit values are rounded to integers for the products (linear_reference.h, ByteMap). What that takes from them is
/// small, but an outlier multiplies it: where a chunk gets a second pass, the first pass's activations are multiplied
/// with it too, in steps of this.
inline constexpr float kRestStep = 1.0f / 254.0f;

/// What rounding to `rounded` took from `value`, at most half a step of the rounded values, in steps of kRestStep.
std::int8_t rest_of(float value, std::int8_t rounded);

/// Whether a chunk gets a second pass: its largest lane is more than 8 times the mean of the smaller lanes of each
/// neighbouring pair (the smaller ones, so that outliers do not hide each other). At 8 times, about 14 times the mean
/// magnitude of normally distributed columns, the 8 columns that share the outlier's scale err as much as a group of 64
/// columns with one scale does without outliers (-40 dB). Sums are float32 in the order that follows, so that every
/// implementation decides alike: lane i + lane i + 8, then + 4, + 2, + 1.
/// @param absmax [kLanes] largest magnitudes; with NaN or infinity among them the answer is no
bool needs_second_pass(const float* absmax);

/// A token's activations, chunk by chunk; the chunks of second passes follow behind.
struct RoundedLanes {
  std::vector<std::int8_t> codes;     // [chunks + second passes, chunk_columns], zeros behind the last column
  std::vector<float> scales;          // [chunks + second passes, kLanes]
  std::vector<std::uint32_t> places;  // [second passes] the chunk that each belongs to
};

/// x ~ code * scale per lane by quantize_activations (linear_reference.h); in a second pass the same for x - code *
/// scale.
/// @param x [columns]
RoundedLanes round_lanes(const float* x, std::size_t columns, int bits);

}  // namespace nibble::reference

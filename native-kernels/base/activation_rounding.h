#pragma once

// How activations and 4-bit levels become int8 for products of integers: the definitions that the plain code and every
// instruction set's fast path share.

#include <cstddef>
#include <cstdint>

namespace nibble::rounding {

/// The 16 levels of 4-bit codes as signed bytes: value ~ bytes[code] * unit. Levels that are whole
/// multiples of the smallest one keep exactly; of others the largest magnitude becomes 127.
struct ByteMap {
  std::int8_t bytes[16];
  float unit;
};
ByteMap byte_map(const float* levels);

/// Below this an activation group counts as zero: 127 / absmax would overflow, and no weight could lift it back.
inline constexpr float kSmallestAbsmax = 7.8886090522101181e-31f;  // 2^-100

/// A group of activations as int8: code = round_half_even(x * (127 / absmax)), x ~ code * (absmax / 127).
/// A group that holds NaN or infinity gets scale NaN and codes 0, so that the fault shows in the output.
/// @param codes [count]
/// @returns the scale
float quantize_activations(const float* x, std::size_t count, std::int8_t* codes);

// Few tokens. Decode is bound by reading weights, so a finer rounding costs nothing there: every lane of columns whose
// products meet in one 32-bit lane of a register has a scale of its own, and where one lane towers above the others,
// the rounding error is itself rounded and multiplied in a second pass over that chunk. No column has to be set aside
// (as LLM.int8 and outlier_columns.h do, which prefill uses): an outlier costs its neighbours in one lane their
// precision, and the second pass gives it back.

/// Fewer tokens than this are rounded by lanes, more by groups of columns. A constant of the definition, so that every
/// instruction set gives the same numbers: from about here on decoding a tile of weights once pays.
inline constexpr std::size_t kFewTokens = 8;

/// Lanes of a chunk: the dwords of 64 bytes of weights.
inline constexpr std::size_t kLanes = 16;

/// Columns of a lane: the weights in four bytes.
constexpr std::size_t lane_columns(int bits) { return bits == 4 ? 8 : 4; }

/// Columns of a chunk.
constexpr std::size_t chunk_columns(int bits) { return kLanes * lane_columns(bits); }

/// 4-bit values are rounded to integers for the products (ByteMap). What that takes from them is small, but an outlier
/// multiplies it: where a chunk gets a second pass, the first pass's activations are multiplied with it too, in steps
/// of this.
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

}  // namespace nibble::rounding

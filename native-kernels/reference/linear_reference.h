#pragma once

// The plain definition of the matrix products of linear.h. Tests compare every fast path with it, and it runs where no
// fast path exists.
//
// Mode::exact: the weight is dequantized to float32; products and sums are double, rounded to float32 once.
// Mode::fast: activations are rounded to int8 (below); products of integers are exact; they are summed in double and
// rounded to float32 once. Fewer than kFewTokens tokens are rounded by lanes (linear_lanes.h). More are rounded by
// groups of columns, and outlier channels are multiplied in float32 (linear_outliers.h). Fast paths produce the same
// integers and differ only in the order of their float32 sums.

#include <cstddef>
#include <cstdint>

#include "linear.h"

namespace nibble::reference {

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

/// As linear.h's, for one matrix, whose activations were permuted as its format says: x[i] meets the code at position
/// i.
void linear_product(const WeightView& w, const float* x, std::size_t tokens, const LinearOutput& to, Mode mode);

}  // namespace nibble::reference

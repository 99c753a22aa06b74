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
#include <vector>

#include "linear.h"

namespace nibble::reference {

/// Columns of x that share one int8 scale: 64, else 32, so that a group never lies in two weight blocks.
/// @returns 0 when no such group exists (blocks that straddle rows at odd places): those shapes run in exact mode
std::size_t activation_group(const Linear4Weights& w);
std::size_t activation_group(const LinearAffineWeights& w);

/// The 16 values of a 4-bit map as signed bytes: value ~ bytes[code] * unit, the largest magnitude becoming 127.
struct ByteMap {
  std::int8_t bytes[16];
  float unit;
};
ByteMap byte_map(const float* map);

/// Below this an activation group counts as zero: 127 / absmax would overflow, and no weight could lift it back.
inline constexpr float kSmallestAbsmax = 7.8886090522101181e-31f;  // 2^-100

/// A group of activations as int8: code = round_half_even(x * (127 / absmax)), x ~ code * (absmax / 127).
/// A group that holds NaN or infinity gets scale NaN and codes 0, so that the fault shows in the output.
/// @param codes [count]
/// @returns the scale
float quantize_activations(const float* x, std::size_t count, std::int8_t* codes);

/// absmax of block `block`, de-nested with separate roundings of product and sum, as bitsandbytes does.
float block_absmax(const Linear4Weights& w, std::size_t block);

/// A weight as float32; `row`, `column` within the matrix.
float weight_at(const Linear4Weights& w, std::size_t row, std::size_t column);
float weight_at(const LinearInt8RowsWeights& w, std::size_t row, std::size_t column);
float weight_at(const LinearAffineWeights& w, std::size_t row, std::size_t column);
float weight_at(const Linear16Weights& w, std::size_t row, std::size_t column);

/// Shapes as in linear.h: x [tokens, columns], bias null or [rows], y [tokens, rows].
void linear4(const Linear4Weights& w, const float* x, std::size_t tokens, const float* bias, float* y, Mode mode);
void linear_int8_rows(const LinearInt8RowsWeights& w, const float* x, std::size_t tokens, const float* bias, float* y,
                      Mode mode);
void linear_affine(const LinearAffineWeights& w, const float* x, std::size_t tokens, const float* bias, float* y,
                   Mode mode);
void linear16(const Linear16Weights& w, const float* x, std::size_t tokens, const float* bias, float* y);

}  // namespace nibble::reference

#pragma once

// The plain definition of the matrix products of linear.h (reference/linear_reference.cpp). Tests compare every fast
// path with it, and it runs where no fast path exists.
//
// Mode::exact: the weight is dequantized to float32; products and sums are double, rounded to float32 once.
// Mode::fast: activations are rounded to int8 (activation_rounding.h); products of integers are exact; they are summed
// in double and rounded to float32 once. Fewer than kFewTokens tokens are rounded by lanes. More are rounded by groups
// of columns, and outlier channels are multiplied in float32 (outlier_columns.h). Fast paths produce the same integers
// and differ only in the order of their float32 sums.

#include <cstddef>

#include "linear.h"

namespace nibble::reference {

/// As linear.h's, for one matrix, whose activations were permuted as its format says: x[i] meets the code at position
/// i.
void linear_product(const WeightView& w, const float* x, std::size_t tokens, const LinearOutput& to, Mode mode);

}  // namespace nibble::reference

#pragma once

// The drivers: choose strips, hold scratch memory, call the kernels of one instruction set.

#include "cpu/linear_kernels.h"
#include "linear.h"

namespace nibble::linear {

/// Everything a product needs besides its weights.
struct Call {
  const float* x;
  std::size_t tokens;
  const float* bias;
  float* y;
  const LinearKernels& kernels;
  const Parallel& parallel;
};

/// One of the matrices that the same activations are multiplied with.
struct Target {
  const GroupedWeights* weights;
  const float* bias;
  float* y;
};

/// Fewer than reference::kFewTokens tokens, x [tokens, columns] times each of the targets' weights [rows, columns]:
/// the activations are rounded once, by lanes, and all strips of rows are shared out together.
/// @param count at most kMostTogether; all have the same number of columns
void lanes_product(const Target* targets, std::size_t count, const float* x, std::size_t tokens,
                   const LinearKernels& kernels, const Parallel& parallel);

/// Grouped int8 activations: NF4, FP4, int4 and int8 with scales per block, row or tensor.
void grouped_product(const GroupedWeights& w, const Call& call);

/// Rows of int8 as weights with one scale a row.
GroupedWeights grouped_rows(const LinearInt8RowsWeights& w);

/// LLM.int8 with its outlier decomposition.
void int8_rows_product(const LinearInt8RowsWeights& w, const Call& call);

/// Float32 activations times dequantized weights.
void exact_product(const Linear4Weights& w, const Call& call);
void exact_product(const LinearInt8RowsWeights& w, const Call& call);
void exact_product(const LinearAffineWeights& w, const Call& call);
void exact_product(const Linear16Weights& w, const Call& call);

}  // namespace nibble::linear

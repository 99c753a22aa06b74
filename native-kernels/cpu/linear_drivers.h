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

/// Grouped int8 activations: NF4, FP4, int4 and int8 with scales per block, row or tensor.
void grouped_product(const GroupedWeights& w, const Call& call);

/// LLM.int8 with its outlier decomposition.
void int8_rows_product(const LinearInt8RowsWeights& w, const Call& call);

/// Float32 activations times dequantized weights.
void exact_product(const Linear4Weights& w, const Call& call);
void exact_product(const LinearInt8RowsWeights& w, const Call& call);
void exact_product(const LinearAffineWeights& w, const Call& call);
void exact_product(const Linear16Weights& w, const Call& call);

}  // namespace nibble::linear

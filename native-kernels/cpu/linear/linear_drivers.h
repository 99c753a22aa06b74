#pragma once

// The drivers: choose strips, hold scratch memory, call the kernels of one instruction set.

#include <span>

#include "linear.h"
#include "linear_kernels.h"

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

/// Activations [count, columns] and what they are multiplied with and on.
struct Tokens {
  const float* x;
  std::size_t count;
  const LinearKernels& kernels;
  const Parallel& parallel;
};

/// One of the matrices that the same activations are multiplied with.
struct Target {
  const GroupedWeights* weights;
  const float* bias;
  float* y;
};

/// Fewer than rounding::kFewTokens tokens times each of the targets' weights: the activations are rounded once, by
/// lanes, and all strips of rows are shared out together.
/// @param targets 1 to kMostFused of the same width
void lanes_product(std::span<const Target> targets, const Tokens& tokens);

/// Whether activations that were rounded for `a` serve `b`, whatever the number of tokens.
inline bool same_rounding(const GroupedWeights& a, const GroupedWeights& b) {
  return a.bits == b.bits && a.group == b.group &&
         (a.scales.zero_points == nullptr) == (b.scales.zero_points == nullptr);
}

/// rounding::kFewTokens tokens or more, whose outlier channels are multiplied in float32.
/// @param targets 1 to kMostFused of the same width, each with same_rounding as the first
void products_with_channels(std::span<const Target> targets, const Tokens& tokens);

/// The same for weights whose activations have outliers by LLM.int8's threshold, which is the same for all of them.
/// @param weights those that the targets were made of
void products_with_threshold(std::span<const WeightView> weights, std::span<const Target> targets,
                             const Tokens& tokens);

/// Float32 activations times dequantized weights.
void float_product(const WeightView& w, const Call& call);

}  // namespace nibble::linear

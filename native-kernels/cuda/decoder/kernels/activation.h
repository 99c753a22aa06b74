#pragma once

// Activations of feed-forwards.

#include "arguments.h"

namespace nibble::cuda {

__device__ __forceinline__ float silu(float x) { return x / (1.0f + expf(-x)); }

/// The approximation of Hendrycks & Gimpel (2016) by a hyperbolic tangent.
__device__ __forceinline__ float gelu_tanh(float x) {
  constexpr float kRootOfTwoOverPi = 0.7978845608028654f;
  return 0.5f * x * (1.0f + tanhf(kRootOfTwoOverPi * (x + 0.044715f * x * x * x)));
}

__device__ __forceinline__ float activate(Activation activation, float x) {
  return activation == Activation::silu ? silu(x) : gelu_tanh(x);
}

}  // namespace nibble::cuda

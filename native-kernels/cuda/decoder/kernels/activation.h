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
  switch (activation) {
    case Activation::silu:
      return silu(x);
    case Activation::gelu_tanh:
      return gelu_tanh(x);
    case Activation::gelu:
      return 0.5f * x * (1.0f + erff(x * 0.7071067811865476f));
    case Activation::quick_gelu:
      return x / (1.0f + expf(-1.702f * x));
    case Activation::relu:
      return fmaxf(x, 0.0f);
    default: {
      const float positive = fmaxf(x, 0.0f);
      return positive * positive;
    }
  }
}

}  // namespace nibble::cuda

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

/// What a gated feed-forward makes of a gate and its other factor.
__device__ __forceinline__ float gated(Activation activation, float gate, float up) {
  if (activation != Activation::swiglu_clamped) return activate(activation, gate) * up;
  const float limited = fminf(gate, kSwigluLimit);
  return limited / (1.0f + expf(-kSwigluAlpha * limited)) * (fminf(fmaxf(up, -kSwigluLimit), kSwigluLimit) + 1.0f);
}

/// The activation of Huang & Schlag 2024, as native-kernels/runtime/operators computes it.
__device__ __forceinline__ float xielu(const float* const (&stored)[4], float x) {
  const auto softplus = [](float value) { return value > 20.0f ? value : log1pf(expf(value)); };
  const float beta = *stored[2];
  const float alpha_p = softplus(*stored[0]);
  const float alpha_n = beta + softplus(*stored[1]);
  if (x > 0.0f) return alpha_p * x * x + beta * x;
  return (expm1f(fminf(x, *stored[3])) - x) * alpha_n + beta * x;
}

}  // namespace nibble::cuda

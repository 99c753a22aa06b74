#pragma once

// The small vector operations of a model and of the sampler.

#include <cstddef>

#include "linear.h"

namespace nibble {

/// out[i] = gate[i] / (1 + exp(-gate[i])) * up[i]; relative error of the exponential below 3e-7.
void silu_multiply(const float* gate, const float* up, float* out, std::size_t count, Isa isa);

/// out[i] = gelu(gate[i]) * up[i] with gelu(x) = x / 2 * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 x^3))) (Hendrycks &
/// Gimpel 2016, the tanh form); relative error of the exponential in it below 3e-7.
void gelu_multiply(const float* gate, const float* up, float* out, std::size_t count, Isa isa);

/// Largest of `count` values, at least one; NaN counts as the smallest.
float maximum(const float* values, std::size_t count, Isa isa);

/// Sum of exp(values[i] - shift) for i in [0, count); every term at most 1 if shift is the maximum.
double sum_of_exponentials(const float* values, std::size_t count, float shift, Isa isa);

}  // namespace nibble

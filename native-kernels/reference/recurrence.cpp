#include <algorithm>
#include <cmath>

#include "base/recurrence_reference.h"
#include "base/vector_functions.h"

namespace nibble::kernels {

void recur_plainly(const RecurrenceShape& shape, const RecurrenceCall& call, std::size_t block) {
  const std::size_t blocks = state_blocks(shape);
  const std::size_t head = block / blocks;
  const std::size_t column = block % blocks * kStateColumns;
  const std::size_t columns = std::min(kStateColumns, shape.value_dim - column);
  const std::size_t key_head = head / (shape.heads / shape.key_heads);
  const std::size_t elements = shape.key_dim * kStateColumns;
  float* const state = call.after + block * elements;
  std::copy_n(call.before + block * elements, elements, state);
  for (std::size_t token = 0; token < call.tokens; ++token) {
    const std::size_t at = token * call.key_stride + key_head * shape.key_dim;
    const float* const values = call.values + token * call.value_stride + head * shape.value_dim + column;
    const float decay = call.decays[token * shape.heads + head];
    const float strength = call.strengths[token * shape.heads + head];
    for (std::size_t j = 0; j < columns; ++j) {
      float change = strength * values[j];
      if (shape.delta) {
        float seen[2] = {};
        for (std::size_t i = 0; i < shape.key_dim; ++i) {
          seen[i % 2] = std::fma(state[i * kStateColumns + j], call.keys[at + i], seen[i % 2]);
        }
        change = strength * std::fma(-decay, seen[0] + seen[1], values[j]);
      }
      float out[2] = {};
      for (std::size_t i = 0; i < shape.key_dim; ++i) {
        float& s = state[i * kStateColumns + j];
        s = std::fma(change, call.keys[at + i], s * decay);
        out[i % 2] = std::fma(s, call.queries[at + i], out[i % 2]);
      }
      call.out[(token * shape.heads + head) * shape.value_dim + column + j] = out[0] + out[1];
    }
  }
}

void convolve_plainly(const Convolution& c, const float* const* rows, float* out) {
  const std::size_t stride = convolution_stride(c.channels);
  for (std::size_t i = 0; i < c.channels; ++i) {
    float sum = c.bias == nullptr ? 0.0f : c.bias[i];
    for (std::size_t k = 0; k < c.taps; ++k) sum = std::fma(c.weights[k * stride + i], rows[k][i], sum);
    out[i] = c.silu ? sum / (1.0f + std::exp(-sum)) : sum;
  }
}

}  // namespace nibble::kernels

#pragma once

// Layers that remember in a state of fixed size instead of keys and values: the recurrence of linear attention, with
// and without the delta rule, and the short convolution in front of it. Plain C++ on pointers.
//
// Per token and head, with the state S [key_dim, value_dim]:
//   delta:      r = S^T k;  d = strength * (v - decay * r)
//   otherwise:              d = strength * v
//   S = decay * S + k d^T;  out = S^T q
// (gated delta rule: Yang et al. 2024; without the delta it is Mamba 2's step: Dao & Gu 2024). Columns of a state do
// not depend on each other: kStateColumns of them stay in the nearest cache while all tokens of a call pass over them.
// A token's result depends neither on the tokens computed in one call with it nor on the instruction set: sums run over
// the rows of S, the even and the odd ones apart, in fused multiply-adds.

#include <cstddef>

#include "linear.h"

namespace nibble {

/// Columns that lie side by side in memory: a state is [heads][ceil(value_dim /
/// kStateColumns)][key_dim][kStateColumns].
inline constexpr std::size_t kStateColumns = 32;

struct RecurrenceShape {
  std::size_t heads;
  std::size_t key_heads;  // divides heads; head h reads keys and queries of head h / (heads / key_heads)
  std::size_t key_dim;
  std::size_t value_dim;
  bool delta;
};

/// Elements of the states of all heads.
std::size_t recurrence_state_elements(const RecurrenceShape& shape);

struct RecurrenceCall {
  std::size_t tokens;
  const float* queries;  // [tokens] rows of [key_heads, key_dim], key_stride apart
  const float* keys;     // as queries
  std::size_t key_stride;
  const float* values;  // [tokens] rows of [heads, value_dim], value_stride apart
  std::size_t value_stride;
  const float* decays;     // [tokens, heads]
  const float* strengths;  // [tokens, heads]
  const float* before;     // the states before the first token
  float* after;            // those behind the last one; not `before`
  float* out;              // [tokens, heads, value_dim]
};

/// At least one token.
void recurrence(const RecurrenceShape& shape, const RecurrenceCall& call, Isa isa, const Parallel& parallel);

/// Elements to which a row of weights of a convolution is padded.
std::size_t convolution_stride(std::size_t channels);

/// out[c] = f(bias[c] + sum over k of weights[k * convolution_stride(channels) + c] * rows[k][c]), f being silu
/// (relative error of its exponential below 3e-7) or nothing. `bias`, as long as a row of weights, may be null.
struct Convolution {
  std::size_t channels;
  std::size_t taps;
  const float* weights;
  const float* bias;
  bool silu;
};
void convolve(const Convolution& convolution, const float* const* rows, float* out, Isa isa);

}  // namespace nibble

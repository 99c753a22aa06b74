#pragma once

// What each instruction set offers to cpu/attention.cpp, cpu/elementwise.cpp and cpu/recurrence.cpp.

#include <cstddef>

#include "attention.h"
#include "recurrence.h"

namespace nibble::kernels {

using AttendFunction = void (*)(const AttentionCache& cache, const AttentionRequest& request, const float* queries,
                                float* out, std::size_t kv_head, std::size_t first_row, std::size_t rows);
using AppendFunction = void (*)(const AttentionCache& cache, const float* keys, const float* values, std::size_t tokens,
                                std::size_t position, std::size_t kv_head);

/// Attention of rows over the positions of one segment: each row's part is written to `parts` + row * `part_stride`.
using AttendSegmentFunction = void (*)(const AttentionCache& cache, const AttentionRequest& request,
                                       const float* queries, std::size_t kv_head, std::size_t first_row,
                                       std::size_t rows, std::size_t segment, float* parts, std::size_t part_stride);

/// Puts the parts of one row together, in order; they lie one behind the other. The first one is overwritten. `sink`:
/// of the row's head, or null.
using JoinFunction = void (*)(float* parts, std::size_t count, std::size_t value_stride, std::size_t value_dim,
                              const float* sink, float* out);

/// Elements of a part: the largest score, the sum of weights relative to it, and from kPartValues on the weighted sum
/// of values.
inline constexpr std::size_t kPartValues = 16;
constexpr std::size_t part_elements(std::size_t value_stride) { return kPartValues + value_stride; }

struct VectorFunctions {
  AttendFunction attend;
  AttendSegmentFunction attend_segment;  // null: rows cannot be split
  JoinFunction join;
  AppendFunction append;
  void (*silu_multiply)(const float* gate, const float* up, float* out, std::size_t count);
  void (*gelu_multiply)(const float* gate, const float* up, float* out, std::size_t count);
  float (*maximum)(const float* values, std::size_t count);
  double (*sum_of_exponentials)(const float* values, std::size_t count, float shift);
  /// All tokens of a call over block `block` of the states.
  void (*recur)(const RecurrenceShape& shape, const RecurrenceCall& call, std::size_t block);
  void (*convolve)(const Convolution& convolution, const float* const* rows, float* out);
};

/// Blocks of columns of the state of one head.
constexpr std::size_t state_blocks(const RecurrenceShape& shape) {
  return (shape.value_dim + kStateColumns - 1) / kStateColumns;
}

/// Of gelu in its tanh form: x / 2 * (1 + tanh(y)) = x / (1 + exp(-2 y)) with 2 y = x * (kGeluLinear + kGeluCubic *
/// x^2).
inline constexpr float kGeluLinear = 1.5957691216f;  // 2 * sqrt(2 / pi)
inline constexpr float kGeluCubic = 0.0713548163f;   // the same * 0.044715

extern const VectorFunctions kReferenceFunctions;
#ifdef NIBBLE_X86
extern const VectorFunctions kAvx2Functions;
extern const VectorFunctions kAvx512Functions;
#endif
#ifdef NIBBLE_NEON
extern const VectorFunctions kNeonFunctions;
#endif

/// The functions for `isa`.
const VectorFunctions& vector_functions(Isa isa);

}  // namespace nibble::kernels

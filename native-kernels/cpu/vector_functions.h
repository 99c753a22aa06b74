#pragma once

// What each instruction set offers to cpu/attention.cpp and cpu/elementwise.cpp.

#include <cstddef>

#include "attention.h"

namespace nibble::kernels {

using AttendFunction = void (*)(const AttentionCache& cache, const AttentionRequest& request, const float* queries,
                                float* out, std::size_t kv_head, std::size_t first_row, std::size_t rows);
using AppendFunction = void (*)(const AttentionCache& cache, const float* keys, const float* values, std::size_t tokens,
                                std::size_t position, std::size_t kv_head);

struct VectorFunctions {
  AttendFunction attend;
  AppendFunction append;
  void (*silu_multiply)(const float* gate, const float* up, float* out, std::size_t count);
  float (*maximum)(const float* values, std::size_t count);
  double (*sum_of_exponentials)(const float* values, std::size_t count, float shift);
};

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

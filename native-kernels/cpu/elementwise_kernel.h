#pragma once

// SiluMul, GeluMul and the sampler's sums, written once for vectors of any width (see attention_kernel.h for the
// rules).

#include <math.h>

#include <cstddef>

#include "base/vector_functions.h"
#include "cpu/attention_kernel.h"
#include "cpu/recurrence_kernel.h"

namespace nibble::kernels {

template <class V>
struct ElementwiseKernel {
  using F = typename V::F;
  static constexpr std::size_t W = V::kWidth;

  static F silu(F gate, F up) {
    const F e = vector_exp<V>(V::sub(V::zero(), gate));
    return V::mul(V::div(gate, V::add(e, V::set(1.0f))), up);
  }

  static F gelu(F gate, F up) {
    const F inner = V::add(V::set(kGeluLinear), V::mul(V::set(kGeluCubic), V::mul(gate, gate)));
    const F e = vector_exp<V>(V::sub(V::zero(), V::mul(gate, inner)));
    return V::mul(V::div(gate, V::add(e, V::set(1.0f))), up);
  }

  static void silu_multiply(const float* gate, const float* up, float* out, std::size_t count) {
    multiply<silu>(gate, up, out, count);
  }

  static void gelu_multiply(const float* gate, const float* up, float* out, std::size_t count) {
    multiply<gelu>(gate, up, out, count);
  }

  template <F (*kActivated)(F gate, F up)>
  static void multiply(const float* gate, const float* up, float* out, std::size_t count) {
    std::size_t i = 0;
    for (; i + W <= count; i += W) V::store(out + i, kActivated(V::load(gate + i), V::load(up + i)));
    if (i == count) return;
    // The tail goes through the same arithmetic, so that a value does not depend on where it stands.
    float tail[3][W] = {};
    for (std::size_t j = 0; i + j < count; ++j) {
      tail[0][j] = gate[i + j];
      tail[1][j] = up[i + j];
    }
    V::store(tail[2], kActivated(V::load(tail[0]), V::load(tail[1])));
    for (std::size_t j = 0; i + j < count; ++j) out[i + j] = tail[2][j];
  }

  static float maximum(const float* values, std::size_t count) {
    F largest = V::set(-kInfinity);
    std::size_t i = 0;
    for (; i + W <= count; i += W) largest = V::max(V::load(values + i), largest);
    float result = V::reduce_max(largest);
    for (; i < count; ++i) {
      if (values[i] > result) result = values[i];
    }
    return result;
  }

  static double sum_of_exponentials(const float* values, std::size_t count, float shift) {
    // Float sums over short runs, a double sum over the runs: exact enough for vocabularies of any size.
    constexpr std::size_t kRun = 64 * W;
    double total = 0;
    std::size_t i = 0;
    while (i + W <= count) {
      F sum = V::zero();
      for (const std::size_t end = i + kRun; i + W <= count && i < end; i += W) {
        const F x = V::sub(V::load(values + i), V::set(shift));
        sum = V::add(sum, V::zero_where_below(vector_exp<V>(x), x, -87.0f));
      }
      total += static_cast<double>(V::reduce_add(sum));
    }
    for (; i < count; ++i) total += exp(static_cast<double>(values[i] - shift));
    return total;
  }
};

template <class V>
constexpr VectorFunctions functions_of() {
  return {attend_with<V>,
          attend_segment_with<V>,
          join_with<V>,
          append_with<V>,
          ElementwiseKernel<V>::silu_multiply,
          ElementwiseKernel<V>::gelu_multiply,
          ElementwiseKernel<V>::maximum,
          ElementwiseKernel<V>::sum_of_exponentials,
          RecurrenceKernel<V>::recur,
          RecurrenceKernel<V>::convolve};
}

}  // namespace nibble::kernels

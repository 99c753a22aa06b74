#pragma once

// The recurrence and its convolution, written once for vectors of any width (see attention_kernel.h for the rules, and
// recurrence.h for what is computed).

#include <cstddef>

#include "base/vector_functions.h"
#include "recurrence.h"

namespace nibble::kernels {

template <class V>
struct RecurrenceKernel {
  using F = typename V::F;
  static constexpr std::size_t W = V::kWidth;
  static constexpr std::size_t kVectors = kStateColumns / W;
  static_assert(kStateColumns % W == 0);

  struct Sums {
    F even[kVectors];
    F odd[kVectors];
    Sums() {
      for (std::size_t j = 0; j < kVectors; ++j) even[j] = odd[j] = V::zero();
    }
    F total(std::size_t j) const { return V::add(even[j], odd[j]); }
  };

  /// sums += row * factor
  static void add_row(F* sums, const float* row, float factor) {
    const F f = V::set(factor);
    for (std::size_t j = 0; j < kVectors; ++j) sums[j] = V::fma(V::load(row + j * W), f, sums[j]);
  }

  /// to = decay * from + change * key; sums += to * query
  static void step_row(const float* from, float* to, F decay, const F* change, float key, float query, F* sums) {
    const F k = V::set(key);
    const F q = V::set(query);
    for (std::size_t j = 0; j < kVectors; ++j) {
      const F s = V::fma(change[j], k, V::mul(V::load(from + j * W), decay));
      V::store(to + j * W, s);
      sums[j] = V::fma(s, q, sums[j]);
    }
  }

  static void recur(const RecurrenceShape& shape, const RecurrenceCall& call, std::size_t block) {
    const std::size_t blocks = state_blocks(shape);
    const std::size_t head = block / blocks;
    const std::size_t column = block % blocks * kStateColumns;
    const std::size_t left = shape.value_dim - column;
    const std::size_t columns = left < kStateColumns ? left : kStateColumns;
    const std::size_t key_head = head / (shape.heads / shape.key_heads);
    const std::size_t rows = shape.key_dim;
    const float* from = call.before + block * rows * kStateColumns;
    float* const to = call.after + block * rows * kStateColumns;
    float values[kStateColumns] = {};
    float results[kStateColumns];
    for (std::size_t token = 0; token < call.tokens; ++token) {
      const std::size_t at = token * call.key_stride + key_head * rows;
      const float* const keys = call.keys + at;
      const float* const queries = call.queries + at;
      const float* const source = call.values + token * call.value_stride + head * shape.value_dim + column;
      for (std::size_t i = 0; i < columns; ++i) values[i] = source[i];
      const float decay = call.decays[token * shape.heads + head];
      const F strength = V::set(call.strengths[token * shape.heads + head]);
      F change[kVectors];
      if (shape.delta) {
        Sums seen;
        std::size_t i = 0;
        for (; i + 2 <= rows; i += 2) {
          add_row(seen.even, from + i * kStateColumns, keys[i]);
          add_row(seen.odd, from + (i + 1) * kStateColumns, keys[i + 1]);
        }
        if (i < rows) add_row(seen.even, from + i * kStateColumns, keys[i]);
        const F kept = V::set(-decay);
        for (std::size_t j = 0; j < kVectors; ++j) {
          change[j] = V::mul(strength, V::fma(kept, seen.total(j), V::load(values + j * W)));
        }
      } else {
        for (std::size_t j = 0; j < kVectors; ++j) change[j] = V::mul(strength, V::load(values + j * W));
      }
      Sums out;
      const F d = V::set(decay);
      std::size_t i = 0;
      for (; i + 2 <= rows; i += 2) {
        const std::size_t row = i * kStateColumns;
        step_row(from + row, to + row, d, change, keys[i], queries[i], out.even);
        const std::size_t next = row + kStateColumns;
        step_row(from + next, to + next, d, change, keys[i + 1], queries[i + 1], out.odd);
      }
      if (i < rows) {
        step_row(from + i * kStateColumns, to + i * kStateColumns, d, change, keys[i], queries[i], out.even);
      }
      for (std::size_t j = 0; j < kVectors; ++j) V::store(results + j * W, out.total(j));
      float* const target = call.out + (token * shape.heads + head) * shape.value_dim + column;
      for (i = 0; i < columns; ++i) target[i] = results[i];
      from = to;
    }
  }

  static F silu(F x) { return V::div(x, V::add(vector_exp<V>(V::sub(V::zero(), x)), V::set(1.0f))); }

  static void convolve(const Convolution& c, const float* const* rows, float* out) {
    const std::size_t stride = (c.channels + kStateColumns - 1) / kStateColumns * kStateColumns;
    std::size_t i = 0;
    for (; i + W <= c.channels; i += W) {
      F sum = c.bias == nullptr ? V::zero() : V::load(c.bias + i);
      for (std::size_t k = 0; k < c.taps; ++k) {
        sum = V::fma(V::load(c.weights + k * stride + i), V::load(rows[k] + i), sum);
      }
      V::store(out + i, c.silu ? silu(sum) : sum);
    }
    if (i == c.channels) return;
    // The tail goes through the same arithmetic, so that a value does not depend on where it stands.
    F sum = c.bias == nullptr ? V::zero() : V::load(c.bias + i);
    for (std::size_t k = 0; k < c.taps; ++k) {
      float tail[W] = {};
      for (std::size_t j = 0; i + j < c.channels; ++j) tail[j] = rows[k][i + j];
      sum = V::fma(V::load(c.weights + k * stride + i), V::load(tail), sum);
    }
    float tail[W];
    V::store(tail, c.silu ? silu(sum) : sum);
    for (std::size_t j = 0; i + j < c.channels; ++j) out[i + j] = tail[j];
  }
};

}  // namespace nibble::kernels

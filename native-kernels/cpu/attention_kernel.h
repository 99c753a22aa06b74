#pragma once

// Attention over a paged cache, written once for vectors of any width. Each instruction set includes this file with its
// own vector type V, of internal linkage, so that no code compiled for one set can be linked into another; for the same
// reason nothing here calls inline functions of the standard library.
//
// Softmax runs online over pages of 256 positions. Per row the order of all sums is fixed by absolute positions, and
// masked positions add exact zeros: the result of a row does not depend on the rows computed beside it.

#include <math.h>

#include <cstddef>
#include <cstdint>
#include <limits>

#include "attention.h"
#include "half.h"

namespace nibble::kernels {

/// Rows (query heads of tokens that share one KV head) of one task.
inline constexpr std::size_t kAttentionRows = 16;

inline constexpr float kInfinity = std::numeric_limits<float>::infinity();

/// exp(x) for x in [-87, 88]; outside it the result is that of the nearer bound. Relative error below 2e-7.
template <class V>
static typename V::F vector_exp(typename V::F x) {
  x = V::min(V::max(x, V::set(-87.0f)), V::set(88.0f));
  // Adding 1.5 * 2^23 leaves round(x / ln 2) in the low bits, whence it goes to the exponent.
  const auto shifted = V::fma(x, V::set(1.44269504f), V::set(12582912.0f));
  const auto n = V::sub(shifted, V::set(12582912.0f));
  auto r = V::fma(n, V::set(-0.693145752f), x);  // ln 2 in two parts, the first exact in products with n
  r = V::fma(n, V::set(-1.42860677e-6f), r);
  auto p = V::set(1.0f / 5040);
  p = V::fma(p, r, V::set(1.0f / 720));
  p = V::fma(p, r, V::set(1.0f / 120));
  p = V::fma(p, r, V::set(1.0f / 24));
  p = V::fma(p, r, V::set(1.0f / 6));
  p = V::fma(p, r, V::set(0.5f));
  p = V::fma(p, r, V::set(1.0f));
  p = V::fma(p, r, V::set(1.0f));
  return V::scale_by_low_bits(p, shifted);
}

template <class V, bool kHalf>
struct AttentionKernel {
  using F = typename V::F;
  static constexpr std::size_t W = V::kWidth;
  static constexpr std::size_t kScoreStep = V::kScoreVectors * W;
  static constexpr std::size_t kGroup = 4;  // rows that share a load of keys or values
  static_assert(kPagePositions % kScoreStep == 0 && kTilePositions % W == 0);

  struct Row {
    const float* query;
    float* out;
    std::size_t begin;  // positions this row sees: [begin, end)
    std::size_t end;
    float maximum;
    float sum;
    float* accumulator;
  };

  static std::size_t smaller(std::size_t a, std::size_t b) { return a < b ? a : b; }
  static std::size_t larger(std::size_t a, std::size_t b) { return a < b ? b : a; }

  static F load(const void* data, std::size_t element) {
    if constexpr (kHalf) {
      return V::load_half(static_cast<const std::uint16_t*>(data) + element);
    } else {
      return V::load(static_cast<const float*>(data) + element);
    }
  }

  static const void* at(const void* data, std::size_t element) {
    return static_cast<const unsigned char*>(data) + element * (kHalf ? 2 : 4);
  }

  /// scores[r][p] = q_r . k_p for p in [from, to), both multiples of kScoreStep.
  template <std::size_t R>
  static void multiply_keys(const void* keys, std::size_t head_dim, const Row* rows, std::size_t from, std::size_t to,
                            float (*scores)[kPagePositions]) {
    for (std::size_t position = from; position < to; position += kScoreStep) {
      F sum[R][V::kScoreVectors];
      for (std::size_t r = 0; r < R; ++r) {
        for (std::size_t j = 0; j < V::kScoreVectors; ++j) sum[r][j] = V::zero();
      }
      const void* vectors[V::kScoreVectors];
      for (std::size_t j = 0; j < V::kScoreVectors; ++j) {
        const std::size_t p = position + j * W;
        vectors[j] = at(keys, p / kTilePositions * kTilePositions * head_dim + p % kTilePositions);
      }
      for (std::size_t i = 0; i < head_dim; ++i) {
        F key[V::kScoreVectors];
        for (std::size_t j = 0; j < V::kScoreVectors; ++j) key[j] = load(vectors[j], i * kTilePositions);
        for (std::size_t r = 0; r < R; ++r) {
          const F q = V::set(rows[r].query[i]);
          for (std::size_t j = 0; j < V::kScoreVectors; ++j) sum[r][j] = V::fma(q, key[j], sum[r][j]);
        }
      }
      for (std::size_t r = 0; r < R; ++r) {
        for (std::size_t j = 0; j < V::kScoreVectors; ++j) V::store(scores[r] + position + j * W, sum[r][j]);
      }
    }
  }

  /// Turns one row's products at page positions [from, to) into weights exp(score - maximum) and updates its state.
  static void soften(Row& row, float* scores, std::size_t page_begin, std::size_t from, std::size_t to,
                     const AttentionRequest& request, std::size_t value_stride) {
    const std::size_t begin = row.begin > page_begin ? row.begin - page_begin : 0;
    const std::size_t end = row.end > page_begin ? smaller(row.end - page_begin, kPagePositions) : 0;
    if (begin >= end) {
      for (std::size_t p = from; p < to; ++p) scores[p] = 0;
      return;
    }
    for (std::size_t p = from; p < to; p += W) {
      F s = V::mul(V::load(scores + p), V::set(request.scale));
      if (request.softcap != 0) {
        // tanh(x) = 1 - 2 / (exp(2x) + 1)
        const F e = vector_exp<V>(V::mul(s, V::set(2.0f / request.softcap)));
        const F tanh = V::sub(V::set(1.0f), V::div(V::set(2.0f), V::add(e, V::set(1.0f))));
        s = V::mul(tanh, V::set(request.softcap));
      }
      V::store(scores + p, s);
    }
    for (std::size_t p = from; p < begin; ++p) scores[p] = -kInfinity;
    for (std::size_t p = larger(end, from); p < to; ++p) scores[p] = -kInfinity;

    F largest = V::set(-kInfinity);
    for (std::size_t p = from; p < to; p += W) largest = V::max(V::load(scores + p), largest);
    const float page_maximum = V::reduce_max(largest);
    if (page_maximum > row.maximum) {
      const float factor = row.sum == 0 ? 0.0f : expf(row.maximum - page_maximum);
      row.maximum = page_maximum;
      row.sum *= factor;
      for (std::size_t i = 0; i < value_stride; i += W) {
        V::store(row.accumulator + i, V::mul(V::load(row.accumulator + i), V::set(factor)));
      }
    }
    F sum = V::zero();
    for (std::size_t p = from; p < to; p += W) {
      const F x = V::sub(V::load(scores + p), V::set(row.maximum));
      const F weight = V::zero_where_below(vector_exp<V>(x), x, -87.0f);
      V::store(scores + p, weight);
      sum = V::add(sum, weight);
    }
    row.sum += V::reduce_add(sum);
  }

  /// accumulator_r[i..] += weight[r][p] * value_p[i..] over p in [from, to), for kVectors vectors from element i.
  template <std::size_t R, std::size_t kVectors>
  static void add_values(const void* values, std::size_t stride, Row* rows, const float (*weights)[kPagePositions],
                         std::size_t from, std::size_t to, std::size_t i) {
    F sum[R][kVectors];
    for (std::size_t r = 0; r < R; ++r) {
      for (std::size_t j = 0; j < kVectors; ++j) sum[r][j] = V::load(rows[r].accumulator + i + j * W);
    }
    for (std::size_t p = from; p < to; ++p) {
      F value[kVectors];
      for (std::size_t j = 0; j < kVectors; ++j) value[j] = load(values, p * stride + i + j * W);
      for (std::size_t r = 0; r < R; ++r) {
        const F weight = V::set(weights[r][p]);
        for (std::size_t j = 0; j < kVectors; ++j) sum[r][j] = V::fma(weight, value[j], sum[r][j]);
      }
    }
    for (std::size_t r = 0; r < R; ++r) {
      for (std::size_t j = 0; j < kVectors; ++j) V::store(rows[r].accumulator + i + j * W, sum[r][j]);
    }
  }

  /// One page for R rows of one KV head.
  template <std::size_t R>
  static void attend_page(const AttentionCache& cache, const void* head, std::size_t page_begin, Row* rows,
                          const AttentionRequest& request) {
    std::size_t begin = rows[0].begin;
    std::size_t end = rows[0].end;
    for (std::size_t r = 1; r < R; ++r) {
      begin = smaller(begin, rows[r].begin);
      end = larger(end, rows[r].end);
    }
    if (end <= page_begin || begin >= page_begin + kPagePositions) return;
    const std::size_t from = begin > page_begin ? begin - page_begin : 0;
    const std::size_t to = smaller(end - page_begin, kPagePositions);
    const std::size_t step_from = from / kScoreStep * kScoreStep;
    const std::size_t step_to = (to + kScoreStep - 1) / kScoreStep * kScoreStep;

    alignas(64) float scores[R][kPagePositions];
    multiply_keys<R>(head, cache.head_dim, rows, step_from, step_to, scores);
    for (std::size_t r = 0; r < R; ++r) {
      soften(rows[r], scores[r], page_begin, step_from, step_to, request, cache.value_stride);
    }
    const void* values = at(head, cache.key_elements);
    std::size_t i = 0;
    constexpr std::size_t kWide = V::kValueVectors * W;
    for (; i + kWide <= cache.value_stride; i += kWide) {
      add_values<R, V::kValueVectors>(values, cache.value_stride, rows, scores, from, to, i);
    }
    for (; i < cache.value_stride; i += W) add_values<R, 1>(values, cache.value_stride, rows, scores, from, to, i);
  }

  /// Rows [first, first + count) of KV head `kv_head`; row r is query head r % group of token r / group.
  static void attend(const AttentionCache& cache, const AttentionRequest& request, const float* queries, float* out,
                     std::size_t kv_head, std::size_t first, std::size_t count) {
    alignas(64) float accumulators[kAttentionRows * kMaxHeadDim];
    Row rows[kAttentionRows];
    const std::size_t group = request.heads / cache.kv_heads;
    std::size_t begin = request.position + request.tokens;
    std::size_t end = 0;
    for (std::size_t r = 0; r < count; ++r) {
      const std::size_t token = (first + r) / group;
      const std::size_t head = kv_head * group + (first + r) % group;
      const std::size_t offset = (token * request.heads + head) * cache.head_dim;
      Row& row = rows[r];
      row.query = queries + offset;
      row.out = out + offset;
      row.end = request.position + token + 1;
      row.begin = request.window != 0 && row.end > request.window ? row.end - request.window : 0;
      row.maximum = -kInfinity;
      row.sum = 0;
      row.accumulator = accumulators + r * cache.value_stride;
      for (std::size_t i = 0; i < cache.value_stride; ++i) row.accumulator[i] = 0;
      begin = smaller(begin, row.begin);
      end = larger(end, row.end);
    }
    for (std::size_t page = begin / kPagePositions; page * kPagePositions < end; ++page) {
      const void* head = at(cache.pages[page], kv_head * cache.head_elements);
      for (std::size_t r = 0; r < count; r += kGroup) {
        const std::size_t page_begin = page * kPagePositions;
        switch (smaller(kGroup, count - r)) {
          case 1:
            attend_page<1>(cache, head, page_begin, rows + r, request);
            break;
          case 2:
            attend_page<2>(cache, head, page_begin, rows + r, request);
            break;
          case 3:
            attend_page<3>(cache, head, page_begin, rows + r, request);
            break;
          default:
            attend_page<4>(cache, head, page_begin, rows + r, request);
        }
      }
    }
    for (std::size_t r = 0; r < count; ++r) {
      const float factor = 1.0f / rows[r].sum;
      for (std::size_t i = 0; i < cache.head_dim; ++i) rows[r].out[i] = rows[r].accumulator[i] * factor;
    }
  }

  /// Writes the keys and values [tokens, kv_heads, head_dim] of one KV head.
  static void append(const AttentionCache& cache, const float* keys, const float* values, std::size_t tokens,
                     std::size_t position, std::size_t kv_head) {
    using Element = typename Stored<kHalf>::Type;
    alignas(64) Element row[kMaxHeadDim];
    for (std::size_t token = 0; token < tokens; ++token) {
      const std::size_t p = (position + token) % kPagePositions;
      Element* head =
          static_cast<Element*>(cache.pages[(position + token) / kPagePositions]) + kv_head * cache.head_elements;
      const std::size_t offset = (token * cache.kv_heads + kv_head) * cache.head_dim;
      convert(keys + offset, row, cache.head_dim);
      Element* tile = head + p / kTilePositions * kTilePositions * cache.head_dim + p % kTilePositions;
      for (std::size_t i = 0; i < cache.head_dim; ++i) tile[i * kTilePositions] = row[i];
      convert(values + offset, head + cache.key_elements + p * cache.value_stride, cache.head_dim);
    }
  }

 private:
  template <bool kIsHalf, class Unused = V>
  struct Stored {
    using Type = std::uint16_t;
  };
  template <class Unused>
  struct Stored<false, Unused> {
    using Type = float;
  };

  static void convert(const float* source, float* target, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) target[i] = source[i];
  }
  static void convert(const float* source, std::uint16_t* target, std::size_t count) {
    std::size_t i = 0;
    for (; i + W <= count; i += W) V::store_half(target + i, V::load(source + i));
    for (; i < count; ++i) target[i] = half_from_float(source[i]);
  }
};

/// The functions that cpu/attention.cpp chooses between.
template <class V>
static void attend_with(const AttentionCache& cache, const AttentionRequest& request, const float* queries, float* out,
                        std::size_t kv_head, std::size_t first, std::size_t count) {
  if (cache.type == CacheType::f16) {
    AttentionKernel<V, true>::attend(cache, request, queries, out, kv_head, first, count);
  } else {
    AttentionKernel<V, false>::attend(cache, request, queries, out, kv_head, first, count);
  }
}

template <class V>
static void append_with(const AttentionCache& cache, const float* keys, const float* values, std::size_t tokens,
                        std::size_t position, std::size_t kv_head) {
  if (cache.type == CacheType::f16) {
    AttentionKernel<V, true>::append(cache, keys, values, tokens, position, kv_head);
  } else {
    AttentionKernel<V, false>::append(cache, keys, values, tokens, position, kv_head);
  }
}

}  // namespace nibble::kernels

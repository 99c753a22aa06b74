#pragma once

// Attention over a paged cache, written once for vectors of any width. Each instruction set includes this file with its
// own vector type V, of internal linkage, so that no code compiled for one set can be linked into another; for the same
// reason nothing here calls inline functions of the standard library.
//
// Softmax runs online over pages of 256 positions, anew for every segment; the parts of the segments are joined in
// order. Per row the order of all sums is fixed by absolute positions, and masked positions add exact zeros: the result
// of a row depends neither on the rows computed beside it nor on which thread computed which segment.

#include <math.h>

#include <cstddef>
#include <cstdint>
#include <limits>

#include "attention.h"
#include "base/attention_codes.h"
#include "base/vector_functions.h"
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

/// Adds the part of a later segment to `total`; a row may see nothing of a segment, then its sum is 0.
template <class V>
static void join_part(float* total, const float* part, std::size_t value_stride) {
  if (part[1] == 0) return;
  const bool is_first = total[1] == 0;
  const float maximum = is_first || part[0] > total[0] ? part[0] : total[0];
  const float kept = is_first ? 0.0f : expf(total[0] - maximum);
  const float added = expf(part[0] - maximum);
  total[0] = maximum;
  total[1] = total[1] * kept + part[1] * added;
  for (std::size_t i = kPartValues; i < part_elements(value_stride); i += V::kWidth) {
    const auto sum = V::mul(V::load(total + i), V::set(kept));
    V::store(total + i, V::fma(V::load(part + i), V::set(added), sum));
  }
}

/// @param sink a further score in the sum of weights; null: none
static inline void finish_part(const float* part, std::size_t value_dim, const float* sink, float* out) {
  // A sink far above all scores makes the sum infinite: its weight is all there is then, and the values' are 0.
  const float factor = 1.0f / (sink == nullptr ? part[1] : part[1] + expf(*sink - part[0]));
  for (std::size_t i = 0; i < value_dim; ++i) out[i] = part[kPartValues + i] * factor;
}

/// How the elements of each type of cache are read and written.
template <CacheType kType>
struct Stored;

template <>
struct Stored<CacheType::f32> {
  using Element = float;
  template <class V>
  static typename V::F load(const float* p) {
    return V::load(p);
  }
};

template <>
struct Stored<CacheType::f16> {
  using Element = std::uint16_t;
  template <class V>
  static typename V::F load(const std::uint16_t* p) {
    return V::load_half(p);
  }
};

template <>
struct Stored<CacheType::int8> {
  using Element = std::int8_t;
  template <class V>
  static typename V::F load(const std::int8_t* p) {
    return V::load_codes(p);
  }
};

template <class V, CacheType kType>
struct AttentionKernel {
  using Element = typename Stored<kType>::Element;
  static constexpr bool kScaled = kType == CacheType::int8;
  using F = typename V::F;
  static constexpr std::size_t W = V::kWidth;
  static constexpr std::size_t kScoreStep = V::kScoreVectors * W;
  static constexpr std::size_t kGroup = 4;  // rows that share a load of keys or values
  // Bytes between what is used and what is fetched meanwhile. The processor's own prefetcher stops at the end of each
  // page of 4 KiB and begins anew; fetching a whole one ahead lets memory work while this computes.
  static constexpr std::size_t kAhead = 4096;
  static constexpr std::size_t kLine = 64;  // of a cache
  static_assert(kPagePositions % kScoreStep == 0 && kTilePositions % W == 0);

  struct Row {
    const float* query;
    std::size_t begin;  // positions this row sees: [begin, end)
    std::size_t end;
    float maximum;
    float sum;
    float* accumulator;
  };

  static std::size_t smaller(std::size_t a, std::size_t b) { return a < b ? a : b; }
  static std::size_t larger(std::size_t a, std::size_t b) { return a < b ? b : a; }

  static F load(const Element* element) { return Stored<kType>::template load<V>(element); }

  static const Element* head_of(const AttentionCache& cache, std::size_t page, std::size_t kv_head) {
    return static_cast<const Element*>(cache.pages[page]) + kv_head * cache.head_elements;
  }

  /// The scales of a head's keys; those of its values follow.
  static const float* scales_of(const AttentionCache& cache, const Element* head) {
    return reinterpret_cast<const float*>(head + cache.scale_elements);
  }

  /// scores[r][p] = q_r . k_p for p in [from, to), both multiples of kScoreStep.
  template <std::size_t R>
  static void multiply_keys(const Element* keys, std::size_t head_dim, const Row* rows, std::size_t from,
                            std::size_t to, float (*scores)[kPagePositions]) {
    for (std::size_t position = from; position < to; position += kScoreStep) {
      F sum[R][V::kScoreVectors];
      for (std::size_t r = 0; r < R; ++r) {
        for (std::size_t j = 0; j < V::kScoreVectors; ++j) sum[r][j] = V::zero();
      }
      const char* const ahead = reinterpret_cast<const char*>(keys + position * head_dim) + kAhead;
      const Element* vectors[V::kScoreVectors];
      for (std::size_t j = 0; j < V::kScoreVectors; ++j) {
        const std::size_t p = position + j * W;
        vectors[j] = keys + p / kTilePositions * kTilePositions * head_dim + p % kTilePositions;
      }
      for (std::size_t i = 0; i < head_dim; ++i) {
        V::prefetch(ahead + i * kScoreStep * sizeof(Element));
        F key[V::kScoreVectors];
        for (std::size_t j = 0; j < V::kScoreVectors; ++j) key[j] = load(vectors[j] + i * kTilePositions);
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
  /// Weights for scaled values contain the values' scale.
  static void soften(Row& row, float* scores, const float* scales, std::size_t page_begin, std::size_t from,
                     std::size_t to, const AttentionRequest& request, std::size_t value_stride) {
    const std::size_t begin = row.begin > page_begin ? row.begin - page_begin : 0;
    const std::size_t end = row.end > page_begin ? smaller(row.end - page_begin, kPagePositions) : 0;
    if (begin >= end) {
      for (std::size_t p = from; p < to; ++p) scores[p] = 0;
      return;
    }
    for (std::size_t p = from; p < to; p += W) {
      F s = V::load(scores + p);
      if constexpr (kScaled) s = V::mul(s, V::load(scales + p));
      s = V::mul(s, V::set(request.scale));
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
      sum = V::add(sum, weight);
      if constexpr (kScaled) {
        V::store(scores + p, V::mul(weight, V::load(scales + kPagePositions + p)));
      } else {
        V::store(scores + p, weight);
      }
    }
    row.sum += V::reduce_add(sum);
  }

  /// accumulator_r[i..] += weight[r][p] * value_p[i..] over p in [from, to), for kVectors vectors from element i.
  template <std::size_t R, std::size_t kVectors>
  static void add_values(const Element* values, std::size_t stride, Row* rows, const float (*weights)[kPagePositions],
                         std::size_t from, std::size_t to, std::size_t i) {
    F sum[R][kVectors];
    for (std::size_t r = 0; r < R; ++r) {
      for (std::size_t j = 0; j < kVectors; ++j) sum[r][j] = V::load(rows[r].accumulator + i + j * W);
    }
    for (std::size_t p = from; p < to; ++p) {
      const Element* const source = values + p * stride + i;
      for (std::size_t byte = 0; byte < kVectors * W * sizeof(Element); byte += kLine) {
        V::prefetch(reinterpret_cast<const char*>(source) + kAhead + byte);
      }
      F value[kVectors];
      for (std::size_t j = 0; j < kVectors; ++j) value[j] = load(source + j * W);
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
  /// @param next the same head of the page that is read after this one; where there is none, this one's
  template <std::size_t R>
  static void attend_page(const AttentionCache& cache, const Element* head, std::size_t page_begin, Row* rows,
                          const AttentionRequest& request, const Element* next) {
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
      soften(rows[r], scores[r], scales_of(cache, head), page_begin, step_from, step_to, request, cache.value_stride);
    }
    // What lies behind this head's values is another head.
    for (std::size_t byte = 0; byte < kAhead; byte += kLine) V::prefetch(reinterpret_cast<const char*>(next) + byte);
    const Element* values = head + cache.key_elements;
    std::size_t i = 0;
    constexpr std::size_t kWide = V::kValueVectors * W;
    for (; i + kWide <= cache.value_stride; i += kWide) {
      add_values<R, V::kValueVectors>(values, cache.value_stride, rows, scores, from, to, i);
    }
    for (; i < cache.value_stride; i += W) add_values<R, 1>(values, cache.value_stride, rows, scores, from, to, i);
  }

  /// Rows [first, first + count) of KV head `kv_head`, row r being query head r % group of token r / group.
  static void locate(const AttentionCache& cache, const AttentionRequest& request, const float* queries,
                     std::size_t kv_head, std::size_t first, std::size_t count, Row* rows) {
    const std::size_t group = request.heads / cache.kv_heads;
    for (std::size_t r = 0; r < count; ++r) {
      const std::size_t token = (first + r) / group;
      const std::size_t head = kv_head * group + (first + r) % group;
      Row& row = rows[r];
      row.query = queries + (token * request.heads + head) * cache.head_dim;
      row.end = request.position + token + 1;
      row.begin = attention_begin(request, row.end);
    }
  }

  /// The parts of located rows that lie in one segment; row r's goes to parts + r * stride.
  static void attend_rows(const AttentionCache& cache, const AttentionRequest& request, std::size_t kv_head,
                          std::size_t segment, Row* rows, std::size_t count, float* parts, std::size_t stride) {
    for (std::size_t r = 0; r < count; ++r) {
      Row& row = rows[r];
      row.maximum = -kInfinity;
      row.sum = 0;
      row.accumulator = parts + r * stride + kPartValues;
      for (std::size_t i = 0; i < cache.value_stride; ++i) row.accumulator[i] = 0;
    }
    // The first row begins first, the last one ends last.
    const std::size_t begin = larger(rows[0].begin, segment * kSegmentPositions);
    const std::size_t end = smaller(rows[count - 1].end, (segment + 1) * kSegmentPositions);
    for (std::size_t page = begin / kPagePositions; page * kPagePositions < end; ++page) {
      const Element* head = head_of(cache, page, kv_head);
      const std::size_t page_begin = page * kPagePositions;
      const bool is_last = page_begin + kPagePositions >= rows[count - 1].end;
      const Element* next = is_last ? head : head_of(cache, page + 1, kv_head);
      for (std::size_t r = 0; r < count; r += kGroup) {
        switch (smaller(kGroup, count - r)) {
          case 1:
            attend_page<1>(cache, head, page_begin, rows + r, request, next);
            break;
          case 2:
            attend_page<2>(cache, head, page_begin, rows + r, request, next);
            break;
          case 3:
            attend_page<3>(cache, head, page_begin, rows + r, request, next);
            break;
          default:
            attend_page<4>(cache, head, page_begin, rows + r, request, next);
        }
      }
    }
    for (std::size_t r = 0; r < count; ++r) {
      parts[r * stride] = rows[r].maximum;
      parts[r * stride + 1] = rows[r].sum;
    }
  }

  static void attend_segment(const AttentionCache& cache, const AttentionRequest& request, const float* queries,
                             std::size_t kv_head, std::size_t first, std::size_t count, std::size_t segment,
                             float* parts, std::size_t stride) {
    Row rows[kAttentionRows] = {};
    locate(cache, request, queries, kv_head, first, count, rows);
    attend_rows(cache, request, kv_head, segment, rows, count, parts, stride);
  }

  /// All segments of the rows, one after the other.
  static void attend(const AttentionCache& cache, const AttentionRequest& request, const float* queries, float* out,
                     std::size_t kv_head, std::size_t first, std::size_t count) {
    alignas(64) float totals[kAttentionRows * part_elements(kMaxValueDim)];
    alignas(64) float parts[kAttentionRows * part_elements(kMaxValueDim)];
    Row rows[kAttentionRows] = {};
    locate(cache, request, queries, kv_head, first, count, rows);
    const std::size_t stride = part_elements(cache.value_stride);
    const std::size_t begin = rows[0].begin / kSegmentPositions;
    for (std::size_t segment = begin; segment * kSegmentPositions < rows[count - 1].end; ++segment) {
      attend_rows(cache, request, kv_head, segment, rows, count, segment == begin ? totals : parts, stride);
      if (segment == begin) continue;
      for (std::size_t r = 0; r < count; ++r) {
        join_part<V>(totals + r * stride, parts + r * stride, cache.value_stride);
      }
    }
    for (std::size_t r = 0; r < count; ++r) {
      float* target = out + static_cast<std::size_t>(rows[r].query - queries) / cache.head_dim * cache.value_dim;
      const std::size_t group = request.heads / cache.kv_heads;
      const float* sink = request.sinks == nullptr ? nullptr : request.sinks + kv_head * group + (first + r) % group;
      finish_part(totals + r * stride, cache.value_dim, sink, target);
    }
  }

  /// Writes the keys [tokens, kv_heads, head_dim] and values [tokens, kv_heads, value_dim] of one KV head.
  static void append(const AttentionCache& cache, const float* keys, const float* values, std::size_t tokens,
                     std::size_t position, std::size_t kv_head) {
    alignas(64) Element row[kMaxHeadDim];
    for (std::size_t token = 0; token < tokens; ++token) {
      const std::size_t p = (position + token) % kPagePositions;
      Element* head =
          static_cast<Element*>(cache.pages[(position + token) / kPagePositions]) + kv_head * cache.head_elements;
      const std::size_t offset = (token * cache.kv_heads + kv_head) * cache.head_dim;
      const float key_scale = convert(keys + offset, row, cache.head_dim);
      Element* tile = head + p / kTilePositions * kTilePositions * cache.head_dim + p % kTilePositions;
      for (std::size_t i = 0; i < cache.head_dim; ++i) tile[i * kTilePositions] = row[i];
      Element* value = head + cache.key_elements + p * cache.value_stride;
      const float* const from = values + (token * cache.kv_heads + kv_head) * cache.value_dim;
      const float value_scale = convert(from, value, cache.value_dim);
      if constexpr (kScaled) {
        float* scales = reinterpret_cast<float*>(head + cache.scale_elements);
        scales[p] = key_scale;
        scales[kPagePositions + p] = value_scale;
      }
    }
  }

 private:
  /// @returns the scale of what is stored
  static float convert(const float* source, float* target, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) target[i] = source[i];
    return 1;
  }
  static float convert(const float* source, std::uint16_t* target, std::size_t count) {
    std::size_t i = 0;
    for (; i + W <= count; i += W) V::store_half(target + i, V::load(source + i));
    for (; i < count; ++i) target[i] = half_from_float(source[i]);
    return 1;
  }
  static float convert(const float* source, std::int8_t* target, std::size_t count) {
    return encode_codes(source, target, count);
  }
};

/// The functions that cpu/attention.cpp chooses between.
template <class V>
static void attend_with(const AttentionCache& cache, const AttentionRequest& request, const float* queries, float* out,
                        std::size_t kv_head, std::size_t first, std::size_t count) {
  switch (cache.type) {
    case CacheType::f32:
      AttentionKernel<V, CacheType::f32>::attend(cache, request, queries, out, kv_head, first, count);
      break;
    case CacheType::f16:
      AttentionKernel<V, CacheType::f16>::attend(cache, request, queries, out, kv_head, first, count);
      break;
    case CacheType::int8:
      AttentionKernel<V, CacheType::int8>::attend(cache, request, queries, out, kv_head, first, count);
      break;
  }
}

template <class V>
static void attend_segment_with(const AttentionCache& cache, const AttentionRequest& request, const float* queries,
                                std::size_t kv_head, std::size_t first, std::size_t count, std::size_t segment,
                                float* parts, std::size_t stride) {
  switch (cache.type) {
    case CacheType::f32:
      AttentionKernel<V, CacheType::f32>::attend_segment(cache, request, queries, kv_head, first, count, segment, parts,
                                                         stride);
      break;
    case CacheType::f16:
      AttentionKernel<V, CacheType::f16>::attend_segment(cache, request, queries, kv_head, first, count, segment, parts,
                                                         stride);
      break;
    case CacheType::int8:
      AttentionKernel<V, CacheType::int8>::attend_segment(cache, request, queries, kv_head, first, count, segment,
                                                          parts, stride);
      break;
  }
}

template <class V>
static void append_with(const AttentionCache& cache, const float* keys, const float* values, std::size_t tokens,
                        std::size_t position, std::size_t kv_head) {
  switch (cache.type) {
    case CacheType::f32:
      AttentionKernel<V, CacheType::f32>::append(cache, keys, values, tokens, position, kv_head);
      break;
    case CacheType::f16:
      AttentionKernel<V, CacheType::f16>::append(cache, keys, values, tokens, position, kv_head);
      break;
    case CacheType::int8:
      AttentionKernel<V, CacheType::int8>::append(cache, keys, values, tokens, position, kv_head);
      break;
  }
}

template <class V>
static void join_with(float* parts, std::size_t count, std::size_t value_stride, std::size_t value_dim,
                      const float* sink, float* out) {
  for (std::size_t i = 1; i < count; ++i) {
    join_part<V>(parts, parts + i * part_elements(value_stride), value_stride);
  }
  finish_part(parts, value_dim, sink, out);
}

}  // namespace nibble::kernels

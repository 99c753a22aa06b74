#pragma once

// Decode: a few tokens against rows that are read once, straight from the stored codes, several rows at a time: they
// share what is loaded of the activations. Written once for both ways to multiply bytes; each set's linear_kernels.cpp
// makes its own copy, of internal linkage.
//
// Step::signed_products(sums, w, x) adds the products of 32 signed weights and activations to 8 dwords, four each.

#include "cpu/avx2/linear_avx2.h"

namespace nibble::linear {
namespace {

/// More rows would not leave enough of the 16 registers for a step.
constexpr std::size_t kLaneRows = 4;
/// Least distance of prefetching: about the latency of memory at the speed of memory.
constexpr std::size_t kPrefetchAhead = 2048;
constexpr float kRestStep = 1.0f / 254.0f;  // base/activation_rounding.h
/// Bytes of weights that one register holds: 8 of a chunk's 16 lanes.
constexpr std::size_t kHalfBytes = 32;

/// Columns that share a weight scale; `row`: one scale a row, which is multiplied last.
enum class Spread { row, of64, of32 };

/// The 16 values of 4-bit codes, and what rounding took from them.
struct Tables {
  __m256i values;
  __m256i rest;
  bool has_rest;
};

struct RowBlock {
  const std::uint8_t* codes;
  std::size_t row_bytes;
  const float* scales;  // [rows, stride]
  std::size_t stride;
  std::size_t ahead;  // bytes from what is read to what is prefetched
};

/// The scales of the weights in the 8 lanes of half `half` of a row.
template <int kBits, Spread kSpread>
__m256 lane_scales(const float* scales, std::size_t half) {
  if constexpr (kBits == 8) return _mm256_set1_ps(scales[kSpread == Spread::of64 ? half / 2 : half]);
  if constexpr (kSpread == Spread::of64) return _mm256_set1_ps(scales[half]);
  return _mm256_set_m128(_mm_set1_ps(scales[half * 2 + 1]), _mm_set1_ps(scales[half * 2]));
}

/// Adds half `half` of a row, whose bytes are `bytes`; `pass` is the chunk of the activations that meets it.
template <class Step, int kBits, Spread kSpread>
inline __m256 add_half(__m256 total, __m256i bytes, const float* weight_scales, const LaneActivations& x,
                       std::size_t pass, std::size_t half, __m256i table, float factor) {
  constexpr std::size_t kCodes = kBits == 4 ? 128 : 64;
  const std::int8_t* codes = x.codes + pass * kCodes + half % 2 * kHalfBytes;
  __m256i products = _mm256_setzero_si256();
  if constexpr (kBits == 4) {
    const __m256i mask = _mm256_set1_epi8(15);
    const __m256i high = _mm256_shuffle_epi8(table, _mm256_and_si256(_mm256_srli_epi16(bytes, 4), mask));
    const __m256i low = _mm256_shuffle_epi8(table, _mm256_and_si256(bytes, mask));
    products = Step::signed_products(products, high, load32(codes));
    products = Step::signed_products(products, low, load32(codes + 64));
  } else {
    products = Step::signed_products(products, bytes, load32(codes));
  }
  __m256 scales = _mm256_loadu_ps(x.scales + pass * 16 + half % 2 * 8);
  if (factor != 1.0f) scales = _mm256_mul_ps(scales, _mm256_set1_ps(factor));
  if constexpr (kSpread != Spread::row) {
    scales = _mm256_mul_ps(scales, lane_scales<kBits, kSpread>(weight_scales, half));
  }
  return _mm256_fmadd_ps(_mm256_cvtepi32_ps(products), scales, total);
}

/// The bytes of a half that may lie at the end of a row; what is missing counts as code 0 and meets zero activations.
__m256i load_tail(const std::uint8_t* row, std::size_t row_bytes, std::size_t half) {
  const std::size_t at = half * kHalfBytes;
  if (at + kHalfBytes <= row_bytes) return load32(row + at);
  std::uint8_t bytes[kHalfBytes] = {};
  if (at < row_bytes) std::memcpy(bytes, row + at, row_bytes - at);
  return load32(bytes);
}

template <class Step, int kBits, Spread kSpread, std::size_t kCount>
void row_sums(const RowBlock& rows, const LaneActivations& x, const Tables& tables, float* sums) {
  __m256 totals[kCount];
  NIBBLE_UNROLL for (std::size_t r = 0; r < kCount; ++r) totals[r] = _mm256_setzero_ps();
  const std::size_t full = rows.row_bytes / kHalfBytes;
  for (std::size_t half = 0; half < full; ++half) {
    NIBBLE_UNROLL for (std::size_t r = 0; r < kCount; ++r) {
      const std::uint8_t* at = rows.codes + r * rows.row_bytes + half * kHalfBytes;
      _mm_prefetch(reinterpret_cast<const char*>(at + rows.ahead), _MM_HINT_T0);
      totals[r] = add_half<Step, kBits, kSpread>(totals[r], load32(at), rows.scales + r * rows.stride, x, half / 2,
                                                 half, tables.values, 1.0f);
    }
  }
  const auto add_tail = [&](std::size_t pass, std::size_t half, __m256i table, float factor) {
    for (std::size_t r = 0; r < kCount; ++r) {
      const __m256i bytes = load_tail(rows.codes + r * rows.row_bytes, rows.row_bytes, half);
      totals[r] =
          add_half<Step, kBits, kSpread>(totals[r], bytes, rows.scales + r * rows.stride, x, pass, half, table, factor);
    }
  };
  const std::size_t halves = (rows.row_bytes + kHalfBytes - 1) / kHalfBytes;
  if (halves > full) add_tail(full / 2, full, tables.values, 1.0f);
  for (std::size_t i = 0; i < x.second_passes; ++i) {
    const std::size_t first = x.places[i] * std::size_t{2};
    for (std::size_t half = first; half < smaller(first + 2, halves); ++half) {
      add_tail(x.chunks + i, half, tables.values, 1.0f);
      if (kBits == 4 && tables.has_rest) add_tail(x.places[i], half, tables.rest, kRestStep);
    }
  }
  NIBBLE_UNROLL for (std::size_t r = 0; r < kCount; ++r) sums[r] = sum_of(totals[r]);
}

float zero_point_sum(const float* scales, const float* zeros, const float* group_sums, std::size_t groups) {
  float sum = 0;
  for (std::size_t g = 0; g < groups; ++g) sum += scales[g] * zeros[g] * group_sums[g];
  return sum;
}

template <class Step, int kBits, Spread kSpread>
void lanes_strip(const GroupedWeights& w, std::size_t begin, std::size_t end, const LaneActivations* x,
                 std::size_t tokens, const float* bias, float* y, float* scratch) {
  const std::size_t row_bytes = kBits == 4 ? w.columns / 2 : w.columns;
  const std::size_t rows = end - begin;
  const std::size_t ahead = row_bytes * kLaneRows < kPrefetchAhead ? kPrefetchAhead : row_bytes * kLaneRows;
  const Tables tables{signed_table(w.map), signed_table(w.rest), w.has_rest};
  ScaleCursor cursor = scale_cursor(w, begin);
  const std::size_t groups = kSpread == Spread::row ? 1 : cursor.groups;
  if (kSpread == Spread::row) cursor.groups = 1;
  const std::size_t stride = kSpread == Spread::row ? 1 : (groups + kScalePad - 1) / kScalePad * kScalePad;
  float* scales = scratch;
  float* zeros = w.scales.zero_points != nullptr ? scratch + rows * stride : nullptr;
  float* temporary = scratch + 2 * rows * stride;
  for (std::size_t r = 0; r < rows; ++r, next_row(cursor, w.scales.block_size)) {
    load_group_scales(w, cursor, stride, scales + r * stride, zeros != nullptr ? zeros + r * stride : nullptr,
                      temporary);
  }
  for (std::size_t row = begin; row < end; row += kLaneRows) {
    const std::size_t count = smaller(kLaneRows, end - row);
    const std::size_t at = (row - begin) * stride;
    const RowBlock block{w.codes + row * row_bytes, row_bytes, scales + at, stride, ahead};
    for (std::size_t t = 0; t < tokens; ++t) {
      float sums[kLaneRows];
      if (count == kLaneRows) {
        row_sums<Step, kBits, kSpread, kLaneRows>(block, x[t], tables, sums);
      } else {
        for (std::size_t r = 0; r < count; ++r) {
          RowBlock one = block;
          one.codes += r * row_bytes;
          one.scales += r * stride;
          row_sums<Step, kBits, kSpread, 1>(one, x[t], tables, sums + r);
        }
      }
      for (std::size_t r = 0; r < count; ++r) {
        if constexpr (kSpread == Spread::row) sums[r] *= block.scales[r];
        if (zeros != nullptr) {
          sums[r] -= zero_point_sum(block.scales + r * stride, zeros + at + r * stride, x[t].group_sums, groups);
        }
        y[t * w.rows + row + r] = sums[r] + (bias != nullptr ? load_unaligned(bias, row + r) : 0.0f);
      }
    }
  }
}

template <class Step>
void lanes(const GroupedWeights& w, std::size_t begin, std::size_t end, const LaneActivations* x, std::size_t tokens,
           const float* bias, float* y, void* scratch) {
  auto* floats = static_cast<float*>(scratch);
  const bool four = w.bits == 4;
  if (w.scales.block_size == kEndless) {
    return (four ? lanes_strip<Step, 4, Spread::row> : lanes_strip<Step, 8, Spread::row>)(w, begin, end, x, tokens,
                                                                                          bias, y, floats);
  }
  if (w.group == 64) {
    return (four ? lanes_strip<Step, 4, Spread::of64> : lanes_strip<Step, 8, Spread::of64>)(w, begin, end, x, tokens,
                                                                                            bias, y, floats);
  }
  (four ? lanes_strip<Step, 4, Spread::of32> : lanes_strip<Step, 8, Spread::of32>)(w, begin, end, x, tokens, bias, y,
                                                                                   floats);
}

}  // namespace
}  // namespace nibble::linear

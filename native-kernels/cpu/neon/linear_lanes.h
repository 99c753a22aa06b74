#pragma once

// Decode: a few tokens against rows that are read once, straight from the stored codes, several rows at a time: they
// share what is loaded of the activations. Written once for every way to multiply bytes; each set's linear_kernels.cpp
// makes its own copy, of internal linkage.
//
// Step::dot(sums, w, x) adds 16 products of signed bytes to four int32, four neighbouring products each.

#include "cpu/neon/linear_neon.h"

namespace nibble::linear {

static constexpr std::size_t kLaneRows = 4;
/// Least distance of prefetching: about the latency of memory at the speed of memory.
static constexpr std::size_t kPrefetchAhead = 1024;
/// Bytes of weights in one vector: 4 of a chunk's 16 lanes.
static constexpr std::size_t kQuarterBytes = 16;

static constexpr float kRestStep = 1.0f / 254.0f;  // base/activation_rounding.h

/// The 16 values of 4-bit codes, and what rounding took from them.
struct LaneTables {
  int8x16_t values;
  int8x16_t rest;
  bool has_rest;
};

/// Rows that are multiplied together.
struct LaneRows {
  const std::uint8_t* codes;
  std::size_t row_bytes;
  const float* scales;  // [rows, stride]
  std::size_t stride;
  std::size_t ahead;  // bytes from what is read to what is prefetched
};

/// Adds quarter `quarter` of a row; `pass` is the chunk of the activations that meets it. kGroup 0: one scale a row,
/// which is multiplied last.
template <class Step, int kBits, std::size_t kGroup>
static inline float32x4_t add_quarter(float32x4_t total, uint8x16_t bytes, const float* weight_scales,
                                      const LaneActivations& x, std::size_t pass, std::size_t quarter, int8x16_t table,
                                      float factor) {
  constexpr std::size_t kCodes = kBits == 4 ? 128 : 64;
  constexpr std::size_t kColumns = kBits == 4 ? 32 : 16;
  const std::int8_t* codes = x.codes + pass * kCodes + quarter % 4 * kQuarterBytes;
  int32x4_t products = vdupq_n_s32(0);
  if constexpr (kBits == 4) {
    products = Step::dot(products, vqtbl1q_s8(table, vshrq_n_u8(bytes, 4)), vld1q_s8(codes));
    products = Step::dot(products, vqtbl1q_s8(table, vandq_u8(bytes, vdupq_n_u8(15))), vld1q_s8(codes + 64));
  } else {
    products = Step::dot(products, vreinterpretq_s8_u8(bytes), vld1q_s8(codes));
  }
  float32x4_t scales = vld1q_f32(x.scales + pass * 16 + quarter % 4 * 4);
  if (factor != 1.0f) scales = vmulq_n_f32(scales, factor);
  if constexpr (kGroup != 0) scales = vmulq_n_f32(scales, weight_scales[quarter * kColumns / kGroup]);
  return vfmaq_f32(total, vcvtq_f32_s32(products), scales);
}

/// The bytes of a quarter that may lie at the end of a row; what is missing counts as code 0 and meets zero
/// activations.
static inline uint8x16_t load_quarter(const std::uint8_t* row, std::size_t row_bytes, std::size_t quarter) {
  const std::size_t at = quarter * kQuarterBytes;
  if (at + kQuarterBytes <= row_bytes) return vld1q_u8(row + at);
  std::uint8_t bytes[kQuarterBytes] = {};
  if (at < row_bytes) std::memcpy(bytes, row + at, row_bytes - at);
  return vld1q_u8(bytes);
}

template <class Step, int kBits, std::size_t kGroup, std::size_t kCount>
static void lane_sums(const LaneRows& rows, const LaneActivations& x, const LaneTables& tables, float* sums) {
  float32x4_t totals[kCount];
  NIBBLE_UNROLL for (std::size_t r = 0; r < kCount; ++r) totals[r] = vdupq_n_f32(0);
  const std::size_t full = rows.row_bytes / kQuarterBytes;
  for (std::size_t quarter = 0; quarter < full; ++quarter) {
    NIBBLE_UNROLL for (std::size_t r = 0; r < kCount; ++r) {
      const std::uint8_t* at = rows.codes + r * rows.row_bytes + quarter * kQuarterBytes;
      if (quarter % 4 == 0) prefetch(at + rows.ahead);
      totals[r] = add_quarter<Step, kBits, kGroup>(totals[r], vld1q_u8(at), rows.scales + r * rows.stride, x,
                                                   quarter / 4, quarter, tables.values, 1.0f);
    }
  }
  const auto add_tail = [&](std::size_t pass, std::size_t quarter, int8x16_t table, float factor) {
    for (std::size_t r = 0; r < kCount; ++r) {
      const uint8x16_t bytes = load_quarter(rows.codes + r * rows.row_bytes, rows.row_bytes, quarter);
      totals[r] = add_quarter<Step, kBits, kGroup>(totals[r], bytes, rows.scales + r * rows.stride, x, pass, quarter,
                                                   table, factor);
    }
  };
  const std::size_t quarters = (rows.row_bytes + kQuarterBytes - 1) / kQuarterBytes;
  if (quarters > full) add_tail(full / 4, full, tables.values, 1.0f);
  for (std::size_t i = 0; i < x.second_passes; ++i) {
    const std::size_t first = x.places[i] * std::size_t{4};
    for (std::size_t quarter = first; quarter < smaller(first + 4, quarters); ++quarter) {
      add_tail(x.chunks + i, quarter, tables.values, 1.0f);
      if (kBits == 4 && tables.has_rest) add_tail(x.places[i], quarter, tables.rest, kRestStep);
    }
  }
  NIBBLE_UNROLL for (std::size_t r = 0; r < kCount; ++r) sums[r] = vaddvq_f32(totals[r]);
}

static inline float zero_point_sum(const float* scales, const float* zeros, const float* group_sums,
                                   std::size_t groups) {
  float sum = 0;
  for (std::size_t g = 0; g < groups; ++g) sum += scales[g] * zeros[g] * group_sums[g];
  return sum;
}

template <class Step, int kBits, std::size_t kGroup>
static void lanes_strip(const GroupedWeights& w, std::size_t begin, std::size_t end, const LaneActivations* x,
                        std::size_t tokens, const float* bias, float* y, float* scratch) {
  const std::size_t row_bytes = kBits == 4 ? w.columns / 2 : w.columns;
  const std::size_t rows = end - begin;
  const std::size_t ahead = row_bytes * kLaneRows < kPrefetchAhead ? kPrefetchAhead : row_bytes * kLaneRows;
  const LaneTables tables{vld1q_s8(w.map), vld1q_s8(w.rest), w.has_rest};
  ScaleCursor cursor = scale_cursor(w, begin);
  if (kGroup == 0) cursor.groups = 1;
  const std::size_t groups = cursor.groups;
  const std::size_t stride = kGroup == 0 ? 1 : (groups + kScalePad - 1) / kScalePad * kScalePad;
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
    const LaneRows block{w.codes + row * row_bytes, row_bytes, scales + at, stride, ahead};
    for (std::size_t t = 0; t < tokens; ++t) {
      float sums[kLaneRows];
      if (count == kLaneRows) {
        lane_sums<Step, kBits, kGroup, kLaneRows>(block, x[t], tables, sums);
      } else {
        for (std::size_t r = 0; r < count; ++r) {
          LaneRows one = block;
          one.codes += r * row_bytes;
          one.scales += r * stride;
          lane_sums<Step, kBits, kGroup, 1>(one, x[t], tables, sums + r);
        }
      }
      for (std::size_t r = 0; r < count; ++r) {
        if constexpr (kGroup == 0) sums[r] *= block.scales[r];
        if (zeros != nullptr) {
          sums[r] -= zero_point_sum(block.scales + r * stride, zeros + at + r * stride, x[t].group_sums, groups);
        }
        y[t * w.rows + row + r] = sums[r] + (bias != nullptr ? load_unaligned(bias, row + r) : 0.0f);
      }
    }
  }
}

template <class Step>
static void lanes(const GroupedWeights& w, std::size_t begin, std::size_t end, const LaneActivations* x,
                  std::size_t tokens, const float* bias, float* y, void* scratch) {
  auto* floats = static_cast<float*>(scratch);
  const bool four = w.bits == 4;
  if (w.scales.block_size == kEndless) {
    return (four ? lanes_strip<Step, 4, 0> : lanes_strip<Step, 8, 0>)(w, begin, end, x, tokens, bias, y, floats);
  }
  if (w.group == 64) {
    return (four ? lanes_strip<Step, 4, 64> : lanes_strip<Step, 8, 64>)(w, begin, end, x, tokens, bias, y, floats);
  }
  (four ? lanes_strip<Step, 4, 32> : lanes_strip<Step, 8, 32>)(w, begin, end, x, tokens, bias, y, floats);
}

}  // namespace nibble::linear

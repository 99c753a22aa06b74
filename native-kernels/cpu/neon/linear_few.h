#pragma once

// Decode: a few tokens against rows that are read once, straight from the stored codes. Written once for every way to
// multiply bytes; each set's linear_kernels.cpp makes its own copy, of internal linkage.
//
// Step::dot(sums, w, x) adds 16 products of signed bytes to four int32, four products each, in any order.

#include "cpu/neon/linear_neon.h"

namespace nibble::linear {

/// Bytes ahead of the current one that are fetched: about the latency of memory at the speed of memory.
static constexpr std::size_t kPrefetchAhead = 1024;
static constexpr std::size_t kMostTokens = 4;

/// One half times one token, scaled: total += products * scales of the half's groups.
/// @param scales of the token and row combined, [groups]
template <class Step, int kBits, int kGroup>
static inline float32x4_t add_half(float32x4_t total, const Half& w, const std::int8_t* x, const float* scales,
                                   std::size_t half) {
  constexpr std::size_t kGroups = 64 / kGroup;
  int32x4_t sums[kGroups];
  NIBBLE_UNROLL for (std::size_t g = 0; g < kGroups; ++g) sums[g] = vdupq_n_s32(0);
  NIBBLE_UNROLL for (std::size_t i = 0; i < kHalfVectors; ++i) {
    const std::size_t g = kGroups == 1 ? 0 : group_of_vector<kBits>(i);
    sums[g] = Step::dot(sums[g], w.v[i], vld1q_s8(x + vector_offset<kBits>(half, i)));
  }
  NIBBLE_UNROLL for (std::size_t g = 0; g < kGroups; ++g) {
    total = vfmaq_n_f32(total, vcvtq_f32_s32(sums[g]), scales[half * kGroups + g]);
  }
  return total;
}

template <class Step, int kBits, int kGroup, int kTokens>
static void row_dots(const std::uint8_t* row, std::size_t row_bytes, int8x16_t table, const Int8Activations& x,
                     std::size_t token, const float* combined, float* sums) {
  float32x4_t totals[kTokens];
  NIBBLE_UNROLL for (int t = 0; t < kTokens; ++t) totals[t] = vdupq_n_f32(0);
  const auto step = [&](std::size_t half, const Half& w) {
    NIBBLE_UNROLL for (int t = 0; t < kTokens; ++t) {
      const std::size_t at = token + static_cast<std::size_t>(t);
      totals[t] = add_half<Step, kBits, kGroup>(totals[t], w, x.codes + at * x.code_stride,
                                                combined + static_cast<std::size_t>(t) * x.scale_stride, half);
    }
  };
  const std::size_t halves = row_bytes / kHalfBytes<kBits>;
  for (std::size_t half = 0; half < halves; ++half) {
    const std::uint8_t* p = row + half * kHalfBytes<kBits>;
    prefetch(p + kPrefetchAhead);
    step(half, decode_half<kBits>(p, table));
  }
  const std::size_t left = row_bytes % kHalfBytes<kBits>;
  if (left > 0) step(halves, decode_tail<kBits>(row + halves * kHalfBytes<kBits>, left, table));
  NIBBLE_UNROLL for (int t = 0; t < kTokens; ++t) sums[t] = vaddvq_f32(totals[t]);
}

/// combined = weight scale * activation scale; returns what the zero points contribute (offset_factor is -1 then).
static inline float combine(const float* scales, const float* zeros, const Int8Activations& x, std::size_t token,
                            float* combined) {
  const float* token_scales = x.scales + token * x.scale_stride;
  const std::int32_t* offsets = x.offsets + token * x.scale_stride;
  float32x4_t correction = vdupq_n_f32(0);
  for (std::size_t g = 0; g < x.scale_stride; g += 4) {
    const float32x4_t both = vmulq_f32(vld1q_f32(scales + g), vld1q_f32(token_scales + g));
    vst1q_f32(combined + g, both);
    if (zeros != nullptr) {
      const float32x4_t shift = vmulq_f32(both, vld1q_f32(zeros + g));
      correction = vfmaq_f32(correction, shift, vcvtq_f32_s32(vld1q_s32(offsets + g)));
    }
  }
  return zeros != nullptr ? vaddvq_f32(correction) : 0;
}

template <class Step, int kBits, int kGroup>
static void few_strip(const GroupedWeights& w, std::size_t begin, std::size_t end, const Int8Activations& x,
                      const float* bias, float* y, float* scratch) {
  const std::size_t row_bytes = kBits == 4 ? w.columns / 2 : w.columns;
  float* scales = scratch;
  float* zeros = w.scales.zero_points != nullptr ? scratch + x.scale_stride : nullptr;
  float* temporary = scratch + 2 * x.scale_stride;
  float* combined = scratch + 4 * x.scale_stride;
  const int8x16_t table = vld1q_s8(w.map);
  ScaleCursor cursor = scale_cursor(w, begin);
  for (std::size_t row = begin; row < end; ++row, next_row(cursor, w.scales.block_size)) {
    load_group_scales(w, cursor, x.scale_stride, scales, zeros, temporary);
    const float start = bias != nullptr ? load_unaligned(bias, row) : 0;
    const std::uint8_t* codes = w.codes + row * row_bytes;
    for (std::size_t token = 0; token < x.tokens;) {
      const std::size_t count = smaller(kMostTokens, x.tokens - token);
      float sums[kMostTokens];
      float corrections[kMostTokens];
      for (std::size_t t = 0; t < count; ++t) {
        corrections[t] = combine(scales, zeros, x, token + t, combined + t * x.scale_stride);
      }
      switch (count) {
        case 1:
          row_dots<Step, kBits, kGroup, 1>(codes, row_bytes, table, x, token, combined, sums);
          break;
        case 2:
          row_dots<Step, kBits, kGroup, 2>(codes, row_bytes, table, x, token, combined, sums);
          break;
        case 3:
          row_dots<Step, kBits, kGroup, 3>(codes, row_bytes, table, x, token, combined, sums);
          break;
        default:
          row_dots<Step, kBits, kGroup, 4>(codes, row_bytes, table, x, token, combined, sums);
      }
      for (std::size_t t = 0; t < count; ++t) y[(token + t) * w.rows + row] = sums[t] + corrections[t] + start;
      token += count;
    }
  }
}

template <class Step>
static void grouped_few(const GroupedWeights& w, std::size_t begin, std::size_t end, const Int8Activations& x,
                        const float* bias, float* y, void* scratch) {
  auto* floats = static_cast<float*>(scratch);
  if (w.bits == 4) {
    w.group == 64 ? few_strip<Step, 4, 64>(w, begin, end, x, bias, y, floats)
                  : few_strip<Step, 4, 32>(w, begin, end, x, bias, y, floats);
  } else {
    w.group == 64 ? few_strip<Step, 8, 64>(w, begin, end, x, bias, y, floats)
                  : few_strip<Step, 8, 32>(w, begin, end, x, bias, y, floats);
  }
}

}  // namespace nibble::linear

#pragma once

// Prefill: a strip of rows is decoded once to signed bytes, eight rows by eight, in the order in which a set's
// instruction multiplies them, then used for all tokens, four at a time. Sums over a group of columns are exact
// integers in eight registers; only then they are scaled.
//
// A Step says how 8 rows x 4 tokens lie in eight registers of four int32:
//   interleave(rows, out)   16 columns of eight rows into 128 bytes
//   multiply(sums, w, x)    adds the products of those with 16 columns of four tokens
//   rows(i, eight), tokens(i, four)   what belongs to the lanes of register i
//   untangle(totals, quads)   to [2 quads of rows][4 tokens], four rows a register

#include "cpu/neon/linear_neon.h"

namespace nibble::linear {

static constexpr std::size_t kRows = 8;
static constexpr std::size_t kTokens = 4;
static constexpr std::size_t kRegisters = kRows * kTokens / 4;
static constexpr std::size_t kVectorTile = kRows * 16;                // bytes of 16 columns of a tile
static constexpr std::size_t kHalfTile = kHalfVectors * kVectorTile;  // bytes of 64 columns

/// A value of each of eight rows.
struct Eight {
  float32x4_t low;
  float32x4_t high;
};

/// Decodes the rows of a tile to [half][vector][128 bytes]; rows from `end` on become zeros.
template <class Step, int kBits>
static void decode_tile(const GroupedWeights& w, std::size_t begin, std::size_t end, int8x16_t table,
                        std::int8_t* out) {
  const std::size_t row_bytes = kBits == 4 ? w.columns / 2 : w.columns;
  for (std::size_t at = 0; at < row_bytes; at += kHalfBytes<kBits>, out += kHalfTile) {
    const std::size_t left = row_bytes - at;
    Half halves[kRows];
    for (std::size_t r = 0; r < kRows; ++r) {
      const std::uint8_t* p = w.codes + (begin + r) * row_bytes + at;
      if (begin + r >= end) {
        for (int8x16_t& v : halves[r].v) v = vdupq_n_s8(0);
      } else {
        halves[r] = left < kHalfBytes<kBits> ? decode_tail<kBits>(p, left, table) : decode_half<kBits>(p, table);
      }
    }
    NIBBLE_UNROLL for (std::size_t i = 0; i < kHalfVectors; ++i) {
      int8x16_t rows[kRows];
      NIBBLE_UNROLL for (std::size_t r = 0; r < kRows; ++r) rows[r] = halves[r].v[i];
      Step::interleave(rows, out + i * kVectorTile);
    }
  }
}

struct Tile {
  const std::int8_t* codes;   // [halves][4 vectors][128 bytes]
  const float* scales;        // [groups][8 rows]
  const std::int32_t* zeros;  // [groups][8 rows]; null without zero points
  std::size_t halves;
};

/// Four tokens; where there are fewer, the last stands for the missing ones and its results are dropped.
struct Four {
  const std::int8_t* codes[kTokens];
  const float* scales[kTokens];
  const std::int32_t* offsets[kTokens];
};

static inline Four four_of(const Int8Activations& x, std::size_t token) {
  Four four{};
  for (std::size_t t = 0; t < kTokens; ++t) {
    const std::size_t at = smaller(token + t, x.tokens - 1);
    four.codes[t] = x.codes + at * x.code_stride;
    four.scales[t] = x.scales + at * x.scale_stride;
    four.offsets[t] = x.offsets + at * x.scale_stride;
  }
  return four;
}

/// A tile times four tokens, in the order of Step::untangle.
template <class Step, int kBits, int kGroup, bool kZeros>
static void multiply_tile(const Tile& tile, const Four& x, float32x4_t (&quads)[2][kTokens]) {
  constexpr std::size_t kGroups = 64 / kGroup;
  float32x4_t totals[kRegisters];
  NIBBLE_UNROLL for (std::size_t i = 0; i < kRegisters; ++i) totals[i] = vdupq_n_f32(0);
  for (std::size_t half = 0; half < tile.halves; ++half) {
    const std::int8_t* w = tile.codes + half * kHalfTile;
    NIBBLE_UNROLL for (std::size_t g = 0; g < kGroups; ++g) {
      const std::size_t group = half * kGroups + g;
      int32x4_t sums[kRegisters];
      if constexpr (kZeros) {
        // Whole numbers below 2^24: exact as float32.
        const Eight zeros{vcvtq_f32_s32(vld1q_s32(tile.zeros + group * kRows)),
                          vcvtq_f32_s32(vld1q_s32(tile.zeros + group * kRows + 4))};
        const float offsets[kTokens] = {
            static_cast<float>(x.offsets[0][group]), static_cast<float>(x.offsets[1][group]),
            static_cast<float>(x.offsets[2][group]), static_cast<float>(x.offsets[3][group])};
        const float32x4_t tokens = vld1q_f32(offsets);
        NIBBLE_UNROLL for (std::size_t i = 0; i < kRegisters; ++i) {
          sums[i] = vcvtq_s32_f32(vmulq_f32(Step::rows(i, zeros), Step::tokens(i, tokens)));
        }
      } else {
        NIBBLE_UNROLL for (std::size_t i = 0; i < kRegisters; ++i) sums[i] = vdupq_n_s32(0);
      }
      NIBBLE_UNROLL for (std::size_t i = 0; i < kHalfVectors; ++i) {
        if (kGroups > 1 && group_of_vector<kBits>(i) != g) continue;
        int8x16_t tokens[kTokens];
        NIBBLE_UNROLL for (std::size_t t = 0; t < kTokens; ++t) {
          tokens[t] = vld1q_s8(x.codes[t] + vector_offset<kBits>(half, i));
        }
        Step::multiply(sums, w + i * kVectorTile, tokens);
      }
      const Eight rows{vld1q_f32(tile.scales + group * kRows), vld1q_f32(tile.scales + group * kRows + 4)};
      const float scales[kTokens] = {x.scales[0][group], x.scales[1][group], x.scales[2][group], x.scales[3][group]};
      const float32x4_t tokens = vld1q_f32(scales);
      NIBBLE_UNROLL for (std::size_t i = 0; i < kRegisters; ++i) {
        const float32x4_t both = vmulq_f32(Step::rows(i, rows), Step::tokens(i, tokens));
        totals[i] = vfmaq_f32(totals[i], vcvtq_f32_s32(sums[i]), both);
      }
    }
  }
  Step::untangle(totals, quads);
}

template <class Step, int kBits, int kGroup, bool kZeros>
static void many_strip(const GroupedWeights& w, std::size_t begin, std::size_t end, const Int8Activations& x,
                       const float* bias, float* y, void* scratch) {
  const std::size_t halves = (w.columns + 63) / 64;
  const int8x16_t table = vld1q_s8(w.map);
  const DecodedStrip strip = decode_strip<kRows, kZeros>(
      w, begin, end, x, 0, scratch,
      [&](std::size_t first, std::uint8_t* to) {
        decode_tile<Step, kBits>(w, first, end, table, reinterpret_cast<std::int8_t*>(to));
      },
      load_group_scales, transpose_scales<kRows>);
  // Activations in the outer loop: four tokens stay in L1 while the strip passes from L2.
  for (std::size_t token = 0; token < x.tokens; token += kTokens) {
    const Four four = four_of(x, token);
    const std::size_t tokens = smaller(kTokens, x.tokens - token);
    for (std::size_t tile = 0; tile < strip.tiles; ++tile) {
      const std::size_t first = begin + tile * kRows;
      const Tile decoded{reinterpret_cast<const std::int8_t*>(strip.bytes) + tile * strip.tile_bytes,
                         strip.scales + tile * strip.tile_scales,
                         kZeros ? strip.zeros + tile * strip.tile_scales : nullptr, halves};
      float32x4_t quads[2][kTokens];
      multiply_tile<Step, kBits, kGroup, kZeros>(decoded, four, quads);
      float out[kTokens][kRows];
      for (std::size_t t = 0; t < kTokens; ++t) {
        vst1q_f32(out[t], quads[0][t]);
        vst1q_f32(out[t] + 4, quads[1][t]);
      }
      store_tile(out, tokens, smaller(kRows, end - first), bias, first, y + token * w.rows, w.rows);
    }
  }
}

template <class Step, int kBits, int kGroup>
static void many_strip(const GroupedWeights& w, std::size_t begin, std::size_t end, const Int8Activations& x,
                       const float* bias, float* y, void* scratch) {
  w.scales.zero_points != nullptr ? many_strip<Step, kBits, kGroup, true>(w, begin, end, x, bias, y, scratch)
                                  : many_strip<Step, kBits, kGroup, false>(w, begin, end, x, bias, y, scratch);
}

template <class Step>
static void grouped_many(const GroupedWeights& w, std::size_t begin, std::size_t end, const Int8Activations& x,
                         const float* bias, float* y, void* scratch) {
  if (w.bits == 4) {
    w.group == 64 ? many_strip<Step, 4, 64>(w, begin, end, x, bias, y, scratch)
                  : many_strip<Step, 4, 32>(w, begin, end, x, bias, y, scratch);
  } else {
    w.group == 64 ? many_strip<Step, 8, 64>(w, begin, end, x, bias, y, scratch)
                  : many_strip<Step, 8, 32>(w, begin, end, x, bias, y, scratch);
  }
}

namespace {

/// The order of Steps whose registers hold four rows of one token: a dword of four columns is followed by that of the
/// next row. Register 4 q + t: rows 4 q to 4 q + 3, token t.
struct RowQuads {
  static inline void interleave(const int8x16_t (&rows)[kRows], std::int8_t* out) {
    NIBBLE_UNROLL for (std::size_t q = 0; q < 2; ++q) {
      const int32x4_t a = vreinterpretq_s32_s8(rows[4 * q]);
      const int32x4_t b = vreinterpretq_s32_s8(rows[4 * q + 1]);
      const int32x4_t c = vreinterpretq_s32_s8(rows[4 * q + 2]);
      const int32x4_t d = vreinterpretq_s32_s8(rows[4 * q + 3]);
      const int64x2_t ab02 = vreinterpretq_s64_s32(vtrn1q_s32(a, b));
      const int64x2_t ab13 = vreinterpretq_s64_s32(vtrn2q_s32(a, b));
      const int64x2_t cd02 = vreinterpretq_s64_s32(vtrn1q_s32(c, d));
      const int64x2_t cd13 = vreinterpretq_s64_s32(vtrn2q_s32(c, d));
      vst1q_s8(out + 16 * q, vreinterpretq_s8_s64(vtrn1q_s64(ab02, cd02)));
      vst1q_s8(out + 16 * q + 32, vreinterpretq_s8_s64(vtrn1q_s64(ab13, cd13)));
      vst1q_s8(out + 16 * q + 64, vreinterpretq_s8_s64(vtrn2q_s64(ab02, cd02)));
      vst1q_s8(out + 16 * q + 96, vreinterpretq_s8_s64(vtrn2q_s64(ab13, cd13)));
    }
  }
  static inline float32x4_t rows(std::size_t i, const Eight& eight) { return i < kTokens ? eight.low : eight.high; }
  static inline float32x4_t tokens(std::size_t i, float32x4_t four) {
    switch (i % kTokens) {
      case 0:
        return vdupq_laneq_f32(four, 0);
      case 1:
        return vdupq_laneq_f32(four, 1);
      case 2:
        return vdupq_laneq_f32(four, 2);
      default:
        return vdupq_laneq_f32(four, 3);
    }
  }
  static inline void untangle(const float32x4_t (&totals)[kRegisters], float32x4_t (&quads)[2][kTokens]) {
    NIBBLE_UNROLL for (std::size_t i = 0; i < kRegisters; ++i) quads[i / kTokens][i % kTokens] = totals[i];
  }
};

}  // namespace

}  // namespace nibble::linear

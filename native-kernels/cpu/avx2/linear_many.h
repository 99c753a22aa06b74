#pragma once

// Prefill: a strip of rows is decoded once to bytes, transposed to [dword of columns][rows of a tile], then multiplied
// with all tokens, eight products at a time: one weight register holds four columns of eight rows and meets one token's
// four activations, broadcast from memory. Sums over a group of columns are exact integers; only then they are scaled.
//
// A Step says how:
//   kRegisters   weight registers of a tile (8 rows each); a pass takes 8 / kRegisters tokens
//   kUnroll      whether the dwords of a group are written out: else GCC copies every sum that dpbusd overwrites, but
//   the
//                longer steps of AVX2 are slower that way (measured)
//   kUnsigned    true when decoded weights are stored plus 128, which the start values of the sums take back
//   products(sums, w, x)   adds 32 products to 8 dwords, four each

#include "cpu/avx2/linear_avx2.h"

namespace nibble::linear {

static constexpr std::size_t kDwords = 16;                   // of a row in 64 columns
static constexpr std::size_t kBlockDword = 4 * kTokenBlock;  // bytes of one dword of a packed block's tokens
static constexpr std::size_t kBlockChunk = kDwords * kBlockDword;

/// Transposes 8 registers of 8 dwords and stores them `stride` bytes apart.
static inline void store_transposed(const __m256i (&r)[8], std::uint8_t* out, std::size_t stride) {
  __m256i s[8];
  NIBBLE_UNROLL for (int i = 0; i < 8; i += 2) {
    s[i] = _mm256_unpacklo_epi32(r[i], r[i + 1]);
    s[i + 1] = _mm256_unpackhi_epi32(r[i], r[i + 1]);
  }
  __m256i q[8];
  NIBBLE_UNROLL for (int i = 0; i < 8; i += 4) {
    q[i] = _mm256_unpacklo_epi64(s[i], s[i + 2]);
    q[i + 1] = _mm256_unpackhi_epi64(s[i], s[i + 2]);
    q[i + 2] = _mm256_unpacklo_epi64(s[i + 1], s[i + 3]);
    q[i + 3] = _mm256_unpackhi_epi64(s[i + 1], s[i + 3]);
  }
  // q[4 h + j], 128-bit lane l: dword 4 l + j of rows 4 h to 4 h + 3.
  NIBBLE_UNROLL for (std::size_t j = 0; j < 4; ++j) {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(out + j * stride), _mm256_permute2x128_si256(q[j], q[4 + j], 0x20));
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(out + (4 + j) * stride),
                        _mm256_permute2x128_si256(q[j], q[4 + j], 0x31));
  }
}

template <class Step>
static constexpr std::size_t kStepRows = 8 * Step::kRegisters;
template <class Step>
static constexpr std::size_t kStepTokens = 8 / Step::kRegisters;

/// Decodes the rows of a tile to [halves][16 dwords][rows][4]; rows from `end` on become zero products.
/// 4-bit: dwords 0-7 of 64 columns are the even ones, 8-15 the odd ones.
template <class Step, int kBits>
static void decode_tile(const GroupedWeights& w, std::size_t begin, std::size_t end, __m256i table, std::uint8_t* out) {
  constexpr std::size_t kBytes = kBits == 4 ? 32 : 64;
  constexpr std::size_t kStride = 4 * kStepRows<Step>;
  const std::size_t row_bytes = kBits == 4 ? w.columns / 2 : w.columns;
  const __m256i flip = _mm256_set1_epi8(static_cast<char>(Step::kUnsigned ? 0x80 : 0));
  for (std::size_t at = 0; at < row_bytes; at += kBytes, out += kDwords * kStride) {
    const std::size_t left = row_bytes - at;
    for (std::size_t eight = 0; eight < Step::kRegisters; ++eight) {
      __m256i a[8];
      __m256i b[8];
      for (std::size_t r = 0; r < 8; ++r) {
        const std::size_t row = begin + 8 * eight + r;
        const std::uint8_t* p = w.codes + row * row_bytes + at;
        Half half{_mm256_setzero_si256(), _mm256_setzero_si256()};
        if (row < end) half = left < kBytes ? decode_tail<kBits>(p, left, table) : decode_half<kBits>(p, table);
        a[r] = _mm256_xor_si256(half.a, flip);
        b[r] = _mm256_xor_si256(half.b, flip);
      }
      store_transposed(a, out + 32 * eight, kStride);
      store_transposed(b, out + 32 * eight + 8 * kStride, kStride);
    }
  }
}

struct Tile {
  const std::uint8_t* bytes;  // [halves][16 dwords][rows][4]
  const float* scales;        // [groups][rows]
  const std::int32_t* zeros;  // [groups][rows], what the offsets are multiplied by; null without zero points
  std::size_t halves;
};

/// A pass's tokens within a packed block.
struct Tokens {
  const std::int8_t* codes;
  const float* scales;
  const std::int32_t* offsets;
};

/// One tile times the tokens of a pass; y [tokens][8 rows of each register].
template <class Step, int kBits, int kGroup, bool kZeros>
static void multiply_tile(const Tile& tile, const Tokens& x, float (*y)[kStepRows<Step>]) {
  constexpr int kR = Step::kRegisters;
  constexpr int kT = kStepTokens<Step>;
  constexpr int kGroups = 64 / kGroup;
  constexpr std::size_t kRows = kStepRows<Step>;
  __m256 totals[kR][kT];
  NIBBLE_UNROLL for (int r = 0; r < kR; ++r) {
    NIBBLE_UNROLL for (int t = 0; t < kT; ++t) totals[r][t] = _mm256_setzero_ps();
  }
  for (std::size_t half = 0; half < tile.halves; ++half) {
    const std::int8_t* codes = x.codes + half * kBlockChunk;
    const std::uint8_t* bytes = tile.bytes + half * kDwords * kRows * 4;
    NIBBLE_UNROLL for (int g = 0; g < kGroups; ++g) {
      const std::size_t group = half * kGroups + static_cast<std::size_t>(g);
      __m256i sums[kR][kT];
      NIBBLE_UNROLL for (int t = 0; t < kT; ++t) {
        const __m256i offset = _mm256_set1_epi32(x.offsets[group * kTokenBlock + static_cast<std::size_t>(t)]);
        NIBBLE_UNROLL for (int r = 0; r < kR; ++r) {
          if constexpr (kZeros) {
            sums[r][t] = _mm256_mullo_epi32(offset, load32(tile.zeros + group * kRows + 8 * r));
          } else {
            sums[r][t] = Step::kUnsigned ? offset : _mm256_setzero_si256();
          }
        }
      }
      const auto dword = [&](int i) {
        __m256i w[kR];
        NIBBLE_UNROLL for (int r = 0; r < kR; ++r) w[r] =
            load32(bytes + static_cast<std::size_t>(i) * kRows * 4 + 32 * r);
        NIBBLE_UNROLL for (int t = 0; t < kT; ++t) {
          const __m256i four = _mm256_set1_epi32(load_dword(codes + static_cast<std::size_t>(i) * kBlockDword + 4 * t));
          NIBBLE_UNROLL for (int r = 0; r < kR; ++r) sums[r][t] = Step::products(sums[r][t], w[r], four);
        }
      };
      // The dwords of a group are one run, or two in 4-bit weights with groups of 32.
      constexpr int kRuns = kGroups == 2 && kBits == 4 ? 2 : 1;
      constexpr int kRun = static_cast<int>(kDwords) / kGroups / kRuns;
      for (int run = 0; run < kRuns; ++run) {
        const int begin = run * 8 + g * kRun;
        if constexpr (Step::kUnroll) {
          NIBBLE_UNROLL for (int i = begin; i < begin + kRun; ++i) dword(i);
        } else {
          for (int i = begin; i < begin + kRun; ++i) dword(i);
        }
      }
      NIBBLE_UNROLL for (int r = 0; r < kR; ++r) {
        const __m256 rows = _mm256_loadu_ps(tile.scales + group * kRows + 8 * r);
        NIBBLE_UNROLL for (int t = 0; t < kT; ++t) {
          const __m256 token = _mm256_set1_ps(x.scales[group * kTokenBlock + static_cast<std::size_t>(t)]);
          totals[r][t] = _mm256_fmadd_ps(_mm256_cvtepi32_ps(sums[r][t]), _mm256_mul_ps(rows, token), totals[r][t]);
        }
      }
    }
  }
  NIBBLE_UNROLL for (int t = 0; t < kT; ++t) {
    NIBBLE_UNROLL for (int r = 0; r < kR; ++r) _mm256_storeu_ps(y[t] + 8 * r, totals[r][t]);
  }
}

template <class Step, int kBits, int kGroup, bool kZeros>
static void many_strip(const GroupedWeights& w, std::size_t begin, std::size_t end, const Int8Activations& x,
                       const float* bias, float* y, void* scratch) {
  constexpr std::size_t kRows = kStepRows<Step>;
  constexpr std::size_t kTokens = kStepTokens<Step>;
  const std::size_t halves = (w.columns + 63) / 64;
  const __m256i table = signed_table(w.map);
  const DecodedStrip strip = decode_strip<kRows, kZeros>(
      w, begin, end, x, Step::kUnsigned ? 128 : 0, scratch,
      [&](std::size_t first, std::uint8_t* to) { decode_tile<Step, kBits>(w, first, end, table, to); },
      load_group_scales, transpose_scales<kRows>);
  // Activations in the outer loop: a pass's tokens stay in L1 while the strip passes from L2.
  for (std::size_t token = 0; token < x.tokens; token += kTokens) {
    const std::size_t block = token / kTokenBlock * kTokenBlock;
    const std::size_t inside = token % kTokenBlock;
    const Tokens tokens{x.codes + block * x.code_stride + 4 * inside, x.scales + block * x.scale_stride + inside,
                        x.offsets + block * x.scale_stride + inside};
    const std::size_t count = smaller(kTokens, x.tokens - token);
    for (std::size_t tile = 0; tile < strip.tiles; ++tile) {
      const std::size_t first = begin + tile * kRows;
      const Tile decoded{strip.bytes + tile * strip.tile_bytes, strip.scales + tile * strip.tile_scales,
                         kZeros ? strip.zeros + tile * strip.tile_scales : nullptr, halves};
      float out[kTokens][kRows];
      multiply_tile<Step, kBits, kGroup, kZeros>(decoded, tokens, out);
      store_tile(out, count, smaller(kRows, end - first), bias, first, y + token * w.rows, w.rows);
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

}  // namespace nibble::linear

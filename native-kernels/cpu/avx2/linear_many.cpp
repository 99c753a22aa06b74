// Prefill: a strip of rows is decoded once to signed bytes, then multiplied with all tokens, two rows by two tokens at
// a time: each loaded register of weights or activations is used twice.

#include "cpu/avx2/linear_avx2.h"
#include "cpu/avx2/linear_table.h"

namespace nibble::linear::avx2 {
namespace {

/// A strip in scratch (see strip_scratch). Rows are halves of 64 bytes, a then b (struct Half).
struct Strip {
  std::uint8_t* bytes;  // [rows, code_stride]
  float* scales;        // [rows, scale_stride]
  float* zeros;         // [rows, scale_stride]
  float* combined;      // [2 rows, 2 tokens, scale_stride]
};

Strip strip_of(void* scratch, std::size_t rows, const Int8Activations& x) {
  auto* bytes = static_cast<std::uint8_t*>(scratch);
  auto* scales = reinterpret_cast<float*>(bytes + rows * x.code_stride);
  float* zeros = scales + rows * x.scale_stride;
  return {bytes, scales, zeros, zeros + rows * x.scale_stride};
}

template <int kBits>
void decode_row(const std::uint8_t* row, std::size_t row_bytes, __m256i table, std::uint8_t* out) {
  constexpr std::size_t kHalfBytes = kBits == 4 ? 32 : 64;
  const auto store = [&](std::size_t half, const Half& w) {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(out + half * 64), w.a);
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(out + half * 64 + 32), w.b);
  };
  const std::size_t halves = row_bytes / kHalfBytes;
  for (std::size_t half = 0; half < halves; ++half) store(half, decode_half<kBits>(row + half * kHalfBytes, table));
  const std::size_t left = row_bytes % kHalfBytes;
  if (left > 0) store(halves, decode_tail<kBits>(row + halves * kHalfBytes, left, table));
}

struct Pairs {
  const std::uint8_t* rows[2];
  const std::int8_t* tokens[2];
  const float* combined;  // [2 rows, 2 tokens, scale_stride]
};

/// kRows x kTokens products scaled by group; sums [row][token].
template <int kBits, int kGroup, int kRows, int kTokens>
void multiply(const Pairs& p, std::size_t halves, std::size_t scale_stride, float sums[2][2]) {
  __m256 totals[kRows][kTokens];
  NIBBLE_UNROLL for (int r = 0; r < kRows; ++r) {
    NIBBLE_UNROLL for (int t = 0; t < kTokens; ++t) totals[r][t] = _mm256_setzero_ps();
  }
  for (std::size_t half = 0; half < halves; ++half) {
    NIBBLE_UNROLL for (int r = 0; r < kRows; ++r) {
      const Half w{load32(p.rows[r] + half * 64), load32(p.rows[r] + half * 64 + 32)};
      const Half magnitude{_mm256_abs_epi8(w.a), _mm256_abs_epi8(w.b)};
      NIBBLE_UNROLL for (int t = 0; t < kTokens; ++t) {
        totals[r][t] = add_half<kBits, kGroup>(totals[r][t], w, magnitude, p.tokens[t],
                                               p.combined + static_cast<std::size_t>(r * 2 + t) * scale_stride, half);
      }
    }
  }
  NIBBLE_UNROLL for (int r = 0; r < kRows; ++r) {
    NIBBLE_UNROLL for (int t = 0; t < kTokens; ++t) sums[r][t] = sum_of(totals[r][t]);
  }
}

/// Calls with(rows, tokens) as compile-time counts of 1 or 2.
template <typename With>
void with_counts(std::size_t rows, std::size_t tokens, const With& with) {
  if (rows == 2 && tokens == 2) {
    with.template operator()<2, 2>();
  } else if (rows == 2) {
    with.template operator()<2, 1>();
  } else if (tokens == 2) {
    with.template operator()<1, 2>();
  } else {
    with.template operator()<1, 1>();
  }
}

template <int kBits, int kGroup>
void grouped_strip(const GroupedWeights& w, std::size_t begin, std::size_t end, const Int8Activations& x,
                   const float* bias, float* y, void* scratch) {
  const std::size_t rows = end - begin;
  const std::size_t row_bytes = kBits == 4 ? w.columns / 2 : w.columns;
  const std::size_t halves = (w.columns + 63) / 64;
  const Strip strip = strip_of(scratch, rows, x);
  const bool has_zeros = w.scales.zero_points != nullptr;
  const __m256i table = signed_table(w.map);
  ScaleCursor cursor = scale_cursor(w, begin);
  for (std::size_t r = 0; r < rows; ++r, next_row(cursor, w.scales.block_size)) {
    decode_row<kBits>(w.codes + (begin + r) * row_bytes, row_bytes, table, strip.bytes + r * x.code_stride);
    load_group_scales(w, cursor, x.scale_stride, strip.scales + r * x.scale_stride,
                      has_zeros ? strip.zeros + r * x.scale_stride : nullptr);
  }
  for (std::size_t token = 0; token < x.tokens; token += 2) {
    const std::size_t tokens = smaller(2, x.tokens - token);
    for (std::size_t row = 0; row < rows; row += 2) {
      const std::size_t count = smaller(2, rows - row);
      float corrections[2][2];
      for (std::size_t r = 0; r < count; ++r) {
        for (std::size_t t = 0; t < tokens; ++t) {
          corrections[r][t] = combine(strip.scales + (row + r) * x.scale_stride,
                                      has_zeros ? strip.zeros + (row + r) * x.scale_stride : nullptr, x, token + t,
                                      strip.combined + (r * 2 + t) * x.scale_stride);
        }
      }
      const std::uint8_t* bytes = strip.bytes + row * x.code_stride;
      const std::int8_t* codes = x.codes + token * x.code_stride;
      const Pairs pairs{{bytes, bytes + x.code_stride}, {codes, codes + x.code_stride}, strip.combined};
      float sums[2][2];
      with_counts(count, tokens, [&]<int kRows, int kTokens>() {
        multiply<kBits, kGroup, kRows, kTokens>(pairs, halves, x.scale_stride, sums);
      });
      for (std::size_t r = 0; r < count; ++r) {
        const float start = bias != nullptr ? load_unaligned(bias, begin + row + r) : 0;
        for (std::size_t t = 0; t < tokens; ++t) {
          y[(token + t) * w.rows + begin + row + r] = sums[r][t] + corrections[r][t] + start;
        }
      }
    }
  }
}

}  // namespace

void grouped_many(const GroupedWeights& w, std::size_t begin, std::size_t end, const Int8Activations& x,
                  const float* bias, float* y, void* scratch) {
  if (w.bits == 4) {
    w.group == 64 ? grouped_strip<4, 64>(w, begin, end, x, bias, y, scratch)
                  : grouped_strip<4, 32>(w, begin, end, x, bias, y, scratch);
  } else {
    w.group == 64 ? grouped_strip<8, 64>(w, begin, end, x, bias, y, scratch)
                  : grouped_strip<8, 32>(w, begin, end, x, bias, y, scratch);
  }
}

}  // namespace nibble::linear::avx2

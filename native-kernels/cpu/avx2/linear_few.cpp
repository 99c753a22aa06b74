// Decode: a few tokens against rows that are read once, straight from the stored codes.

#include "cpu/avx2/linear_avx2.h"
#include "cpu/avx2/linear_table.h"

namespace nibble::linear::avx2 {
namespace {

/// Bytes ahead of the current one that are fetched: about the latency of memory at the speed of memory.
constexpr std::size_t kPrefetchAhead = 2048;
constexpr std::size_t kMostTokens = 4;

template <int kBits>
constexpr std::size_t kHalfBytes = kBits == 4 ? 32 : 64;

/// Walks a row in halves of 64 columns: step(half, weights, their magnitudes).
template <int kBits, typename Step>
void for_halves(const std::uint8_t* row, std::size_t row_bytes, __m256i table, const Step& step) {
  const std::size_t halves = row_bytes / kHalfBytes<kBits>;
  for (std::size_t half = 0; half < halves; ++half) {
    const std::uint8_t* p = row + half * kHalfBytes<kBits>;
    _mm_prefetch(reinterpret_cast<const char*>(p + kPrefetchAhead), _MM_HINT_T0);
    const Half w = decode_half<kBits>(p, table);
    step(half, w, Half{_mm256_abs_epi8(w.a), _mm256_abs_epi8(w.b)});
  }
  const std::size_t left = row_bytes % kHalfBytes<kBits>;
  if (left > 0) {
    const Half w = decode_tail<kBits>(row + halves * kHalfBytes<kBits>, left, table);
    step(halves, w, Half{_mm256_abs_epi8(w.a), _mm256_abs_epi8(w.b)});
  }
}

template <int kBits, int kGroup, int kTokens>
void row_dots(const std::uint8_t* row, std::size_t row_bytes, __m256i table, const Int8Activations& x,
              std::size_t token, const float* combined, float* sums) {
  __m256 totals[kTokens];
  NIBBLE_UNROLL for (int t = 0; t < kTokens; ++t) totals[t] = _mm256_setzero_ps();
  for_halves<kBits>(row, row_bytes, table, [&](std::size_t half, const Half& w, const Half& magnitude) {
    NIBBLE_UNROLL for (int t = 0; t < kTokens; ++t) {
      const std::size_t at = token + static_cast<std::size_t>(t);
      totals[t] = add_half<kBits, kGroup>(totals[t], w, magnitude, x.codes + at * x.code_stride,
                                          combined + static_cast<std::size_t>(t) * x.scale_stride, half);
    }
  });
  NIBBLE_UNROLL for (int t = 0; t < kTokens; ++t) sums[t] = sum_of(totals[t]);
}

template <int kBits, int kGroup>
void strip(const GroupedWeights& w, std::size_t begin, std::size_t end, const Int8Activations& x, const float* bias,
           float* y, float* scratch) {
  const std::size_t row_bytes = kBits == 4 ? w.columns / 2 : w.columns;
  float* scales = scratch;
  float* zeros = w.scales.zero_points != nullptr ? scratch + x.scale_stride : nullptr;
  float* combined = scratch + 4 * x.scale_stride;
  const __m256i table = signed_table(w.map);
  ScaleCursor cursor = scale_cursor(w, begin);
  for (std::size_t row = begin; row < end; ++row, next_row(cursor, w.scales.block_size)) {
    load_group_scales(w, cursor, x.scale_stride, scales, zeros);
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
          row_dots<kBits, kGroup, 1>(codes, row_bytes, table, x, token, combined, sums);
          break;
        case 2:
          row_dots<kBits, kGroup, 2>(codes, row_bytes, table, x, token, combined, sums);
          break;
        case 3:
          row_dots<kBits, kGroup, 3>(codes, row_bytes, table, x, token, combined, sums);
          break;
        default:
          row_dots<kBits, kGroup, 4>(codes, row_bytes, table, x, token, combined, sums);
      }
      for (std::size_t t = 0; t < count; ++t) y[(token + t) * w.rows + row] = sums[t] + corrections[t] + start;
      token += count;
    }
  }
}

}  // namespace

void grouped_few(const GroupedWeights& w, std::size_t begin, std::size_t end, const Int8Activations& x,
                 const float* bias, float* y, void* scratch) {
  auto* floats = static_cast<float*>(scratch);
  if (w.bits == 4) {
    w.group == 64 ? strip<4, 64>(w, begin, end, x, bias, y, floats) : strip<4, 32>(w, begin, end, x, bias, y, floats);
  } else {
    w.group == 64 ? strip<8, 64>(w, begin, end, x, bias, y, floats) : strip<8, 32>(w, begin, end, x, bias, y, floats);
  }
}

}  // namespace nibble::linear::avx2

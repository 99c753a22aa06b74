// Float32 products: decoding to float32, and dots of decoded or 16-bit rows.

#include "cpu/avx512_vnni/linear_avx512.h"
#include "cpu/avx512_vnni/linear_table.h"
#include "cpu/linear/linear_dots.h"

namespace nibble::linear::avx512_vnni {
namespace {

constexpr std::size_t kPrefetchAhead = 2048;

/// 16 stored weights as float32; lanes outside `lanes` are zero and not read.
template <WeightType kType>
__m512 load16(const unsigned char* p, __mmask16 lanes) {
  if constexpr (kType == WeightType::f32) return _mm512_maskz_loadu_ps(lanes, p);
  const __m256i v = _mm256_maskz_loadu_epi16(lanes, p);
  if constexpr (kType == WeightType::f16) return _mm512_cvtph_ps(v);
  return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(v), 16));
}

template <WeightType kType>
__m512 load16(const unsigned char* p) {
  if constexpr (kType == WeightType::f32) return _mm512_loadu_ps(p);
  const __m256i v = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
  if constexpr (kType == WeightType::f16) return _mm512_cvtph_ps(v);
  return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(v), 16));
}

/// See cpu/linear_dots.h.
struct Set {
  static constexpr std::size_t kDotRows = 4;

  /// kRows rows (row_stride bytes apart) times kTokens tokens, sums over all columns. Tokens few: kChains independent
  /// sums hide the latency of the FMA.
  template <WeightType kType, int kRows, int kTokens>
  static void block(const unsigned char* w, std::size_t row_stride, std::size_t columns, const float* x,
                    std::size_t x_stride, const float* bias, float* y, std::size_t y_stride) {
    constexpr int kChains = kRows * kTokens >= 8 ? 1 : kRows * kTokens >= 4 ? 2 : 4;
    __m512 sums[kChains][kRows][kTokens];
    NIBBLE_UNROLL for (int c = 0; c < kChains; ++c) {
      NIBBLE_UNROLL for (int r = 0; r < kRows; ++r) {
        NIBBLE_UNROLL for (int t = 0; t < kTokens; ++t) sums[c][r][t] = _mm512_setzero_ps();
      }
    }
    std::size_t k = 0;
    for (; k + 16 * kChains <= columns; k += 16 * kChains) {
      NIBBLE_UNROLL for (int c = 0; c < kChains; ++c) {
        const std::size_t at = k + 16 * static_cast<std::size_t>(c);
        __m512 activations[kTokens];
        NIBBLE_UNROLL for (int t = 0; t < kTokens; ++t) {
          activations[t] = _mm512_loadu_ps(x + static_cast<std::size_t>(t) * x_stride + at);
        }
        NIBBLE_UNROLL for (int r = 0; r < kRows; ++r) {
          const unsigned char* p = w + static_cast<std::size_t>(r) * row_stride + at * kBytes<kType>;
          if constexpr (kRows == 1) _mm_prefetch(reinterpret_cast<const char*>(p + kPrefetchAhead), _MM_HINT_T0);
          const __m512 weights = load16<kType>(p);
          NIBBLE_UNROLL for (int t = 0; t < kTokens; ++t) {
            sums[c][r][t] = _mm512_fmadd_ps(weights, activations[t], sums[c][r][t]);
          }
        }
      }
    }
    for (; k < columns; k += 16) {
      const __mmask16 lanes = first_lanes16(columns - k);
      NIBBLE_UNROLL for (int r = 0; r < kRows; ++r) {
        const __m512 weights = load16<kType>(w + static_cast<std::size_t>(r) * row_stride + k * kBytes<kType>, lanes);
        NIBBLE_UNROLL for (int t = 0; t < kTokens; ++t) {
          const __m512 activations = _mm512_maskz_loadu_ps(lanes, x + static_cast<std::size_t>(t) * x_stride + k);
          sums[0][r][t] = _mm512_fmadd_ps(weights, activations, sums[0][r][t]);
        }
      }
    }
    NIBBLE_UNROLL for (int r = 0; r < kRows; ++r) {
      const float start = bias != nullptr ? load_unaligned(bias, static_cast<std::size_t>(r)) : 0;
      NIBBLE_UNROLL for (int t = 0; t < kTokens; ++t) {
        __m512 sum = sums[0][r][t];
        NIBBLE_UNROLL for (int c = 1; c < kChains; ++c) sum = _mm512_add_ps(sum, sums[c][r][t]);
        y[static_cast<std::size_t>(t) * y_stride + static_cast<std::size_t>(r)] = _mm512_reduce_add_ps(sum) + start;
      }
    }
  }

  template <WeightType kType>
  static void widen_all(const unsigned char* source, std::size_t count, float* out) {
    std::size_t i = 0;
    for (; i + 16 <= count; i += 16) _mm512_storeu_ps(out + i, load16<kType>(source + i * kBytes<kType>));
    const __mmask16 lanes = first_lanes16(count - i);
    _mm512_mask_storeu_ps(out + i, lanes, load16<kType>(source + i * kBytes<kType>, lanes));
  }
};

}  // namespace

void expand4(const std::uint8_t* codes, std::size_t first, std::size_t count, const float* map, float scale,
             float* out) {
  std::size_t i = 0;
  if (first % 2 != 0 && count > 0) out[i++] = map[codes[first / 2] & 15] * scale;
  const std::uint8_t* bytes = codes + (first + i) / 2;
  const __m512 table = _mm512_loadu_ps(map);
  const __m512 factor = _mm512_set1_ps(scale);
  const __m128i mask = _mm_set1_epi8(15);
  for (; i < count; i += 32, bytes += 16) {
    const std::size_t left = smaller(32, count - i);
    const __m128i pairs = _mm_maskz_loadu_epi8(first_lanes16((left + 1) / 2), bytes);
    const __m128i high = _mm_and_si128(_mm_srli_epi16(pairs, 4), mask);
    const __m128i low = _mm_and_si128(pairs, mask);
    const __m512i a = _mm512_cvtepu8_epi32(_mm_unpacklo_epi8(high, low));
    const __m512i b = _mm512_cvtepu8_epi32(_mm_unpackhi_epi8(high, low));
    _mm512_mask_storeu_ps(out + i, first_lanes16(left), _mm512_mul_ps(_mm512_permutexvar_ps(a, table), factor));
    if (left > 16) {
      _mm512_mask_storeu_ps(out + i + 16, first_lanes16(left - 16),
                            _mm512_mul_ps(_mm512_permutexvar_ps(b, table), factor));
    }
  }
}

void expand8(const std::int8_t* codes, std::size_t count, int zero, float scale, float* out) {
  const __m512i offset = _mm512_set1_epi32(zero);
  const __m512 factor = _mm512_set1_ps(scale);
  for (std::size_t i = 0; i < count; i += 16) {
    const __mmask16 lanes = first_lanes16(count - i);
    const __m512i v = _mm512_cvtepi8_epi32(_mm_maskz_loadu_epi8(lanes, codes + i));
    _mm512_mask_storeu_ps(out + i, lanes, _mm512_mul_ps(_mm512_cvtepi32_ps(_mm512_sub_epi32(v, offset)), factor));
  }
}

void widen(const void* source, WeightType type, std::size_t count, float* out) {
  widen_of<Set>(source, type, count, out);
}

void dots(const float* w, std::size_t rows, std::size_t columns, const float* x, std::size_t tokens, const float* bias,
          float* y, std::size_t y_stride) {
  dots_of<Set>(w, rows, columns, x, tokens, bias, y, y_stride);
}

void dots16(const void* rows_data, WeightType type, std::size_t rows, std::size_t columns, const float* x,
            std::size_t tokens, const float* bias, float* y, std::size_t y_stride) {
  dots16_of<Set>(rows_data, type, rows, columns, x, tokens, bias, y, y_stride);
}

}  // namespace nibble::linear::avx512_vnni

// Float32 products: decoding to float32, and dots of decoded or 16-bit rows.

#include "cpu/avx2/linear_avx2.h"
#include "cpu/avx2/linear_table.h"
#include "cpu/linear/linear_dots.h"

namespace nibble::linear::avx2 {
namespace {

constexpr std::size_t kPrefetchAhead = 2048;

/// 8 stored weights as float32.
template <WeightType kType>
__m256 load8(const unsigned char* p) {
  if constexpr (kType == WeightType::f32) {
    return _mm256_castsi256_ps(load32(p));
  } else {
    const __m128i v = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
    if constexpr (kType == WeightType::f16) return _mm256_cvtph_ps(v);
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(v), 16));
  }
}

/// The last `count` < 8 weights, zeros behind.
template <WeightType kType>
__m256 load_tail(const unsigned char* p, std::size_t count) {
  unsigned char bytes[32] = {};
  std::memcpy(bytes, p, count * kBytes<kType>);
  return load8<kType>(bytes);
}

/// See cpu/linear_dots.h.
struct Set {
  static constexpr std::size_t kDotRows = 2;

  /// kRows rows (row_stride bytes apart) times kTokens tokens. With few of both, kChains independent sums hide the
  /// latency of the FMA.
  template <WeightType kType, int kRows, int kTokens>
  static void block(const unsigned char* w, std::size_t row_stride, std::size_t columns, const float* x,
                    std::size_t x_stride, const float* bias, float* y, std::size_t y_stride) {
    constexpr int kChains = kRows * kTokens >= 6 ? 1 : kRows * kTokens >= 3 ? 2 : 4;
    __m256 sums[kChains][kRows][kTokens];
    NIBBLE_UNROLL for (int c = 0; c < kChains; ++c) {
      NIBBLE_UNROLL for (int r = 0; r < kRows; ++r) {
        NIBBLE_UNROLL for (int t = 0; t < kTokens; ++t) sums[c][r][t] = _mm256_setzero_ps();
      }
    }
    std::size_t k = 0;
    for (; k + 8 * kChains <= columns; k += 8 * kChains) {
      NIBBLE_UNROLL for (int c = 0; c < kChains; ++c) {
        const std::size_t at = k + 8 * static_cast<std::size_t>(c);
        __m256 activations[kTokens];
        NIBBLE_UNROLL for (int t = 0; t < kTokens; ++t) {
          activations[t] = _mm256_loadu_ps(x + static_cast<std::size_t>(t) * x_stride + at);
        }
        NIBBLE_UNROLL for (int r = 0; r < kRows; ++r) {
          const unsigned char* p = w + static_cast<std::size_t>(r) * row_stride + at * kBytes<kType>;
          if constexpr (kRows == 1) _mm_prefetch(reinterpret_cast<const char*>(p + kPrefetchAhead), _MM_HINT_T0);
          const __m256 weights = load8<kType>(p);
          NIBBLE_UNROLL for (int t = 0; t < kTokens; ++t) {
            sums[c][r][t] = _mm256_fmadd_ps(weights, activations[t], sums[c][r][t]);
          }
        }
      }
    }
    for (; k < columns; k += 8) {
      const std::size_t left = smaller(8, columns - k);
      NIBBLE_UNROLL for (int r = 0; r < kRows; ++r) {
        const __m256 weights = load_tail<kType>(w + static_cast<std::size_t>(r) * row_stride + k * kBytes<kType>, left);
        NIBBLE_UNROLL for (int t = 0; t < kTokens; ++t) {
          const auto* at = reinterpret_cast<const unsigned char*>(x + static_cast<std::size_t>(t) * x_stride + k);
          sums[0][r][t] = _mm256_fmadd_ps(weights, load_tail<WeightType::f32>(at, left), sums[0][r][t]);
        }
      }
    }
    NIBBLE_UNROLL for (int r = 0; r < kRows; ++r) {
      const float start = bias != nullptr ? load_unaligned(bias, static_cast<std::size_t>(r)) : 0;
      NIBBLE_UNROLL for (int t = 0; t < kTokens; ++t) {
        __m256 sum = sums[0][r][t];
        NIBBLE_UNROLL for (int c = 1; c < kChains; ++c) sum = _mm256_add_ps(sum, sums[c][r][t]);
        y[static_cast<std::size_t>(t) * y_stride + static_cast<std::size_t>(r)] = sum_of(sum) + start;
      }
    }
  }

  template <WeightType kType>
  static void widen_all(const unsigned char* source, std::size_t count, float* out) {
    std::size_t i = 0;
    for (; i + 8 <= count; i += 8) _mm256_storeu_ps(out + i, load8<kType>(source + i * kBytes<kType>));
    float eight[8];
    _mm256_storeu_ps(eight, load_tail<kType>(source + i * kBytes<kType>, count - i));
    std::memcpy(out + i, eight, (count - i) * sizeof(float));
  }
};

}  // namespace

void expand4(const std::uint8_t* codes, std::size_t first, std::size_t count, const float* map, float scale,
             float* out) {
  std::size_t i = 0;
  if (first % 2 != 0 && count > 0) out[i++] = map[codes[first / 2] & 15] * scale;
  const std::uint8_t* bytes = codes + (first + i) / 2;
  // vpermps reaches 8 values: look up both halves of the map and take the one that bit 3 of the code names.
  const __m256 lower = _mm256_loadu_ps(map);
  const __m256 upper = _mm256_loadu_ps(map + 8);
  const __m256 factor = _mm256_set1_ps(scale);
  const __m256i shifts = _mm256_set_epi32(24, 28, 16, 20, 8, 12, 0, 4);
  for (; i + 8 <= count; i += 8, bytes += 4) {
    const __m256i code = _mm256_srlv_epi32(_mm256_set1_epi32(load_dword(bytes)), shifts);
    const __m256 use_upper = _mm256_castsi256_ps(_mm256_slli_epi32(code, 28));
    const __m256 value =
        _mm256_blendv_ps(_mm256_permutevar8x32_ps(lower, code), _mm256_permutevar8x32_ps(upper, code), use_upper);
    _mm256_storeu_ps(out + i, _mm256_mul_ps(value, factor));
  }
  for (; i < count; i += 2, ++bytes) {
    out[i] = map[*bytes >> 4] * scale;
    if (i + 1 < count) out[i + 1] = map[*bytes & 15] * scale;
  }
}

void expand8(const std::int8_t* codes, std::size_t count, int zero, float scale, float* out) {
  const __m256i offset = _mm256_set1_epi32(zero);
  const __m256 factor = _mm256_set1_ps(scale);
  std::size_t i = 0;
  for (; i + 8 <= count; i += 8) {
    const __m256i v = _mm256_cvtepi8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(codes + i)));
    _mm256_storeu_ps(out + i, _mm256_mul_ps(_mm256_cvtepi32_ps(_mm256_sub_epi32(v, offset)), factor));
  }
  for (; i < count; ++i) out[i] = static_cast<float>(codes[i] - zero) * scale;
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

}  // namespace nibble::linear::avx2

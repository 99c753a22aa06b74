#pragma once

// What the AVX2 quantizers share: 16 weights at a time in two vectors, so that lanes are those of quantize_moments.h.
// Internal linkage throughout: a copy of these functions must never serve a file compiled for another processor.

#include <immintrin.h>

#include "base/quantize_kernels.h"

namespace nibble {
namespace {

template <WeightType type>
inline __m256 load8(const unsigned char* source) {
  if constexpr (type == WeightType::f32) return _mm256_loadu_ps(reinterpret_cast<const float*>(source));
  const __m128i halves = _mm_loadu_si128(reinterpret_cast<const __m128i*>(source));
  if constexpr (type == WeightType::f16) return _mm256_cvtph_ps(halves);
  return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(halves), 16));
}

/// 16 weights, those with even and those with odd indices.
struct Pairs {
  __m256 even;
  __m256 odd;
};

template <WeightType type>
inline Pairs load_pairs(const unsigned char* source) {
  constexpr int kMiddleSwapped = 0xd8;
  if constexpr (type == WeightType::f32) {
    const __m256 low = load8<type>(source);
    const __m256 high = load8<type>(source + 32);
    const __m256d even = _mm256_castps_pd(_mm256_shuffle_ps(low, high, 0x88));
    const __m256d odd = _mm256_castps_pd(_mm256_shuffle_ps(low, high, 0xdd));
    return {_mm256_castpd_ps(_mm256_permute4x64_pd(even, kMiddleSwapped)),
            _mm256_castpd_ps(_mm256_permute4x64_pd(odd, kMiddleSwapped))};
  }
  const __m256i pairs = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(source));
  if constexpr (type == WeightType::f16) {
    const __m256i apart = _mm256_setr_epi8(0, 1, 4, 5, 8, 9, 12, 13, 2, 3, 6, 7, 10, 11, 14, 15,  //
                                           0, 1, 4, 5, 8, 9, 12, 13, 2, 3, 6, 7, 10, 11, 14, 15);
    const __m256i halves = _mm256_permute4x64_epi64(_mm256_shuffle_epi8(pairs, apart), kMiddleSwapped);
    return {_mm256_cvtph_ps(_mm256_castsi256_si128(halves)), _mm256_cvtph_ps(_mm256_extracti128_si256(halves, 1))};
  }
  return {_mm256_castsi256_ps(_mm256_slli_epi32(pairs, 16)),
          _mm256_castsi256_ps(_mm256_and_si256(pairs, _mm256_set1_epi32(static_cast<int>(0xffff0000))))};
}

/// The smallest or largest of eight.
inline float smallest_of(__m256 v) {
  const __m128 four = _mm_min_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
  const __m128 two = _mm_min_ps(four, _mm_movehl_ps(four, four));
  return _mm_cvtss_f32(_mm_min_ss(two, _mm_movehdup_ps(two)));
}

inline float largest_of(__m256 v) {
  const __m128 four = _mm_max_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
  const __m128 two = _mm_max_ps(four, _mm_movehl_ps(four, four));
  return _mm_cvtss_f32(_mm_max_ss(two, _mm_movehdup_ps(two)));
}

/// MomentLanes in registers: [0] holds lanes 0 to 7, [1] lanes 8 to 15.
struct MomentVectors {
  __m256 error_squares[2] = {_mm256_setzero_ps(), _mm256_setzero_ps()};
  __m256 error_values[2] = {_mm256_setzero_ps(), _mm256_setzero_ps()};
  __m256 value_squares[2] = {_mm256_setzero_ps(), _mm256_setzero_ps()};
  __m256 max_error[2] = {_mm256_setzero_ps(), _mm256_setzero_ps()};

  template <int half>
  void add(__m256 error, __m256 value) {
    error_squares[half] = _mm256_fmadd_ps(error, error, error_squares[half]);
    error_values[half] = _mm256_fmadd_ps(error, value, error_values[half]);
    value_squares[half] = _mm256_fmadd_ps(value, value, value_squares[half]);
    max_error[half] = _mm256_max_ps(max_error[half], _mm256_andnot_ps(_mm256_set1_ps(-0.0f), error));
  }
};

inline __m128 add_halves(const __m256 lanes[2]) {
  const __m256 eight = _mm256_add_ps(lanes[0], lanes[1]);
  return _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
}

/// Folds as fold_lanes does: 16 lanes, 8, 4, then, one row per lane and one column per sum, 2 and 1.
inline void store_moments(const MomentVectors& lanes, Moments* to) {
  const __m256 eight = _mm256_max_ps(lanes.max_error[0], lanes.max_error[1]);
  __m128 row0 = add_halves(lanes.error_squares);
  __m128 row1 = add_halves(lanes.error_values);
  __m128 row2 = add_halves(lanes.value_squares);
  __m128 row3 = _mm_max_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
  _MM_TRANSPOSE4_PS(row0, row1, row2, row3);
  constexpr int kMaximum = 0b1000;
  const __m128 even = _mm_blend_ps(_mm_add_ps(row0, row2), _mm_max_ps(row0, row2), kMaximum);
  const __m128 odd = _mm_blend_ps(_mm_add_ps(row1, row3), _mm_max_ps(row1, row3), kMaximum);
  _mm_storeu_ps(&to->error_squares, _mm_blend_ps(_mm_add_ps(even, odd), _mm_max_ps(even, odd), kMaximum));
}

}  // namespace
}  // namespace nibble

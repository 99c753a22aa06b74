#pragma once

// What the AVX-512 quantizers share: 16 weights at a time, lane l of a vector being lane l of quantize_moments.h.
// Internal linkage throughout: a copy of these functions must never serve a file compiled for another processor.

#if defined(__GNUC__) && !defined(__clang__)
// GCC's own AVX-512 header reads a variable before it is set, on purpose.
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif

#include <immintrin.h>

#include "reference/quantize_kernels.h"

namespace nibble {
namespace {

template <WeightType type>
inline __m512 load16(const unsigned char* source) {
  if constexpr (type == WeightType::f32) return _mm512_loadu_ps(source);
  const __m256i halves = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(source));
  if constexpr (type == WeightType::f16) return _mm512_cvtph_ps(halves);
  return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(halves), 16));
}

/// The lanes that `lanes` selects; zero elsewhere, where memory is not touched.
template <WeightType type>
inline __m512 load_some(const unsigned char* source, __mmask16 lanes) {
  if constexpr (type == WeightType::f32) return _mm512_maskz_loadu_ps(lanes, source);
  const __m256i halves = _mm256_maskz_loadu_epi16(lanes, source);
  if constexpr (type == WeightType::f16) return _mm512_cvtph_ps(halves);
  return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(halves), 16));
}

/// MomentLanes in registers.
struct MomentVectors {
  __m512 error_squares = _mm512_setzero_ps();
  __m512 error_values = _mm512_setzero_ps();
  __m512 value_squares = _mm512_setzero_ps();
  __m512 max_error = _mm512_setzero_ps();

  void add(__m512 error, __m512 value) {
    constexpr int kLargerMagnitude = 0b1011;  // of max(|a|, |b|), sign cleared
    error_squares = _mm512_add_ps(error_squares, _mm512_mul_ps(error, error));
    error_values = _mm512_add_ps(error_values, _mm512_mul_ps(error, value));
    value_squares = _mm512_add_ps(value_squares, _mm512_mul_ps(value, value));
    max_error = _mm512_range_ps(max_error, error, kLargerMagnitude);
  }
};

/// a + b, but the larger of the two in `maxima`.
inline __m512 fold(__mmask16 maxima, __m512 a, __m512 b) {
  return _mm512_mask_max_ps(_mm512_add_ps(a, b), maxima, a, b);
}

/// Folds all four sums at once, as fold_lanes does one by one: 16 lanes, 8, 4 (one 128-bit quarter per sum), 2, 1.
inline void store_moments(const MomentVectors& lanes, Moments* to) {
  const __m512 errors = _mm512_add_ps(_mm512_shuffle_f32x4(lanes.error_squares, lanes.error_values, 0x44),
                                      _mm512_shuffle_f32x4(lanes.error_squares, lanes.error_values, 0xee));
  const __m512 others = fold(0xff00, _mm512_shuffle_f32x4(lanes.value_squares, lanes.max_error, 0x44),
                             _mm512_shuffle_f32x4(lanes.value_squares, lanes.max_error, 0xee));
  const __m512 four =
      fold(0xf000, _mm512_shuffle_f32x4(errors, others, 0x88), _mm512_shuffle_f32x4(errors, others, 0xdd));
  const __m512 two = fold(0xf000, four, _mm512_permute_ps(four, 0x4e));
  const __m512 one = fold(0xf000, two, _mm512_permute_ps(two, 0xb1));
  const __m512i first_of_each = _mm512_setr_epi32(0, 4, 8, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
  _mm_storeu_ps(&to->error_squares, _mm512_castps512_ps128(_mm512_permutexvar_ps(first_of_each, one)));
}

}  // namespace
}  // namespace nibble

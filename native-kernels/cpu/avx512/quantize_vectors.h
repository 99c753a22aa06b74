#pragma once

// What the AVX-512 quantizers share: 16 weights at a time, lane l of a vector being lane l of quantize_moments.h.
// Internal linkage throughout: a copy of these functions must never serve a file compiled for another processor.

#if defined(__GNUC__) && !defined(__clang__)
// GCC's own AVX-512 header reads a variable before it is set, on purpose.
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif

#include <immintrin.h>

#include "base/quantize_kernels.h"

// For functions that compilers otherwise call, their vectors going through memory.
#if defined(_MSC_VER) && !defined(__clang__)
#define NIBBLE_INLINE __forceinline
#else
#define NIBBLE_INLINE inline __attribute__((always_inline))
#endif

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

/// 32 weights, those with even and those with odd indices.
struct Pairs {
  __m512 even;
  __m512 odd;
};

template <WeightType type>
inline Pairs load_pairs(const unsigned char* source) {
  if constexpr (type == WeightType::f32) {
    const __m512 low = _mm512_loadu_ps(source);
    const __m512 high = _mm512_loadu_ps(source + 64);
    const __m512i even = _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
    const __m512i odd = _mm512_setr_epi32(1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31);
    return {_mm512_permutex2var_ps(low, even, high), _mm512_permutex2var_ps(low, odd, high)};
  }
  const __m512i pairs = _mm512_loadu_si512(source);
  if constexpr (type == WeightType::f16) {
    return {_mm512_cvtph_ps(_mm512_cvtepi32_epi16(pairs)),
            _mm512_cvtph_ps(_mm512_cvtepi32_epi16(_mm512_srli_epi32(pairs, 16)))};
  }
  return {_mm512_castsi512_ps(_mm512_slli_epi32(pairs, 16)),
          _mm512_castsi512_ps(_mm512_and_si512(pairs, _mm512_set1_epi32(static_cast<int>(0xffff0000))))};
}

/// The larger of two vectors' elements: float32 bits for f32, 16 bits else. Order of bits is order of magnitudes, and
/// NaN and infinity come out above all numbers.
template <WeightType type>
inline __m512i larger(__m512i a, __m512i b) {
  if constexpr (type == WeightType::f32) return _mm512_max_epu32(a, b);
  return _mm512_max_epu16(a, b);
}

/// Largest magnitudes of a block, in one vector.
template <WeightType type>
inline __m512i largest_of(const unsigned char* source, std::size_t bytes) {
  const __m512i magnitude = _mm512_set1_epi32(type == WeightType::f32 ? 0x7fffffff : 0x7fff7fff);
  __m512i largest = _mm512_and_si512(_mm512_loadu_si512(source), magnitude);
  for (std::size_t i = 64; i < bytes; i += 64) {
    largest = larger<type>(largest, _mm512_and_si512(_mm512_loadu_si512(source + i), magnitude));
  }
  return largest;
}

/// Folds four blocks to one vector, a quarter each.
template <WeightType type>
inline __m512i fold_blocks(__m512i a, __m512i b, __m512i c, __m512i d) {
  const __m512i ab = larger<type>(_mm512_shuffle_i64x2(a, b, 0x44), _mm512_shuffle_i64x2(a, b, 0xee));
  const __m512i cd = larger<type>(_mm512_shuffle_i64x2(c, d, 0x44), _mm512_shuffle_i64x2(c, d, 0xee));
  return larger<type>(_mm512_shuffle_i64x2(ab, cd, 0x88), _mm512_shuffle_i64x2(ab, cd, 0xdd));
}

/// Blocks whose absmax are found together: one per lane of a vector, so that one division serves all.
constexpr std::size_t kAbsmaxBlocks = 16;

/// Float32 absmax of up to 16 blocks; lanes beyond them repeat the last.
template <WeightType type, std::size_t block_bytes>
inline __m512 absmax_of(const unsigned char* source, std::size_t blocks, std::size_t any_block_bytes) {
  const std::size_t bytes = block_bytes == 0 ? any_block_bytes : block_bytes;
  __m512i four[4];
  for (std::size_t k = 0; k < 4; ++k) {
    const auto block = [&](std::size_t i) {
      return largest_of<type>(source + (i < blocks ? i : blocks - 1) * bytes, bytes);
    };
    // So that block 4 j + k comes to quarter j of vector k, and to lane 4 j + k in the end.
    four[k] = fold_blocks<type>(block(k), block(4 + k), block(8 + k), block(12 + k));
  }
  const __m512i low = larger<type>(_mm512_unpacklo_epi64(four[0], four[1]), _mm512_unpackhi_epi64(four[0], four[1]));
  const __m512i high = larger<type>(_mm512_unpacklo_epi64(four[2], four[3]), _mm512_unpackhi_epi64(four[2], four[3]));
  const __m512 low_lanes = _mm512_castsi512_ps(low);
  const __m512 high_lanes = _mm512_castsi512_ps(high);
  __m512i all = larger<type>(_mm512_castps_si512(_mm512_shuffle_ps(low_lanes, high_lanes, 0x88)),
                             _mm512_castps_si512(_mm512_shuffle_ps(low_lanes, high_lanes, 0xdd)));
  if constexpr (type == WeightType::f32) return _mm512_castsi512_ps(all);
  all = _mm512_max_epu16(all, _mm512_slli_epi32(all, 16));
  if constexpr (type == WeightType::f16) return _mm512_cvtph_ps(_mm512_cvtepi32_epi16(_mm512_srli_epi32(all, 16)));
  return _mm512_castsi512_ps(_mm512_and_si512(all, _mm512_set1_epi32(static_cast<int>(0xffff0000))));
}

/// Asks for the `bytes` that lie `distance` behind `source`: what lies in the page cache and not in a cache of the
/// processor comes while this is computed. Processors do so themselves, but only within a page. Little at a time: a
/// core waits for about ten lines at once, and of more requests each would hold up the next. Past the end it fetches
/// for nobody.
inline void fetch_ahead(const unsigned char* source, std::size_t bytes, std::size_t distance) {
  for (std::size_t at = 0; at < bytes; at += 64) {
    _mm_prefetch(reinterpret_cast<const char*>(source + distance + at), _MM_HINT_T0);
  }
}

/// MomentLanes in registers.
struct MomentVectors {
  __m512 error_squares = _mm512_setzero_ps();
  __m512 error_values = _mm512_setzero_ps();
  __m512 value_squares = _mm512_setzero_ps();
  __m512 max_error = _mm512_setzero_ps();

  void add(__m512 error, __m512 value) {
    constexpr int kLargerMagnitude = 0b1011;  // of max(|a|, |b|), sign cleared
    error_squares = _mm512_fmadd_ps(error, error, error_squares);
    error_values = _mm512_fmadd_ps(error, value, error_values);
    value_squares = _mm512_fmadd_ps(value, value, value_squares);
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

/// Folds the sums of four segments as fold_lanes does, all at once: halves, then quarters, one per segment, then the
/// lanes of a quarter, one per sum.
class MomentFold {
 public:
  /// The first and the second segment.
  void take_first(const MomentVectors& a, const MomentVectors& b) { first_ = halves(a, b); }

  /// The third and the fourth.
  void take_second(const MomentVectors& c, const MomentVectors& d) {
    const MomentVectors second = halves(c, d);
    quarters_.error_squares = sum_quarters(first_.error_squares, second.error_squares);
    quarters_.error_values = sum_quarters(first_.error_values, second.error_values);
    quarters_.value_squares = sum_quarters(first_.value_squares, second.value_squares);
    quarters_.max_error = _mm512_max_ps(_mm512_shuffle_f32x4(first_.max_error, second.max_error, 0x88),
                                        _mm512_shuffle_f32x4(first_.max_error, second.max_error, 0xdd));
  }

  void store(Moments to[4]) const {
    const __m512 errors = _mm512_add_ps(_mm512_shuffle_ps(quarters_.error_squares, quarters_.error_values, 0x44),
                                        _mm512_shuffle_ps(quarters_.error_squares, quarters_.error_values, 0xee));
    const __m512 others = fold(0xcccc, _mm512_shuffle_ps(quarters_.value_squares, quarters_.max_error, 0x44),
                               _mm512_shuffle_ps(quarters_.value_squares, quarters_.max_error, 0xee));
    const __m512 all = fold(0x8888, _mm512_shuffle_ps(errors, others, 0x88), _mm512_shuffle_ps(errors, others, 0xdd));
    _mm512_storeu_ps(&to->error_squares, all);
  }

 private:
  static __m512 sum_halves(__m512 a, __m512 b) {
    return _mm512_add_ps(_mm512_shuffle_f32x4(a, b, 0x44), _mm512_shuffle_f32x4(a, b, 0xee));
  }
  static __m512 sum_quarters(__m512 a, __m512 b) {
    return _mm512_add_ps(_mm512_shuffle_f32x4(a, b, 0x88), _mm512_shuffle_f32x4(a, b, 0xdd));
  }
  static MomentVectors halves(const MomentVectors& a, const MomentVectors& b) {
    MomentVectors sums;
    sums.error_squares = sum_halves(a.error_squares, b.error_squares);
    sums.error_values = sum_halves(a.error_values, b.error_values);
    sums.value_squares = sum_halves(a.value_squares, b.value_squares);
    sums.max_error = _mm512_max_ps(_mm512_shuffle_f32x4(a.max_error, b.max_error, 0x44),
                                   _mm512_shuffle_f32x4(a.max_error, b.max_error, 0xee));
    return sums;
  }

  MomentVectors first_, quarters_;
};

}  // namespace
}  // namespace nibble

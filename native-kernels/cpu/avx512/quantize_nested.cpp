// Double quantization of a whole run of scales: base/nested_run.h, whose lanes are those of the vectors here.

#include "base/nested_run.h"
#include "cpu/avx512/quantize_4bit.h"
#include "cpu/avx512/quantize_vectors.h"

namespace nibble {
namespace {

/// Scales less the offset.
inline __m512 apart(const NestedInput& input, std::size_t i) {
  return _mm512_sub_ps(_mm512_loadu_ps(input.absmax + i), _mm512_set1_ps(input.offset));
}

/// As quantize_run_scales.
inline float quantize_scales(const NestedInput& input, std::uint8_t* codes, float* scales) {
  constexpr int kLargerMagnitude = 0b1011;  // of max(|a|, |b|), sign cleared
  __m512 lanes = _mm512_setzero_ps();
  for (std::size_t i = 0; i < kNestedBlockSize; i += 16) {
    lanes = _mm512_range_ps(lanes, apart(input, i), kLargerMagnitude);
  }
  const float largest = _mm512_reduce_max_ps(lanes);
  const __m512 inverse = _mm512_set1_ps(1.0f / largest);
  const __m512 one = _mm512_set1_ps(1.0f);
  const __m512 half = _mm512_set1_ps(0.5f);
  alignas(64) std::int32_t steps[kNestedBlockSize];
  for (std::size_t i = 0; i < kNestedBlockSize; i += 16) {
    // What is no number becomes -1, the second operand.
    const __m512 above = _mm512_max_ps(_mm512_mul_ps(apart(input, i), inverse), _mm512_set1_ps(-1.0f));
    const __m512 position = _mm512_mul_ps(_mm512_add_ps(_mm512_min_ps(above, one), one), half);
    const __m512 step = _mm512_add_ps(_mm512_mul_ps(position, _mm512_set1_ps(65535.0f)), half);
    _mm512_store_si512(steps + i, _mm512_cvttps_epi32(step));
  }
  for (std::size_t i = 0; i < kNestedBlockSize; ++i) {
    codes[i] = input.codes_of_steps[steps[i]];
    scales[i] = input.map[codes[i]];
  }
  for (std::size_t i = 0; i < kNestedBlockSize; i += 16) {
    const __m512 products = _mm512_mul_ps(_mm512_load_ps(scales + i), _mm512_set1_ps(largest));
    _mm512_store_ps(scales + i, _mm512_add_ps(products, _mm512_set1_ps(input.offset)));
  }
  return largest;
}

/// NestedLanes in registers.
struct LaneVectors {
  __m512d error_squares = _mm512_setzero_pd();
  __m512d source_squares = _mm512_setzero_pd();
  __m512d dequantized_squares = _mm512_setzero_pd();
  __m512d dot = _mm512_setzero_pd();
  __m512d max_error = _mm512_setzero_pd();
  __m512d certain = _mm512_setzero_pd();
  __m512d possible = _mm512_setzero_pd();

  /// Eight blocks; every product and sum is that of quantize_nested_run.
  void add(__m512d unit, __m512d scale, __m512d ee, __m512d eu, __m512d uu, __m512d error) {
    const __m512d zero = _mm512_setzero_pd();
    const __m512d two = _mm512_set1_pd(2);
    const __m512d drift = _mm512_sub_pd(unit, scale);
    const __m512d unit_squares = _mm512_mul_pd(unit, unit);
    const __m512d mixed = _mm512_mul_pd(_mm512_mul_pd(two, unit), drift);
    const __m512d own = _mm512_add_pd(_mm512_mul_pd(unit_squares, ee), _mm512_mul_pd(mixed, eu));
    error_squares = _mm512_add_pd(error_squares, _mm512_add_pd(own, _mm512_mul_pd(_mm512_mul_pd(drift, drift), uu)));
    const __m512d squares = _mm512_add_pd(_mm512_add_pd(ee, _mm512_mul_pd(two, eu)), uu);
    source_squares = _mm512_add_pd(source_squares, _mm512_mul_pd(unit_squares, squares));
    dequantized_squares = _mm512_add_pd(dequantized_squares, _mm512_mul_pd(_mm512_mul_pd(scale, scale), uu));
    dot = _mm512_add_pd(dot, _mm512_mul_pd(_mm512_mul_pd(unit, scale), _mm512_add_pd(eu, uu)));
    const __m512d largest = _mm512_mul_pd(unit, error);
    const __m512d off = _mm512_abs_pd(drift);
    const __mmask8 exact =
        static_cast<__mmask8>(_mm512_cmp_pd_mask(drift, zero, _CMP_EQ_OQ) | _mm512_cmp_pd_mask(uu, zero, _CMP_EQ_OQ));
    max_error = _mm512_mask_max_pd(max_error, exact, largest, max_error);
    certain = _mm512_max_pd(_mm512_sub_pd(largest, off), certain);
    possible = _mm512_max_pd(_mm512_add_pd(largest, off), possible);
  }
};

inline double sum_of(__m512d lanes) {
  double values[NestedLanes::kLanes];
  _mm512_storeu_pd(values, lanes);
  return sum_of(values);
}

/// One member of the moments of eight blocks.
inline __m512d member(__m512 first_four, __m512 other_four, int index) {
  const __m512i at = _mm512_add_epi32(_mm512_setr_epi32(0, 4, 8, 12, 16, 20, 24, 28, 0, 0, 0, 0, 0, 0, 0, 0),
                                      _mm512_set1_epi32(index));
  return _mm512_cvtps_pd(_mm512_castps512_ps256(_mm512_permutex2var_ps(first_four, at, other_four)));
}

}  // namespace

NestedResult quantize_nested_avx512(const NestedInput& input, std::uint8_t* codes) {
  if (input.count != kNestedBlockSize) return quantize_nested_run(input, codes);
  alignas(64) float scales[kNestedBlockSize];
  NestedResult result{};
  result.absmax = quantize_scales(input, codes, scales);
  LaneVectors lanes;
  for (std::size_t i = 0; i < kNestedBlockSize; i += NestedLanes::kLanes) {
    const __m256 units = _mm256_max_ps(_mm256_loadu_ps(input.absmax + i), _mm256_set1_ps(kSmallestAbsmax));
    const __m512 first = _mm512_loadu_ps(&input.moments[i].error_squares);
    const __m512 other = _mm512_loadu_ps(&input.moments[i + 4].error_squares);
    lanes.add(_mm512_cvtps_pd(units), _mm512_cvtps_pd(_mm256_load_ps(scales + i)), member(first, other, 0),
              member(first, other, 1), member(first, other, 2), member(first, other, 3));
  }
  result.error_squares = sum_of(lanes.error_squares);
  result.source_squares = sum_of(lanes.source_squares);
  result.dequantized_squares = sum_of(lanes.dequantized_squares);
  result.dot = sum_of(lanes.dot);
  result.max_error = _mm512_reduce_max_pd(lanes.max_error);
  result.certain = _mm512_reduce_max_pd(lanes.certain);
  result.possible = _mm512_reduce_max_pd(lanes.possible);
  return result;
}

}  // namespace nibble

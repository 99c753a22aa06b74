// Ranges and integer codes, 16 weights at a time, and the set of all AVX-512 kernels of the quantizers.

#include "cpu/avx512/quantize_4bit.h"
#include "cpu/avx512/quantize_vectors.h"

namespace nibble {
namespace {

constexpr int kNearest = _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC;

template <bool through_half>
inline __m512 as_coded(__m512 weights) {
  if constexpr (through_half) return _mm512_cvtph_ps(_mm512_cvtps_ph(weights, kNearest));
  return weights;
}

template <WeightType type, bool through_half>
RangeResult range_of(const unsigned char* source, std::size_t count) {
  constexpr std::size_t kSize = type == WeightType::f32 ? 4 : 2;
  constexpr int kNotFinite = 0x99;                                  // quiet and signalling NaN, both infinities
  __m512 min = _mm512_castsi512_ps(_mm512_set1_epi32(0x7f800000));  // infinity
  __m512 max = _mm512_sub_ps(_mm512_setzero_ps(), min);
  __mmask16 bad = 0;
  std::size_t i = 0;
  for (; i + 16 <= count; i += 16) {
    const __m512 weights = as_coded<through_half>(load16<type>(source + i * kSize));
    bad = _kor_mask16(bad, _mm512_fpclass_ps_mask(weights, kNotFinite));
    min = _mm512_min_ps(min, weights);
    max = _mm512_max_ps(max, weights);
  }
  if (i < count) {
    const auto rest = static_cast<__mmask16>((1u << (count - i)) - 1);
    const __m512 weights = as_coded<through_half>(load_some<type>(source + i * kSize, rest));
    bad = _kor_mask16(bad, _mm512_fpclass_ps_mask(weights, kNotFinite));
    min = _mm512_mask_min_ps(min, rest, min, weights);
    max = _mm512_mask_max_ps(max, rest, max, weights);
  }
  if (bad != 0) return {0, 0, false};
  return {_mm512_reduce_min_ps(min) + 0.0f, _mm512_reduce_max_ps(max) + 0.0f, true};
}

struct CodingVectors {
  __m512 inverse;
  __m512 unit;
  __m512i zero_point;
  __m512i low;
  __m512i high;

  explicit CodingVectors(const IntegerCoding& coding)
      : inverse(_mm512_set1_ps(coding.inverse)),
        unit(_mm512_set1_ps(coding.unit)),
        zero_point(_mm512_set1_epi32(coding.zero_point)),
        low(_mm512_set1_epi32(coding.low)),
        high(_mm512_set1_epi32(coding.high)) {}
};

/// Codes of 16 weights, one per 32-bit lane.
template <bool through_half>
inline __m512i codes_of(__m512 weights, const CodingVectors& coding, MomentVectors& moments) {
  const __m512 scaled = _mm512_mul_ps(as_coded<through_half>(weights), coding.inverse);
  __m512i code = _mm512_add_epi32(_mm512_cvt_roundps_epi32(scaled, kNearest), coding.zero_point);
  code = _mm512_max_epi32(_mm512_min_epi32(code, coding.high), coding.low);
  const __m512 value = _mm512_cvtepi32_ps(_mm512_sub_epi32(code, coding.zero_point));
  moments.add(_mm512_sub_ps(_mm512_mul_ps(weights, coding.unit), value), value);
  return code;
}

template <WeightType type, bool through_half>
Moments quantize(const unsigned char* source, std::size_t count, const IntegerCoding& parameters, std::int8_t* codes) {
  constexpr std::size_t kSize = type == WeightType::f32 ? 4 : 2;
  const CodingVectors coding(parameters);
  MomentVectors sums;
  std::size_t i = 0;
  for (; i + 64 <= count; i += 64) {
    __m512i four[4];
    for (std::size_t k = 0; k < 4; ++k) {
      four[k] = codes_of<through_half>(load16<type>(source + (i + k * 16) * kSize), coding, sums);
    }
    const __m512i bytes =
        _mm512_packs_epi16(_mm512_packs_epi32(four[0], four[1]), _mm512_packs_epi32(four[2], four[3]));
    const __m512i by_vector = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
    _mm512_storeu_si512(codes + i, _mm512_permutexvar_epi32(by_vector, bytes));
  }
  for (; i < count; i += 16) {
    const std::size_t left = count - i < 16 ? count - i : 16;
    const auto lanes = static_cast<__mmask16>((1u << left) - 1);
    const __m512i code = codes_of<through_half>(load_some<type>(source + i * kSize, lanes), coding, sums);
    _mm_mask_storeu_epi8(codes + i, lanes, _mm512_cvtepi32_epi8(code));
  }
  Moments moments;
  store_moments(sums, &moments);
  return moments;
}

template <bool through_half>
RangeResult range_of(const unsigned char* source, WeightType type, std::size_t count) {
  if (type == WeightType::bf16) return range_of<WeightType::bf16, through_half>(source, count);
  if (type == WeightType::f16) return range_of<WeightType::f16, through_half>(source, count);
  return range_of<WeightType::f32, through_half>(source, count);
}

RangeResult range(const void* source, WeightType type, std::size_t count, bool through_half) {
  const auto* bytes = static_cast<const unsigned char*>(source);
  return through_half ? range_of<true>(bytes, type, count) : range_of<false>(bytes, type, count);
}

template <bool through_half>
Moments quantize(const unsigned char* source, WeightType type, std::size_t count, const IntegerCoding& coding,
                 std::int8_t* codes) {
  if (type == WeightType::bf16) return quantize<WeightType::bf16, through_half>(source, count, coding, codes);
  if (type == WeightType::f16) return quantize<WeightType::f16, through_half>(source, count, coding, codes);
  return quantize<WeightType::f32, through_half>(source, count, coding, codes);
}

Moments quantize_integers(const void* source, WeightType type, std::size_t count, const IntegerCoding& coding,
                          std::int8_t* codes) {
  const auto* bytes = static_cast<const unsigned char*>(source);
  return coding.through_half ? quantize<true>(bytes, type, count, coding, codes)
                             : quantize<false>(bytes, type, count, coding, codes);
}

}  // namespace

const QuantizeKernels& quantize_kernels_avx512() {
  static constexpr QuantizeKernels kernels{
      quantize_blocks_avx512, dequantize_blocks_avx512, range,
      quantize_integers,      quantize_nested_avx512,   quantize_absmax_groups_avx512};
  return kernels;
}

}  // namespace nibble

// Ranges and integer codes, 8 weights at a time, and the set of all AVX2 kernels of the quantizers.

#include <cstring>

#include "base/nested_run.h"
#include "cpu/avx2/quantize_4bit.h"
#include "cpu/avx2/quantize_vectors.h"

namespace nibble {
namespace {

constexpr int kNearest = _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC;

template <bool through_half>
inline __m256 as_coded(__m256 weights) {
  if constexpr (through_half) return _mm256_cvtph_ps(_mm256_cvtps_ph(weights, kNearest));
  return weights;
}

template <WeightType type, bool through_half>
RangeResult range_of(const unsigned char* source, std::size_t count) {
  constexpr std::size_t kSize = type == WeightType::f32 ? 4 : 2;
  const __m256i exponent = _mm256_set1_epi32(0x7f800000);
  __m256 min = _mm256_castsi256_ps(exponent);  // infinity
  __m256 max = _mm256_sub_ps(_mm256_setzero_ps(), min);
  __m256i bad = _mm256_setzero_si256();
  const auto look_at = [&](const unsigned char* eight) {
    const __m256 weights = as_coded<through_half>(load8<type>(eight));
    const __m256i bits = _mm256_and_si256(_mm256_castps_si256(weights), exponent);
    bad = _mm256_or_si256(bad, _mm256_cmpeq_epi32(bits, exponent));
    min = _mm256_min_ps(min, weights);
    max = _mm256_max_ps(max, weights);
  };
  std::size_t i = 0;
  for (; i + 8 <= count; i += 8) look_at(source + i * kSize);
  if (i < count) {
    // The rest, filled up with copies of its first weight.
    unsigned char rest[8 * kSize];
    for (std::size_t k = 0; k < 8; ++k) std::memcpy(rest + k * kSize, source + i * kSize, kSize);
    std::memcpy(rest, source + i * kSize, (count - i) * kSize);
    look_at(rest);
  }
  if (_mm256_testz_si256(bad, bad) == 0) return {0, 0, false};
  return {smallest_of(min) + 0.0f, largest_of(max) + 0.0f, true};
}

struct CodingVectors {
  __m256 inverse;
  __m256 unit;
  __m256i zero_point;
  __m256i low;
  __m256i high;

  explicit CodingVectors(const IntegerCoding& coding)
      : inverse(_mm256_set1_ps(coding.inverse)),
        unit(_mm256_set1_ps(coding.unit)),
        zero_point(_mm256_set1_epi32(coding.zero_point)),
        low(_mm256_set1_epi32(coding.low)),
        high(_mm256_set1_epi32(coding.high)) {}
};

/// Codes of 8 weights, one per 32-bit lane.
template <bool through_half, int half>
inline __m256i codes_of(__m256 weights, const CodingVectors& coding, MomentVectors& moments) {
  const __m256 scaled = _mm256_mul_ps(as_coded<through_half>(weights), coding.inverse);
  const __m256i rounded = _mm256_cvtps_epi32(_mm256_round_ps(scaled, kNearest));
  __m256i code = _mm256_add_epi32(rounded, coding.zero_point);
  code = _mm256_max_epi32(_mm256_min_epi32(code, coding.high), coding.low);
  const __m256 value = _mm256_cvtepi32_ps(_mm256_sub_epi32(code, coding.zero_point));
  moments.add<half>(_mm256_sub_ps(_mm256_mul_ps(weights, coding.unit), value), value);
  return code;
}

template <WeightType type, bool through_half>
inline __m128i sixteen(const unsigned char* source, const CodingVectors& coding, MomentVectors& moments) {
  constexpr std::size_t kSize = type == WeightType::f32 ? 4 : 2;
  const __m256i first = codes_of<through_half, 0>(load8<type>(source), coding, moments);
  const __m256i second = codes_of<through_half, 1>(load8<type>(source + 8 * kSize), coding, moments);
  // The pack works within 128-bit halves; the permute puts the quarters in order again.
  const __m256i words = _mm256_permute4x64_epi64(_mm256_packs_epi32(first, second), 0xd8);
  return _mm_packs_epi16(_mm256_castsi256_si128(words), _mm256_extracti128_si256(words, 1));
}

template <WeightType type, bool through_half>
Moments quantize(const unsigned char* source, std::size_t count, const IntegerCoding& parameters, std::int8_t* codes) {
  constexpr std::size_t kSize = type == WeightType::f32 ? 4 : 2;
  const CodingVectors coding(parameters);
  MomentVectors sums;
  std::size_t i = 0;
  for (; i + 16 <= count; i += 16) {
    const __m128i bytes = sixteen<type, through_half>(source + i * kSize, coding, sums);
    _mm_storeu_si128(reinterpret_cast<__m128i*>(codes + i), bytes);
  }
  if (i < count) {
    // The rest, filled up with zeros, which add nothing to the sums.
    unsigned char rest[16 * kSize] = {};
    std::memcpy(rest, source + i * kSize, (count - i) * kSize);
    std::int8_t rest_codes[16];
    const __m128i bytes = sixteen<type, through_half>(rest, coding, sums);
    _mm_storeu_si128(reinterpret_cast<__m128i*>(rest_codes), bytes);
    std::memcpy(codes + i, rest_codes, count - i);
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

const QuantizeKernels& quantize_kernels_avx2() {
  static constexpr QuantizeKernels kernels{quantize_blocks_avx2, dequantize_blocks_avx2, range,
                                           quantize_integers,    quantize_nested_run,    nullptr};
  return kernels;
}

}  // namespace nibble

// Activations to int8: the same roundings as rounding::quantize_activations.

#include "cpu/avx512_vnni/linear_avx512.h"
#include "cpu/avx512_vnni/linear_table.h"

namespace nibble::linear::avx512_vnni {
namespace {

/// Largest magnitude by its bits: as integers magnitudes order like floats, and NaN lies above infinity.
std::uint32_t absmax_bits(const float* x, std::size_t count) {
  const __m512i magnitude = _mm512_set1_epi32(0x7fffffff);
  __m512i largest = _mm512_setzero_si512();
  for (std::size_t i = 0; i < count; i += 16) {
    const __m512i v = _mm512_maskz_loadu_epi32(first_lanes16(count - i), x + i);
    largest = _mm512_max_epu32(largest, _mm512_and_si512(v, magnitude));
  }
  return _mm512_reduce_max_epu32(largest);
}

/// Codes of up to 64 columns, zeros behind `count`. Everything is zero when inverse is 0, even for NaN.
__m512i codes_of(const float* x, std::size_t count, float inverse) {
  __m512i codes = _mm512_setzero_si512();
  if (inverse == 0) return codes;
  const __m512 factor = _mm512_set1_ps(inverse);
  const auto part = [&](std::size_t at) {
    const __mmask16 lanes = at < count ? first_lanes16(count - at) : static_cast<__mmask16>(0);
    const __m512 v = _mm512_maskz_loadu_ps(lanes, x + at);
    return _mm512_cvtepi32_epi8(_mm512_cvtps_epi32(_mm512_mul_ps(v, factor)));
  };
  codes = _mm512_castsi128_si512(part(0));
  codes = _mm512_inserti32x4(codes, part(16), 1);
  codes = _mm512_inserti32x4(codes, part(32), 2);
  return _mm512_inserti32x4(codes, part(48), 3);
}

/// Codes of one chunk of 64 columns in their natural order; writes the scales and offsets of its groups.
__m512i grouped_chunk(const QuantizeJob& job, std::size_t at) {
  const std::size_t count = at < job.columns ? smaller(64, job.columns - at) : 0;
  const __m512i ones = _mm512_set1_epi8(1);
  if (job.group == 64) {
    const Scaling scaling = scaling_of(absmax_bits(job.x + at, count));
    const __m512i codes = codes_of(job.x + at, count, scaling.inverse);
    job.scales[at / 64] = scaling.scale;
    job.offsets[at / 64] =
        job.offset_factor * _mm512_reduce_add_epi32(_mm512_dpbusd_epi32(_mm512_setzero_si512(), ones, codes));
    return codes;
  }
  __m512i codes = _mm512_setzero_si512();
  for (std::size_t half = 0; half < 2; ++half) {
    const std::size_t used = count > half * 32 ? smaller(32, count - half * 32) : 0;
    const Scaling scaling = scaling_of(absmax_bits(job.x + at + half * 32, used));
    const __m512i part = codes_of(job.x + at + half * 32, used, scaling.inverse);
    codes = half == 0 ? part : _mm512_inserti64x4(codes, _mm512_castsi512_si256(part), 1);
    job.scales[at / 32 + half] = scaling.scale;
    job.offsets[at / 32 + half] =
        job.offset_factor * _mm512_reduce_add_epi32(_mm512_dpbusd_epi32(_mm512_setzero_si512(), ones, part));
  }
  return codes;
}

}  // namespace

void quantize(const QuantizeJob& job) {
  const std::size_t padded = (job.columns + kActivationPad - 1) / kActivationPad * kActivationPad;
  for (std::size_t i = padded / job.group; i < job.scale_stride; ++i) {
    job.scales[i] = 0;
    job.offsets[i] = 0;
  }
  for (std::size_t at = 0; at < padded; at += kActivationPad) {
    __m512i first = grouped_chunk(job, at);
    __m512i second = grouped_chunk(job, at + 64);
    if (job.order == Order::even_odd) {
      const auto evens = [](__m512i v) { return _mm512_cvtepi16_epi8(v); };
      const auto odds = [](__m512i v) { return _mm512_cvtepi16_epi8(_mm512_srli_epi16(v, 8)); };
      const __m512i even = _mm512_inserti64x4(_mm512_castsi256_si512(evens(first)), evens(second), 1);
      const __m512i odd = _mm512_inserti64x4(_mm512_castsi256_si512(odds(first)), odds(second), 1);
      first = even;
      second = odd;
    }
    _mm512_storeu_si512(job.codes + at, first);
    _mm512_storeu_si512(job.codes + at + 64, second);
  }
}

}  // namespace nibble::linear::avx512_vnni

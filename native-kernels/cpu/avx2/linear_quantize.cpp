// Activations to int8: the same roundings as reference::quantize_activations.

#include "cpu/avx2/linear_avx2.h"
#include "cpu/avx2/linear_table.h"

namespace nibble::linear::avx2 {
namespace {

std::uint32_t absmax_bits(const float* x, std::size_t count) {
  constexpr std::uint32_t kMagnitude = 0x7fffffffu;
  const __m256i magnitude = _mm256_set1_epi32(kMagnitude);
  __m256i largest = _mm256_setzero_si256();
  std::size_t i = 0;
  for (; i + 8 <= count; i += 8) largest = _mm256_max_epu32(largest, _mm256_and_si256(load32(x + i), magnitude));
  std::uint32_t lanes[8];
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(lanes), largest);
  std::uint32_t result = 0;
  for (const std::uint32_t lane : lanes) result = lane > result ? lane : result;
  for (; i < count; ++i) {
    const std::uint32_t bits = static_cast<std::uint32_t>(load_dword(x + i)) & kMagnitude;
    result = bits > result ? bits : result;
  }
  return result;
}

/// Writes `count` codes. @returns their sum
std::int32_t write_codes(const float* x, std::size_t count, float inverse, std::int8_t* codes) {
  if (inverse == 0) {
    std::memset(codes, 0, count);
    return 0;
  }
  const __m256 factor = _mm256_set1_ps(inverse);
  __m256i sums = _mm256_setzero_si256();
  for (std::size_t i = 0; i < count; i += 8) {
    float eight[8] = {};
    std::memcpy(eight, x + i, smaller(8, count - i) * sizeof(float));
    const __m256i v = _mm256_cvtps_epi32(_mm256_mul_ps(_mm256_loadu_ps(eight), factor));
    sums = _mm256_add_epi32(sums, v);
    const __m128i words = _mm_packs_epi32(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1));
    std::int8_t bytes[16];
    _mm_storeu_si128(reinterpret_cast<__m128i*>(bytes), _mm_packs_epi16(words, words));
    std::memcpy(codes + i, bytes, smaller(8, count - i));
  }
  return sum_of(sums);
}

}  // namespace

void quantize(const QuantizeJob& job) {
  const std::size_t padded = (job.columns + kActivationPad - 1) / kActivationPad * kActivationPad;
  const std::size_t group = job.group;
  for (std::size_t i = 0; i < job.scale_stride; ++i) {
    job.scales[i] = 0;
    job.offsets[i] = 0;
  }
  for (std::size_t at = 0; at < job.columns; at += group) {
    const std::size_t count = smaller(group, job.columns - at);
    const Scaling scaling = scaling_of(absmax_bits(job.x + at, count));
    job.scales[at / group] = scaling.scale;
    job.offsets[at / group] = job.offset_factor * write_codes(job.x + at, count, scaling.inverse, job.codes + at);
  }
  std::memset(job.codes + job.columns, 0, padded - job.columns);
  if (job.order == Order::natural) return;
  for (std::size_t at = 0; at < padded; at += kActivationPad) {
    std::int8_t natural[kActivationPad];
    std::memcpy(natural, job.codes + at, kActivationPad);
    for (std::size_t i = 0; i < kActivationPad / 2; ++i) {
      job.codes[at + i] = natural[2 * i];
      job.codes[at + kActivationPad / 2 + i] = natural[2 * i + 1];
    }
  }
}

}  // namespace nibble::linear::avx2

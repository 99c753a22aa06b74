// Activations to int8: the same roundings as rounding::quantize_activations.

#include "cpu/avx2/linear_avx2.h"
#include "cpu/avx2/linear_table.h"

namespace nibble::linear::avx2 {
namespace {

std::uint32_t largest_of(__m256i v) {
  __m128i m = _mm_max_epu32(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1));
  m = _mm_max_epu32(m, _mm_shuffle_epi32(m, 0x4e));
  m = _mm_max_epu32(m, _mm_shuffle_epi32(m, 0xb1));
  return static_cast<std::uint32_t>(_mm_cvtsi128_si32(m));
}

/// Largest magnitude of 32 activations by its bits: as integers magnitudes order like floats, and NaN lies above
/// infinity.
__m256i magnitudes(const float* x) {
  const __m256i magnitude = _mm256_set1_epi32(0x7fffffff);
  __m256i largest = _mm256_and_si256(load32(x), magnitude);
  NIBBLE_UNROLL for (int i = 8; i < 32; i += 8) {
    largest = _mm256_max_epu32(largest, _mm256_and_si256(load32(x + i), magnitude));
  }
  return largest;
}

/// 32 activations as codes.
__m256i codes_of(const float* x, __m256 inverse) {
  const auto eight = [&](int i) { return _mm256_cvtps_epi32(_mm256_mul_ps(_mm256_loadu_ps(x + i), inverse)); };
  const __m256i ab = _mm256_packs_epi32(eight(0), eight(8));
  const __m256i cd = _mm256_packs_epi32(eight(16), eight(24));
  // Packing works within 128-bit lanes: dwords a0 b0 c0 d0 a1 b1 c1 d1 of four codes each.
  const __m256i order = _mm256_set_epi32(7, 3, 6, 2, 5, 1, 4, 0);
  return _mm256_permutevar8x32_epi32(_mm256_packs_epi16(ab, cd), order);
}

/// The sums of eight dwords' codes.
__m256i sums_of(__m256i codes) {
  return _mm256_madd_epi16(_mm256_maddubs_epi16(_mm256_set1_epi8(1), codes), _mm256_set1_epi16(1));
}

/// One group, `x` and `codes` of its full size.
void group_codes(const QuantizeJob& job, std::size_t group, const float* x, std::int8_t* codes) {
  __m256i largest = magnitudes(x);
  if (job.group == 64) largest = _mm256_max_epu32(largest, magnitudes(x + 32));
  const Scaling scaling = scaling_of(largest_of(largest));
  __m256i sums = _mm256_setzero_si256();
  for (std::size_t i = 0; i < job.group; i += 32) {
    // Everything is zero when inverse is 0, even for NaN.
    __m256i part = _mm256_setzero_si256();
    if (scaling.inverse != 0) part = codes_of(x + i, _mm256_set1_ps(scaling.inverse));
    sums = _mm256_add_epi32(sums, sums_of(part));
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(codes + i), part);
  }
  job.scales[group] = scaling.scale;
  job.offsets[group] = job.offset_factor * sum_of(sums);
}

/// Puts 128 codes in Order::even_odd.
void part_even_and_odd(std::int8_t* codes) {
  const __m256i low = _mm256_set1_epi16(0xff);
  __m256i even[4];
  __m256i odd[4];
  NIBBLE_UNROLL for (int i = 0; i < 4; ++i) {
    const __m256i pairs = load32(codes + 32 * i);
    even[i] = _mm256_and_si256(pairs, low);
    odd[i] = _mm256_srli_epi16(pairs, 8);
  }
  NIBBLE_UNROLL for (int i = 0; i < 4; i += 2) {
    const __m256i evens = _mm256_permute4x64_epi64(_mm256_packus_epi16(even[i], even[i + 1]), 0xd8);
    const __m256i odds = _mm256_permute4x64_epi64(_mm256_packus_epi16(odd[i], odd[i + 1]), 0xd8);
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(codes + 16 * i), evens);
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(codes + 64 + 16 * i), odds);
  }
}

}  // namespace

void quantize(const QuantizeJob& job) {
  const std::size_t padded = (job.columns + kActivationPad - 1) / kActivationPad * kActivationPad;
  const std::size_t whole = job.columns / job.group;
  for (std::size_t g = whole; g < job.scale_stride; ++g) {
    job.scales[g] = 0;
    job.offsets[g] = 0;
  }
  for (std::size_t g = 0; g < whole; ++g) group_codes(job, g, job.x + g * job.group, job.codes + g * job.group);
  const std::size_t at = whole * job.group;
  if (at < job.columns) {
    float last[64] = {};
    std::int8_t codes[64];
    std::memcpy(last, job.x + at, (job.columns - at) * sizeof(float));
    group_codes(job, whole, last, codes);
    std::memcpy(job.codes + at, codes, job.columns - at);
  }
  std::memset(job.codes + job.columns, 0, padded - job.columns);
  if (job.order == Order::natural) return;
  for (std::size_t i = 0; i < padded; i += kActivationPad) part_even_and_odd(job.codes + i);
}

}  // namespace nibble::linear::avx2

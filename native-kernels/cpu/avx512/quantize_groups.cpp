// Symmetric 8-bit groups, 16 of them at a time: first every absmax, so that two divisions of vectors serve all, then
// the codes, while their source is in the first-level cache.

#include "cpu/avx512/quantize_4bit.h"
#include "cpu/avx512/quantize_vectors.h"

namespace nibble {
namespace {

constexpr float kSteps = 127;

/// Of 16 groups. Every number is that of affine_group in cpu/quantize_integers.cpp.
struct GroupScales {
  __m512 inverses;
  __m512 scales;
  __mmask16 vanishing;  // groups without a scale

  explicit GroupScales(__m512 absmax) {
    const Half low(_mm512_castps512_ps256(absmax));
    const Half high(_mm512_extractf32x8_ps(absmax, 1));
    vanishing = static_cast<__mmask16>(low.vanishing | high.vanishing << 8);
    inverses = both(low.inverses, high.inverses);
    scales = both(low.scales, high.scales);
  }

 private:
  struct Half {
    __m256 inverses;
    __m256 scales;
    __mmask8 vanishing;

    explicit Half(__m256 absmax) {
      const __m512d span = _mm512_cvtps_pd(absmax);
      const __m512d steps = _mm512_set1_pd(double{kSteps});
      vanishing = _mm512_cmp_pd_mask(_mm512_mul_pd(span, _mm512_set1_pd(double{std::numeric_limits<float>::max()})),
                                     steps, _CMP_LT_OQ);
      const auto present = static_cast<__mmask8>(~vanishing);
      inverses = _mm512_cvtpd_ps(_mm512_maskz_div_pd(present, steps, span));
      scales = _mm512_cvtpd_ps(_mm512_maskz_div_pd(present, span, steps));
    }
  };

  static __m512 both(__m256 low, __m256 high) { return _mm512_insertf32x8(_mm512_castps256_ps512(low), high, 1); }
};

/// Codes of one group of a multiple of 64 weights. Element i of it goes to lane i % 16 of the sums.
template <WeightType type>
NIBBLE_INLINE MomentVectors quantize_group(const unsigned char* source, std::size_t size, float inverse,
                                           std::int8_t* codes) {
  constexpr std::size_t kSize = type == WeightType::f32 ? 4 : 2;
  const __m512 scale = _mm512_set1_ps(inverse);
  const __m512i by_vector = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
  MomentVectors sums;
  for (std::size_t i = 0; i < size; i += 64) {
    __m512 scaled[4];
    __m512i four[4];
    for (std::size_t k = 0; k < 4; ++k) scaled[k] = _mm512_mul_ps(load16<type>(source + (i + k * 16) * kSize), scale);
    for (std::size_t k = 0; k < 4; ++k) {
      four[k] = _mm512_cvt_roundps_epi32(scaled[k], _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
    }
    for (std::size_t k = 0; k < 4; ++k) {
      const __m512 value = _mm512_cvtepi32_ps(four[k]);
      sums.add(_mm512_sub_ps(scaled[k], value), value);
    }
    // No code is beyond 127: the largest weight times the inverse exceeds it by two roundings at most.
    const __m512i bytes =
        _mm512_packs_epi16(_mm512_packs_epi32(four[0], four[1]), _mm512_packs_epi32(four[2], four[3]));
    _mm512_storeu_si512(codes + i, _mm512_permutexvar_epi32(by_vector, bytes));
  }
  return sums;
}

/// @tparam known_size of a group; 0 where it is only known at run time
template <WeightType type, std::size_t known_size>
std::size_t quantize(const unsigned char* source, std::size_t groups, std::size_t any_size, std::int8_t* codes,
                     float* scales, Moments* moments) {
  constexpr std::size_t kSize = type == WeightType::f32 ? 4 : 2;
  const std::size_t size = known_size == 0 ? any_size : known_size;
  for (std::size_t first = 0; first < groups; first += kAbsmaxBlocks) {
    const std::size_t count = groups - first < kAbsmaxBlocks ? groups - first : kAbsmaxBlocks;
    const auto at = [&](std::size_t i) { return source + (first + i) * size * kSize; };
    const auto codes_at = [&](std::size_t i) { return codes + (first + i) * size; };
    const __m512 absmax = absmax_of<type, known_size * kSize>(at(0), count, size * kSize);
    const __mmask16 bad = _mm512_cmpge_epu32_mask(_mm512_castps_si512(absmax), _mm512_set1_epi32(0x7f800000));
    if (bad != 0) return first + _tzcnt_u32(bad);
    const auto present = static_cast<__mmask16>((1u << count) - 1);
    const GroupScales made(absmax);
    _mm512_mask_storeu_ps(scales + first, present, made.scales);
    alignas(64) float inverses[kAbsmaxBlocks];
    _mm512_store_ps(inverses, made.inverses);

    const auto quantize_at = [&](std::size_t i) { return quantize_group<type>(at(i), size, inverses[i], codes_at(i)); };
    std::size_t i = 0;
    for (; i + 4 <= count; i += 4) {
      fetch_ahead(at(i), 4 * size * kSize, kAbsmaxBlocks * size * kSize);
      MomentFold fold;
      const MomentVectors a = quantize_at(i);
      const MomentVectors b = quantize_at(i + 1);
      fold.take_first(a, b);
      const MomentVectors c = quantize_at(i + 2);
      const MomentVectors d = quantize_at(i + 3);
      fold.take_second(c, d);
      fold.store(moments + first + i);
    }
    for (; i < count; ++i) store_moments(quantize_at(i), moments + first + i);
    for (std::uint32_t left = made.vanishing & present; left != 0; left &= left - 1) {
      const std::size_t group = _tzcnt_u32(left);
      const IntegerCoding zeros{0, 1 / kSmallestUnit, 0, -127, 127, false};
      moments[first + group] =
          quantize_kernels_avx512().quantize_integers(at(group), type, size, zeros, codes_at(group));
    }
  }
  return groups;
}

template <WeightType type>
std::size_t quantize(const void* source, std::size_t groups, std::size_t size, std::int8_t* codes, float* scales,
                     Moments* moments) {
  const auto* bytes = static_cast<const unsigned char*>(source);
  if (size == 64) return quantize<type, 64>(bytes, groups, size, codes, scales, moments);
  return quantize<type, 0>(bytes, groups, size, codes, scales, moments);
}

}  // namespace

std::size_t quantize_absmax_groups_avx512(const void* source, WeightType type, std::size_t groups,
                                          std::size_t group_size, std::int8_t* codes, float* scales, Moments* moments) {
  switch (type) {
    case WeightType::bf16:
      return quantize<WeightType::bf16>(source, groups, group_size, codes, scales, moments);
    case WeightType::f16:
      return quantize<WeightType::f16>(source, groups, group_size, codes, scales, moments);
    case WeightType::f32:
      break;
  }
  return quantize<WeightType::f32>(source, groups, group_size, codes, scales, moments);
}

}  // namespace nibble

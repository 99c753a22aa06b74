#pragma once

// Shared by the AVX2 kernels; everything is static (see cpu/linear_scalars.h).
//
// vpmaddubsw adds two products in 16 bits and would saturate for unsigned weights up to 255. Here the weight's sign is
// moved to the activation: |w| <= 128 and |x| <= 127 make pairs of at most 32512, so every product is exact.

#include <immintrin.h>

#include <cstddef>
#include <cstdint>

#include "cpu/linear_kernels.h"
#include "cpu/linear_scalars.h"

namespace nibble::linear {

/// 64 columns of one row as signed bytes: 4-bit the 32 even ones and the 32 odd ones, 8-bit the first and second 32.
struct Half {
  __m256i a;
  __m256i b;
};

static inline __m256i load32(const void* p) { return _mm256_loadu_si256(static_cast<const __m256i*>(p)); }

/// @param p 32 bytes (4-bit) or 64 bytes (8-bit)
template <int kBits>
static inline Half decode_half(const std::uint8_t* p, __m256i table) {
  if constexpr (kBits == 4) {
    const __m256i mask = _mm256_set1_epi8(15);
    const __m256i bytes = load32(p);
    return {_mm256_shuffle_epi8(table, _mm256_and_si256(_mm256_srli_epi16(bytes, 4), mask)),
            _mm256_shuffle_epi8(table, _mm256_and_si256(bytes, mask))};
  } else {
    return {load32(p), load32(p + 32)};
  }
}

/// As above for a row's last `left` bytes; what lies behind counts as code 0 and meets zero activations.
template <int kBits>
static inline Half decode_tail(const std::uint8_t* p, std::size_t left, __m256i table) {
  std::uint8_t bytes[64] = {};
  std::memcpy(bytes, p, left);
  return decode_half<kBits>(bytes, table);
}

static inline __m256i signed_table(const std::int8_t* map) {
  return _mm256_broadcastsi128_si256(_mm_loadu_si128(reinterpret_cast<const __m128i*>(map)));
}

/// Adds the products of 32 signed weights and activations to 8 dwords, four products each.
static inline __m256i add_products(__m256i sums, __m256i w, __m256i magnitude, __m256i x) {
  const __m256i pairs = _mm256_maddubs_epi16(magnitude, _mm256_sign_epi8(x, w));
  return _mm256_add_epi32(sums, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)));
}

/// Where a half's activations lie in a token's codes: `first` for a, first + kSecond<bits> for b.
template <int kBits>
static inline std::size_t half_offset(std::size_t half) {
  return kBits == 4 ? half / 2 * 128 + half % 2 * 32 : half * 64;
}
template <int kBits>
static constexpr std::size_t kSecond = kBits == 4 ? 64 : 32;

static inline float sum_of(__m256 v) {
  const __m128 four = _mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
  const __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
  return _mm_cvtss_f32(_mm_add_ss(two, _mm_shuffle_ps(two, two, 1)));
}

static inline std::int32_t sum_of(__m256i v) {
  const __m128i four = _mm_add_epi32(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1));
  const __m128i two = _mm_add_epi32(four, _mm_shuffle_epi32(four, 0x4e));
  return _mm_cvtsi128_si32(_mm_add_epi32(two, _mm_shuffle_epi32(two, 0xb1)));
}

/// One half times one token, scaled: total += products * scales of the half's groups.
/// @param scales of the token and row combined, [groups]
template <int kBits, int kGroup>
static inline __m256 add_half(__m256 total, const Half& w, const Half& magnitude, const std::int8_t* x,
                              const float* scales, std::size_t half) {
  const std::int8_t* at = x + half_offset<kBits>(half);
  const __m256i zero = _mm256_setzero_si256();
  const __m256i a = add_products(zero, w.a, magnitude.a, load32(at));
  if constexpr (kBits == 8 && kGroup == 32) {
    const __m256i b = add_products(zero, w.b, magnitude.b, load32(at + kSecond<kBits>));
    total = _mm256_fmadd_ps(_mm256_cvtepi32_ps(a), _mm256_set1_ps(scales[half * 2]), total);
    return _mm256_fmadd_ps(_mm256_cvtepi32_ps(b), _mm256_set1_ps(scales[half * 2 + 1]), total);
  } else {
    const __m256i both = add_products(a, w.b, magnitude.b, load32(at + kSecond<kBits>));
    // 4-bit with groups of 32: the first four dwords of even and of odd columns belong to the first group.
    const __m256 scale = kGroup == 64
                             ? _mm256_set1_ps(scales[half])
                             : _mm256_set_m128(_mm_set1_ps(scales[half * 2 + 1]), _mm_set1_ps(scales[half * 2]));
    return _mm256_fmadd_ps(_mm256_cvtepi32_ps(both), scale, total);
  }
}

/// Scales and zero points of the groups of the cursor's row; zeros behind the last group.
/// @param zeros null when the weights have no zero points
static inline void load_group_scales(const GroupedWeights& w, const ScaleCursor& cursor, std::size_t scale_stride,
                                     float* scales, float* zeros) {
  const BlockScales& s = w.scales;
  const std::size_t groups = cursor.groups;
  std::size_t block = cursor.block;
  std::size_t left = s.block_size - cursor.phase;
  const auto scale_of = [&](std::size_t index) {
    if (s.values != nullptr) return load_unaligned(s.values, index) * s.factor;
    const float product = load_unaligned(s.nested_map, s.codes[index]) * load_unaligned(s.nested_absmax, index / 256);
    return (product + s.nested_offset) * s.factor;
  };
  std::size_t g = 0;
  while (g < groups) {
    const float scale = scale_of(block);
    const float zero = zeros != nullptr ? static_cast<float>(s.zero_points[block]) : 0.0f;
    for (; g < groups && left >= w.group; ++g, left -= w.group) {
      scales[g] = scale;
      if (zeros != nullptr) zeros[g] = zero;
    }
    ++block;
    left = s.block_size;
  }
  for (; g < scale_stride; ++g) {
    scales[g] = 0;
    if (zeros != nullptr) zeros[g] = 0;
  }
}

/// combined = weight scale * activation scale; returns what the zero points contribute (offset_factor is -1 then).
static inline float combine(const float* scales, const float* zeros, const Int8Activations& x, std::size_t token,
                            float* combined) {
  const float* token_scales = x.scales + token * x.scale_stride;
  for (std::size_t g = 0; g < x.scale_stride; ++g) combined[g] = scales[g] * token_scales[g];
  if (zeros == nullptr) return 0;
  const std::int32_t* offsets = x.offsets + token * x.scale_stride;
  __m256 correction = _mm256_setzero_ps();
  for (std::size_t g = 0; g < x.scale_stride; g += 8) {
    const __m256 sums = _mm256_cvtepi32_ps(load32(offsets + g));
    const __m256 shift = _mm256_mul_ps(_mm256_loadu_ps(combined + g), _mm256_loadu_ps(zeros + g));
    correction = _mm256_fmadd_ps(shift, sums, correction);
  }
  return sum_of(correction);
}

}  // namespace nibble::linear

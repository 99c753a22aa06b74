// NF4 and FP4 blocks, 8 weights at a time: the rank is found by binary search, thresholds picked by a permute.

#include "cpu/avx2/quantize_4bit.h"

#include "cpu/avx2/quantize_vectors.h"

namespace nibble {
namespace {

/// A table in registers: see FourBitTables.
struct TableVectors {
  __m256 middle;       // threshold 7
  __m256 quarters[2];  // 3, 11
  __m256 eighths;      // 1, 5, 9, 13
  __m256 sixteenths;   // 0, 2, … 14
  __m256 values[2];    // of ranks 0 to 7, 8 to 15
  __m256i codes;       // [16 bytes] code of each rank, twice

  explicit TableVectors(const FourBitTables& tables)
      : middle(_mm256_set1_ps(tables.thresholds[7])),
        quarters{_mm256_set1_ps(tables.thresholds[3]), _mm256_set1_ps(tables.thresholds[11])},
        eighths(_mm256_setr_ps(tables.thresholds[1], tables.thresholds[5], tables.thresholds[9], tables.thresholds[13],
                               0, 0, 0, 0)),
        sixteenths(_mm256_setr_ps(tables.thresholds[0], tables.thresholds[2], tables.thresholds[4],
                                  tables.thresholds[6], tables.thresholds[8], tables.thresholds[10],
                                  tables.thresholds[12], tables.thresholds[14])),
        values{_mm256_loadu_ps(tables.values), _mm256_loadu_ps(tables.values + 8)},
        codes(_mm256_broadcastsi128_si256(_mm_loadu_si128(reinterpret_cast<const __m128i*>(tables.codes)))) {}
};

/// 2 * rank, plus one where scaled is above the threshold.
inline __m256i descend(__m256i rank, __m256 scaled, __m256 threshold) {
  const __m256i above = _mm256_castps_si256(_mm256_cmp_ps(scaled, threshold, _CMP_GT_OQ));
  return _mm256_sub_epi32(_mm256_add_epi32(rank, rank), above);
}

/// Ranks of 8 scaled weights, one per 32-bit lane; their errors are added to `moments`.
template <int half>
inline __m256i ranks_of(__m256 scaled, const TableVectors& tables, MomentVectors& moments) {
  const __m256 upper = _mm256_cmp_ps(scaled, tables.middle, _CMP_GT_OQ);
  __m256i rank = _mm256_sub_epi32(_mm256_setzero_si256(), _mm256_castps_si256(upper));
  rank = descend(rank, scaled, _mm256_blendv_ps(tables.quarters[0], tables.quarters[1], upper));
  rank = descend(rank, scaled, _mm256_permutevar8x32_ps(tables.eighths, rank));
  rank = descend(rank, scaled, _mm256_permutevar8x32_ps(tables.sixteenths, rank));
  const __m256 value = _mm256_blendv_ps(_mm256_permutevar8x32_ps(tables.values[0], rank),
                                        _mm256_permutevar8x32_ps(tables.values[1], rank), upper);
  moments.add<half>(_mm256_sub_ps(scaled, value), value);
  return rank;
}

/// 32 ranks become 16 bytes of codes, the first of each pair in the high nibble.
/// @param even, odd of 16 weights each
inline void store_packed(const __m256i even[2], const __m256i odd[2], const TableVectors& tables, std::uint8_t* to) {
  // The packs work within 128-bit halves: each then holds four even ranks of the first 16 weights, four of the others,
  // and as many odd ones.
  const __m256i ranks = _mm256_packus_epi16(_mm256_packs_epi32(even[0], even[1]), _mm256_packs_epi32(odd[0], odd[1]));
  const __m256i codes = _mm256_shuffle_epi8(tables.codes, ranks);
  const __m256i pairs = _mm256_or_si256(_mm256_slli_epi16(codes, 4), _mm256_unpackhi_epi64(codes, codes));
  _mm_storeu_si128(reinterpret_cast<__m128i*>(to),
                   _mm_unpacklo_epi32(_mm256_castsi256_si128(pairs), _mm256_extracti128_si256(pairs, 1)));
}

/// Bits of the largest magnitude as float32. Order of bits is order of magnitudes, and NaN and infinity come out above
/// all numbers.
template <WeightType type>
inline std::uint32_t largest_bits(const unsigned char* source, std::size_t count) {
  __m256i largest = _mm256_setzero_si256();
  if constexpr (type == WeightType::f32) {
    for (std::size_t i = 0; i < count; i += 8) {
      const __m256i bits = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(source + i * 4));
      largest = _mm256_max_epu32(largest, _mm256_and_si256(bits, _mm256_set1_epi32(0x7fffffff)));
    }
    __m128i four = _mm_max_epu32(_mm256_castsi256_si128(largest), _mm256_extracti128_si256(largest, 1));
    four = _mm_max_epu32(four, _mm_shuffle_epi32(four, 0x4e));
    four = _mm_max_epu32(four, _mm_shuffle_epi32(four, 0xb1));
    return static_cast<std::uint32_t>(_mm_cvtsi128_si32(four));
  }
  for (std::size_t i = 0; i < count; i += 16) {
    const __m256i bits = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(source + i * 2));
    largest = _mm256_max_epu16(largest, _mm256_and_si256(bits, _mm256_set1_epi16(0x7fff)));
  }
  const __m128i eight = _mm_max_epu16(_mm256_castsi256_si128(largest), _mm256_extracti128_si256(largest, 1));
  const __m128i smallest = _mm_minpos_epu16(_mm_xor_si128(eight, _mm_set1_epi16(-1)));
  const std::uint32_t bits = (static_cast<std::uint32_t>(_mm_cvtsi128_si32(smallest)) ^ 0xffff) & 0xffff;
  if constexpr (type == WeightType::bf16) return bits << 16;
  const __m128 value = _mm_cvtph_ps(_mm_cvtsi32_si128(static_cast<int>(bits)));
  return static_cast<std::uint32_t>(_mm_cvtsi128_si32(_mm_castps_si128(value)));
}

template <WeightType type>
std::size_t quantize(const FourBitTables& tables, const void* source, std::size_t blocks, std::size_t block_size,
                     std::uint8_t* codes, float* absmax, Moments* moments) {
  constexpr std::size_t kSize = type == WeightType::f32 ? 4 : 2;
  const TableVectors vectors(tables);
  for (std::size_t block = 0; block < blocks; ++block) {
    const unsigned char* weights = static_cast<const unsigned char*>(source) + block * block_size * kSize;
    const std::uint32_t bits = largest_bits<type>(weights, block_size);
    if (bits >= 0x7f800000u) return block;
    const float largest = _mm_cvtss_f32(_mm_castsi128_ps(_mm_cvtsi32_si128(static_cast<int>(bits))));
    absmax[block] = largest;
    const __m256 inverse = _mm256_set1_ps(1.0f / (largest > kSmallestAbsmax ? largest : kSmallestAbsmax));
    MomentVectors sums;
    for (std::size_t i = 0; i < block_size; i += 32) {
      // Spelled out: in a loop the compiler keeps the sums in memory.
      const unsigned char* at = weights + i * kSize;
      const Pairs low = load_pairs<type>(at);
      const Pairs high = load_pairs<type>(at + 16 * kSize);
      const __m256i low_even = ranks_of<0>(_mm256_mul_ps(low.even, inverse), vectors, sums);
      const __m256i low_odd = ranks_of<0>(_mm256_mul_ps(low.odd, inverse), vectors, sums);
      const __m256i high_even = ranks_of<1>(_mm256_mul_ps(high.even, inverse), vectors, sums);
      const __m256i high_odd = ranks_of<1>(_mm256_mul_ps(high.odd, inverse), vectors, sums);
      const __m256i even[2] = {low_even, high_even};
      const __m256i odd[2] = {low_odd, high_odd};
      store_packed(even, odd, vectors, codes + (block * block_size + i) / 2);
    }
    store_moments(sums, moments + block);
  }
  return blocks;
}

}  // namespace

std::size_t quantize_blocks_avx2(const FourBitTables& tables, const void* source, WeightType type, std::size_t blocks,
                                 std::size_t block_size, std::uint8_t* codes, float* absmax, Moments* moments) {
  switch (type) {
    case WeightType::bf16:
      return quantize<WeightType::bf16>(tables, source, blocks, block_size, codes, absmax, moments);
    case WeightType::f16:
      return quantize<WeightType::f16>(tables, source, blocks, block_size, codes, absmax, moments);
    case WeightType::f32:
      break;
  }
  return quantize<WeightType::f32>(tables, source, blocks, block_size, codes, absmax, moments);
}

void dequantize_blocks_avx2(const FourBitTables& tables, const std::uint8_t* codes, const float* absmax,
                            std::size_t blocks, std::size_t block_size, float* out) {
  const __m256 low = _mm256_loadu_ps(tables.values_by_code);
  const __m256 high = _mm256_loadu_ps(tables.values_by_code + 8);
  // Each byte is spread to two lanes: the even one is shifted to its high nibble. The permutes look at three bits, the
  // blend at the fourth once it is the sign.
  const __m256i shifts = _mm256_setr_epi32(4, 0, 4, 0, 4, 0, 4, 0);
  for (std::size_t block = 0; block < blocks; ++block) {
    const __m256 scale = _mm256_set1_ps(absmax[block]);
    for (std::size_t i = block * block_size; i < (block + 1) * block_size; i += 8) {
      const __m128i bytes = _mm_loadu_si32(codes + i / 2);
      const __m256i twice = _mm256_cvtepu8_epi32(_mm_unpacklo_epi8(bytes, bytes));
      const __m256i code = _mm256_srlv_epi32(twice, shifts);
      const __m256 upper = _mm256_castsi256_ps(_mm256_slli_epi32(code, 28));
      const __m256 value =
          _mm256_blendv_ps(_mm256_permutevar8x32_ps(low, code), _mm256_permutevar8x32_ps(high, code), upper);
      _mm256_storeu_ps(out + i, _mm256_mul_ps(value, scale));
    }
  }
}

}  // namespace nibble

// NF4 and FP4 blocks, 16 weights at a time. Groups of 16 blocks: first every absmax, so that one division serves 16
// blocks, then the codes, while the group's source is in the first-level cache.

#include "cpu/avx512/quantize_4bit.h"

#include "cpu/avx512/quantize_vectors.h"

namespace nibble {
namespace {

constexpr std::size_t kGroup = 16;

/// A table in registers: see FourBitTables.
struct TableVectors {
  __m512 cell_threshold[2];
  __m512i cell_rank[2];
  __m512 values;
  __m512i codes;
  __m512 apart[2];

  explicit TableVectors(const FourBitTables& tables)
      : cell_threshold{_mm512_loadu_ps(tables.cell_threshold), _mm512_loadu_ps(tables.cell_threshold + 16)},
        cell_rank{_mm512_loadu_si512(tables.cell_rank), _mm512_loadu_si512(tables.cell_rank + 16)},
        values(_mm512_loadu_ps(tables.values)),
        codes(_mm512_cvtepu8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(tables.codes)))),
        apart{_mm512_set1_ps(tables.apart[0]), _mm512_set1_ps(tables.apart[1])} {}
};

/// Codes of 16 scaled weights, one per 32-bit lane; their errors are added to `moments`.
template <bool fp4>
inline __m512i codes_of(__m512 scaled, const TableVectors& tables, MomentVectors& moments) {
  // Adding 1.5 * 2^23 rounds to a whole number and leaves it in the low bits, which are all that the permutes look at.
  const __m512i cell = _mm512_castps_si512(
      _mm512_fmadd_ps(scaled, _mm512_set1_ps(FourBitTables::kCellScale), _mm512_set1_ps(12582912.0f)));
  const __m512 threshold = _mm512_permutex2var_ps(tables.cell_threshold[0], cell, tables.cell_threshold[1]);
  __m512i rank = _mm512_permutex2var_epi32(tables.cell_rank[0], cell, tables.cell_rank[1]);
  const __m512i one = _mm512_set1_epi32(1);
  rank = _mm512_mask_add_epi32(rank, _mm512_cmp_ps_mask(scaled, threshold, _CMP_GT_OQ), rank, one);
  if constexpr (fp4) {
    rank = _mm512_mask_add_epi32(rank, _mm512_cmp_ps_mask(scaled, tables.apart[0], _CMP_GT_OQ), rank, one);
    rank = _mm512_mask_add_epi32(rank, _mm512_cmp_ps_mask(scaled, tables.apart[1], _CMP_GT_OQ), rank, one);
  }
  const __m512 value = _mm512_permutexvar_ps(rank, tables.values);
  moments.add(_mm512_sub_ps(scaled, value), value);
  if constexpr (fp4) return _mm512_permutexvar_epi32(rank, tables.codes);
  return rank;
}

/// 64 codes, 16 to a vector, become 32 bytes, the first of each pair in the high nibble.
inline void store_packed(const __m512i codes[4], std::uint8_t* to) {
  // The packs work within 128-bit quarters: quarter j then holds codes 4j to 4j + 3 of each vector.
  const __m512i bytes =
      _mm512_packus_epi16(_mm512_packus_epi32(codes[0], codes[1]), _mm512_packus_epi32(codes[2], codes[3]));
  const __m512i pairs = _mm512_maddubs_epi16(bytes, _mm512_set1_epi16(0x0110));  // 16 * first + second
  const __m512i by_vector = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
  const __m256i packed = _mm512_cvtepi16_epi8(_mm512_permutexvar_epi32(by_vector, pairs));
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), packed);
}

/// Bits of the largest magnitude: as float32 for f32, in 16 bits else. Order of bits is order of magnitudes, and NaN
/// and infinity come out above all numbers.
template <WeightType type>
inline std::uint32_t largest_bits(const unsigned char* source, std::size_t count) {
  if constexpr (type == WeightType::f32) {
    const __m512i magnitude = _mm512_set1_epi32(0x7fffffff);
    __m512i largest = _mm512_setzero_si512();
    for (std::size_t i = 0; i < count; i += 16) {
      largest = _mm512_max_epu32(largest, _mm512_and_si512(_mm512_loadu_si512(source + i * 4), magnitude));
    }
    return _mm512_reduce_max_epu32(largest);
  }
  const __m512i magnitude = _mm512_set1_epi16(0x7fff);
  __m512i largest = _mm512_setzero_si512();
  for (std::size_t i = 0; i < count; i += 32) {
    largest = _mm512_max_epu16(largest, _mm512_and_si512(_mm512_loadu_si512(source + i * 2), magnitude));
  }
  const __m256i half = _mm256_max_epu16(_mm512_castsi512_si256(largest), _mm512_extracti64x4_epi64(largest, 1));
  const __m128i quarter = _mm_max_epu16(_mm256_castsi256_si128(half), _mm256_extracti128_si256(half, 1));
  const __m128i ones = _mm_set1_epi16(-1);
  const __m128i smallest = _mm_minpos_epu16(_mm_xor_si128(quarter, ones));
  return (static_cast<std::uint32_t>(_mm_cvtsi128_si32(smallest)) ^ 0xffff) & 0xffff;
}

/// Float32 absmax of up to 16 blocks.
template <WeightType type>
inline __m512 absmax_of(const unsigned char* source, std::size_t blocks, std::size_t block_size) {
  alignas(64) std::uint32_t bits[kGroup] = {};
  for (std::size_t i = 0; i < blocks; ++i) {
    bits[i] = largest_bits<type>(source + i * block_size * (type == WeightType::f32 ? 4 : 2), block_size);
  }
  const __m512i all = _mm512_load_si512(bits);
  if constexpr (type == WeightType::f32) return _mm512_castsi512_ps(all);
  if constexpr (type == WeightType::f16) return _mm512_cvtph_ps(_mm512_cvtepi32_epi16(all));
  return _mm512_castsi512_ps(_mm512_slli_epi32(all, 16));
}

/// One block of a multiple of 64 weights.
template <WeightType type, bool fp4>
inline void quantize_block(const unsigned char* source, std::size_t block_size, float inverse,
                           const TableVectors& tables, std::uint8_t* codes, Moments* moments) {
  constexpr std::size_t kSize = type == WeightType::f32 ? 4 : 2;
  const __m512 scale = _mm512_set1_ps(inverse);
  MomentVectors sums;
  for (std::size_t i = 0; i < block_size; i += 64) {
    __m512i four[4];
    for (std::size_t k = 0; k < 4; ++k) {
      const __m512 weights = load16<type>(source + (i + k * 16) * kSize);
      four[k] = codes_of<fp4>(_mm512_mul_ps(weights, scale), tables, sums);
    }
    store_packed(four, codes + i / 2);
  }
  store_moments(sums, moments);
}

/// Two blocks of 32 weights.
template <WeightType type, bool fp4>
inline void quantize_pair(const unsigned char* source, const float* inverses, const TableVectors& tables,
                          std::uint8_t* codes, Moments* moments) {
  constexpr std::size_t kSize = type == WeightType::f32 ? 4 : 2;
  const __m512 first = _mm512_set1_ps(inverses[0]);
  const __m512 second = _mm512_set1_ps(inverses[1]);
  MomentVectors first_sums, second_sums;
  const __m512i four[4] = {
      codes_of<fp4>(_mm512_mul_ps(load16<type>(source), first), tables, first_sums),
      codes_of<fp4>(_mm512_mul_ps(load16<type>(source + 16 * kSize), first), tables, first_sums),
      codes_of<fp4>(_mm512_mul_ps(load16<type>(source + 32 * kSize), second), tables, second_sums),
      codes_of<fp4>(_mm512_mul_ps(load16<type>(source + 48 * kSize), second), tables, second_sums),
  };
  store_packed(four, codes);
  store_moments(first_sums, moments);
  store_moments(second_sums, moments + 1);
}

template <WeightType type, bool fp4>
std::size_t quantize(const FourBitTables& tables, const unsigned char* source, std::size_t blocks,
                     std::size_t block_size, std::uint8_t* codes, float* absmax, Moments* moments) {
  constexpr std::size_t kSize = type == WeightType::f32 ? 4 : 2;
  const TableVectors vectors(tables);
  for (std::size_t first = 0; first < blocks; first += kGroup) {
    const std::size_t count = blocks - first < kGroup ? blocks - first : kGroup;
    const unsigned char* group = source + first * block_size * kSize;
    const __m512 largest = absmax_of<type>(group, count, block_size);
    const __mmask16 bad = _mm512_cmpge_epu32_mask(_mm512_castps_si512(largest), _mm512_set1_epi32(0x7f800000));
    if (bad != 0) return first + _tzcnt_u32(bad);
    const auto present = static_cast<__mmask16>((1u << count) - 1);
    _mm512_mask_storeu_ps(absmax + first, present, largest);
    alignas(64) float inverses[kGroup];
    _mm512_store_ps(inverses,
                    _mm512_div_ps(_mm512_set1_ps(1.0f), _mm512_max_ps(largest, _mm512_set1_ps(kSmallestAbsmax))));

    std::uint8_t* group_codes = codes + first * block_size / 2;
    if (block_size >= 64) {
      for (std::size_t i = 0; i < count; ++i) {
        quantize_block<type, fp4>(group + i * block_size * kSize, block_size, inverses[i], vectors,
                                  group_codes + i * block_size / 2, moments + first + i);
      }
      continue;
    }
    std::size_t i = 0;
    for (; i + 2 <= count; i += 2) {
      quantize_pair<type, fp4>(group + i * 32 * kSize, inverses + i, vectors, group_codes + i * 16,
                               moments + first + i);
    }
    if (i < count) {
      quantize_kernels_reference().quantize_blocks(tables, group + i * 32 * kSize, type, 1, 32, group_codes + i * 16,
                                                   absmax + first + i, moments + first + i);
    }
  }
  return blocks;
}

template <WeightType type>
std::size_t quantize(const FourBitTables& tables, const void* source, std::size_t blocks, std::size_t block_size,
                     std::uint8_t* codes, float* absmax, Moments* moments) {
  const auto* bytes = static_cast<const unsigned char*>(source);
  // Only FP4 has thresholds that are compared apart.
  if (tables.apart[0] < 1.0f) return quantize<type, true>(tables, bytes, blocks, block_size, codes, absmax, moments);
  return quantize<type, false>(tables, bytes, blocks, block_size, codes, absmax, moments);
}

}  // namespace

std::size_t quantize_blocks_avx512(const FourBitTables& tables, const void* source, WeightType type, std::size_t blocks,
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

void dequantize_blocks_avx512(const FourBitTables& tables, const std::uint8_t* codes, const float* absmax,
                              std::size_t blocks, std::size_t block_size, float* out) {
  const __m512 values = _mm512_loadu_ps(tables.values_by_code);
  // Each byte is spread to two lanes: the even one is shifted to its high nibble. The permute looks at four bits only.
  const __m512i spread = _mm512_set1_epi64(0x0000000000000004);
  for (std::size_t block = 0; block < blocks; ++block) {
    const __m512 scale = _mm512_set1_ps(absmax[block]);
    for (std::size_t i = block * block_size; i < (block + 1) * block_size; i += 16) {
      const __m128i eight = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(codes + i / 2));
      const __m512i twice = _mm512_cvtepu8_epi32(_mm_unpacklo_epi8(eight, eight));
      const __m512i code = _mm512_srlv_epi32(twice, spread);
      _mm512_storeu_ps(out + i, _mm512_mul_ps(_mm512_permutexvar_ps(code, values), scale));
    }
  }
}

}  // namespace nibble

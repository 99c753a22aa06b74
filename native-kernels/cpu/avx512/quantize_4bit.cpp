// NF4 and FP4 blocks, 16 weights at a time. Groups of 16 blocks: first every absmax, so that one division serves 16
// blocks, then the codes, while the group's source is in the first-level cache.

#include "cpu/avx512/quantize_4bit.h"

#include "cpu/avx512/quantize_vectors.h"

namespace nibble {
namespace {

/// A table in registers: see FourBitTables.
struct TableVectors {
  __m512 cell_threshold[2];
  __m512i cell_rank[2];
  __m512i cell_both[2];
  __m512 values;
  __m512i codes;
  __m512 apart[2];

  explicit TableVectors(const FourBitTables& tables)
      : cell_threshold{_mm512_loadu_ps(tables.cell_threshold), _mm512_loadu_ps(tables.cell_threshold + 16)},
        cell_rank{_mm512_loadu_si512(tables.cell_rank), _mm512_loadu_si512(tables.cell_rank + 16)},
        cell_both{_mm512_loadu_si512(tables.cell_both), _mm512_loadu_si512(tables.cell_both + 16)},
        values(_mm512_loadu_ps(tables.values)),
        codes(_mm512_cvtepu8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(tables.codes)))),
        apart{_mm512_set1_ps(tables.apart[0]), _mm512_set1_ps(tables.apart[1])} {}
};

/// Codes of 64 scaled weights, in the low four bits of each 32-bit lane; errors of the first two vectors are added to
/// `first`, those of the others to `second`. The four go through each step together: one after another, every step
/// would wait for the one before it, and a processor looks ahead no farther than about as many instructions as this is.
template <WeightType type, bool fp4>
NIBBLE_INLINE void codes_of(const __m512 (&scaled)[4], const TableVectors& tables, MomentVectors& first,
                            MomentVectors& second, __m512i (&codes)[4]) {
  const __m512i one = _mm512_set1_epi32(1);
  // Adding 1.5 * 2^23 rounds to a whole number and leaves it in the low bits, which are all that the permutes look at.
  const auto cell_of = [](__m512 weights) {
    return _mm512_castps_si512(
        _mm512_fmadd_ps(weights, _mm512_set1_ps(FourBitTables::kCellScale), _mm512_set1_ps(12582912.0f)));
  };
  const auto add_above = [&](std::size_t k, __m512 threshold) {
    codes[k] = _mm512_mask_add_epi32(codes[k], _mm512_cmp_ps_mask(scaled[k], threshold, _CMP_GT_OQ), codes[k], one);
  };
  for (std::size_t k = 0; k < 4; ++k) codes[k] = cell_of(scaled[k]);
  if constexpr (type == WeightType::bf16 && !fp4) {
    // One permute brings both: FourBitTables::cell_both.
    for (__m512i& code : codes) code = _mm512_permutex2var_epi32(tables.cell_both[0], code, tables.cell_both[1]);
    for (std::size_t k = 0; k < 4; ++k) add_above(k, _mm512_castsi512_ps(codes[k]));
  } else {
    __m512 thresholds[4];
    for (std::size_t k = 0; k < 4; ++k) {
      thresholds[k] = _mm512_permutex2var_ps(tables.cell_threshold[0], codes[k], tables.cell_threshold[1]);
    }
    for (__m512i& code : codes) code = _mm512_permutex2var_epi32(tables.cell_rank[0], code, tables.cell_rank[1]);
    for (std::size_t k = 0; k < 4; ++k) add_above(k, thresholds[k]);
  }
  if constexpr (fp4) {
    for (std::size_t k = 0; k < 4; ++k) add_above(k, tables.apart[0]);
    for (std::size_t k = 0; k < 4; ++k) add_above(k, tables.apart[1]);
  }
  __m512 values[4];
  for (std::size_t k = 0; k < 4; ++k) values[k] = _mm512_permutexvar_ps(codes[k], tables.values);
  first.add(_mm512_sub_ps(scaled[0], values[0]), values[0]);
  first.add(_mm512_sub_ps(scaled[1], values[1]), values[1]);
  second.add(_mm512_sub_ps(scaled[2], values[2]), values[2]);
  second.add(_mm512_sub_ps(scaled[3], values[3]), values[3]);
  if constexpr (fp4) {
    for (__m512i& code : codes) code = _mm512_permutexvar_epi32(code, tables.codes);
  }
}

/// Sixteen bytes of codes, one per 32-bit lane; bits above the byte are anything.
inline __m512i pair_codes(__m512i even, __m512i odd) {
  constexpr int kSelect = 0xca;  // of bits: first ? second : third
  return _mm512_ternarylogic_epi32(_mm512_set1_epi32(0xf0), _mm512_slli_epi32(even, 4), odd, kSelect);
}

/// Stores the bytes of two such vectors one after the other.
inline void store_pairs(__m512i first, __m512i second, std::uint8_t* to) {
  const __m512i low_bytes = _mm512_set1_epi32(0x0c080400);
  // Of each 128-bit quarter, 32 bits have four bytes of `first` and the next 32 bits four of `second`.
  const __m512i quarters =
      _mm512_mask_shuffle_epi8(_mm512_shuffle_epi8(first, low_bytes), 0xf0f0f0f0f0f0f0f0ULL, second, low_bytes);
  const __m512i in_order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 0, 0, 0, 0, 0, 0, 0, 0);
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(to),
                      _mm512_castsi512_si256(_mm512_permutexvar_epi32(in_order, quarters)));
}

/// Codes of 64 weights, the first 32 of which may belong to another block than the rest.
template <WeightType type, bool fp4>
NIBBLE_INLINE void quantize_64(const unsigned char* source, __m512 first_inverse, __m512 second_inverse,
                               const TableVectors& tables, MomentVectors& first, MomentVectors& second,
                               std::uint8_t* codes) {
  constexpr std::size_t kSize = type == WeightType::f32 ? 4 : 2;
  const Pairs low = load_pairs<type>(source);
  const Pairs high = load_pairs<type>(source + 32 * kSize);
  const __m512 scaled[4] = {_mm512_mul_ps(low.even, first_inverse), _mm512_mul_ps(low.odd, first_inverse),
                            _mm512_mul_ps(high.even, second_inverse), _mm512_mul_ps(high.odd, second_inverse)};
  __m512i four[4];
  codes_of<type, fp4>(scaled, tables, first, second, four);
  store_pairs(pair_codes(four[0], four[1]), pair_codes(four[2], four[3]), codes);
}

/// A block of a multiple of 64 weights.
template <WeightType type, bool fp4>
NIBBLE_INLINE MomentVectors quantize_block(const unsigned char* source, std::size_t block_size, float inverse,
                                           const TableVectors& tables, std::uint8_t* codes) {
  constexpr std::size_t kSize = type == WeightType::f32 ? 4 : 2;
  const __m512 scale = _mm512_set1_ps(inverse);
  MomentVectors sums;
  for (std::size_t i = 0; i < block_size; i += 64) {
    quantize_64<type, fp4>(source + i * kSize, scale, scale, tables, sums, sums, codes + i / 2);
  }
  return sums;
}

/// Two blocks of 32 weights.
template <WeightType type, bool fp4>
NIBBLE_INLINE void quantize_pair(const unsigned char* source, const float* inverses, const TableVectors& tables,
                                 std::uint8_t* codes, MomentVectors& first, MomentVectors& second) {
  quantize_64<type, fp4>(source, _mm512_set1_ps(inverses[0]), _mm512_set1_ps(inverses[1]), tables, first, second,
                         codes);
}

/// @tparam known_size of a block; 0 where it is only known at run time
template <WeightType type, bool fp4, std::size_t known_size>
std::size_t quantize(const FourBitTables& tables, const unsigned char* source, std::size_t blocks,
                     std::size_t any_block_size, std::uint8_t* codes, float* absmax, Moments* moments) {
  constexpr std::size_t kSize = type == WeightType::f32 ? 4 : 2;
  const std::size_t block_size = known_size == 0 ? any_block_size : known_size;
  const TableVectors vectors(tables);
  for (std::size_t first = 0; first < blocks; first += kAbsmaxBlocks) {
    const std::size_t count = blocks - first < kAbsmaxBlocks ? blocks - first : kAbsmaxBlocks;
    const unsigned char* group = source + first * block_size * kSize;
    const __m512 largest = absmax_of<type, known_size * kSize>(group, count, block_size * kSize);
    const __mmask16 bad = _mm512_cmpge_epu32_mask(_mm512_castps_si512(largest), _mm512_set1_epi32(0x7f800000));
    if (bad != 0) return first + _tzcnt_u32(bad);
    const auto present = static_cast<__mmask16>((1u << count) - 1);
    _mm512_mask_storeu_ps(absmax + first, present, largest);
    alignas(64) float inverses[kAbsmaxBlocks];
    _mm512_store_ps(inverses,
                    _mm512_div_ps(_mm512_set1_ps(1.0f), _mm512_max_ps(largest, _mm512_set1_ps(kSmallestAbsmax))));

    std::uint8_t* group_codes = codes + first * block_size / 2;
    const auto at = [&](std::size_t i) { return group + i * block_size * kSize; };
    const auto codes_at = [&](std::size_t i) { return group_codes + i * block_size / 2; };
    std::size_t i = 0;
    for (; i + 4 <= count; i += 4) {
      fetch_ahead(at(i), 4 * block_size * kSize, kAbsmaxBlocks * block_size * kSize);
      MomentFold fold;
      if constexpr (known_size == 32) {
        MomentVectors a, b, c, d;
        quantize_pair<type, fp4>(at(i), inverses + i, vectors, codes_at(i), a, b);
        fold.take_first(a, b);
        quantize_pair<type, fp4>(at(i + 2), inverses + i + 2, vectors, codes_at(i + 2), c, d);
        fold.take_second(c, d);
      } else {
        const MomentVectors a = quantize_block<type, fp4>(at(i), block_size, inverses[i], vectors, codes_at(i));
        const MomentVectors b =
            quantize_block<type, fp4>(at(i + 1), block_size, inverses[i + 1], vectors, codes_at(i + 1));
        fold.take_first(a, b);
        const MomentVectors c =
            quantize_block<type, fp4>(at(i + 2), block_size, inverses[i + 2], vectors, codes_at(i + 2));
        const MomentVectors d =
            quantize_block<type, fp4>(at(i + 3), block_size, inverses[i + 3], vectors, codes_at(i + 3));
        fold.take_second(c, d);
      }
      fold.store(moments + first + i);
    }
    if (i == count) continue;
    if constexpr (known_size == 32) {
      quantize_kernels_reference().quantize_blocks(tables, at(i), type, count - i, 32, codes_at(i), absmax + first + i,
                                                   moments + first + i);
    } else {
      for (; i < count; ++i) {
        const MomentVectors sums = quantize_block<type, fp4>(at(i), block_size, inverses[i], vectors, codes_at(i));
        store_moments(sums, moments + first + i);
      }
    }
  }
  return blocks;
}

template <WeightType type, bool fp4>
std::size_t quantize(const FourBitTables& tables, const unsigned char* source, std::size_t blocks,
                     std::size_t block_size, std::uint8_t* codes, float* absmax, Moments* moments) {
  if (block_size == 32) return quantize<type, fp4, 32>(tables, source, blocks, 32, codes, absmax, moments);
  if (block_size == 64) return quantize<type, fp4, 64>(tables, source, blocks, 64, codes, absmax, moments);
  return quantize<type, fp4, 0>(tables, source, blocks, block_size, codes, absmax, moments);
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

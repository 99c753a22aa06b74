// sha256 of 8 pieces at once.

#include <immintrin.h>

#include "cpu/sha256_lanes.h"

namespace nibble {
namespace {

struct Avx2Lanes {
  using Word = __m256i;
  static constexpr std::size_t kLanes = 8;
  /// Eight lanes take as long as about this many pieces one after another.
  static constexpr std::size_t kWorthwhile = 1;

  static Word all(std::uint32_t value) { return _mm256_set1_epi32(static_cast<int>(value)); }
  static Word add(Word a, Word b) { return _mm256_add_epi32(a, b); }
  static Word xor3(Word a, Word b, Word c) { return _mm256_xor_si256(_mm256_xor_si256(a, b), c); }
  static Word choose(Word a, Word b, Word c) {
    return _mm256_xor_si256(c, _mm256_and_si256(a, _mm256_xor_si256(b, c)));
  }
  static Word majority(Word a, Word b, Word c) {
    return _mm256_or_si256(_mm256_and_si256(a, b), _mm256_and_si256(c, _mm256_or_si256(a, b)));
  }
  template <int bits>
  static Word rotate(Word a) {
    return _mm256_or_si256(_mm256_srli_epi32(a, bits), _mm256_slli_epi32(a, 32 - bits));
  }
  template <int bits>
  static Word shift(Word a) {
    return _mm256_srli_epi32(a, bits);
  }
  static void store(Word a, std::uint32_t* to) { _mm256_store_si256(reinterpret_cast<__m256i*>(to), a); }

  /// Word k of every lane's block into words[k]: two transpositions of 8 x 8 words, each turned to big-endian.
  static void load_blocks(const std::uint8_t* data, std::size_t stride, Word words[16]) {
    const __m256i turn =
        _mm256_broadcastsi128_si256(_mm_setr_epi8(3, 2, 1, 0, 7, 6, 5, 4, 11, 10, 9, 8, 15, 14, 13, 12));
    for (std::size_t half = 0; half < 2; ++half) {
      __m256i rows[8], pairs[8], fours[8];
      for (std::size_t lane = 0; lane < 8; ++lane) {
        const auto* from = reinterpret_cast<const __m256i*>(data + lane * stride + half * 32);
        rows[lane] = _mm256_shuffle_epi8(_mm256_loadu_si256(from), turn);
      }
      for (std::size_t i = 0; i < 8; i += 2) {
        pairs[i] = _mm256_unpacklo_epi32(rows[i], rows[i + 1]);
        pairs[i + 1] = _mm256_unpackhi_epi32(rows[i], rows[i + 1]);
      }
      // Half q of fours[4 i + j] holds word 4 q + j of lanes 4 i to 4 i + 3.
      for (std::size_t i = 0; i < 8; i += 4) {
        fours[i] = _mm256_unpacklo_epi64(pairs[i], pairs[i + 2]);
        fours[i + 1] = _mm256_unpackhi_epi64(pairs[i], pairs[i + 2]);
        fours[i + 2] = _mm256_unpacklo_epi64(pairs[i + 1], pairs[i + 3]);
        fours[i + 3] = _mm256_unpackhi_epi64(pairs[i + 1], pairs[i + 3]);
      }
      for (std::size_t j = 0; j < 4; ++j) {
        words[half * 8 + j] = _mm256_permute2x128_si256(fours[j], fours[4 + j], 0x20);
        words[half * 8 + 4 + j] = _mm256_permute2x128_si256(fours[j], fours[4 + j], 0x31);
      }
    }
  }
};

}  // namespace

void sha256_pieces_avx2(const std::uint8_t* data, std::size_t pieces, std::uint8_t* digests) {
  hash_pieces<Avx2Lanes>(data, pieces, digests);
}

}  // namespace nibble

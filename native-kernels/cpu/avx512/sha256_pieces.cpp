// sha256 of 16 pieces at once.

#if defined(__GNUC__) && !defined(__clang__)
// GCC's own AVX-512 header reads a variable before it is set, on purpose.
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif

#include <immintrin.h>

#include "cpu/sha256_lanes.h"

namespace nibble {
namespace {

struct Avx512Lanes {
  using Word = __m512i;
  static constexpr std::size_t kLanes = 16;
  /// Sixteen lanes take as long as about this many pieces one after another.
  static constexpr std::size_t kWorthwhile = 1;

  static Word all(std::uint32_t value) { return _mm512_set1_epi32(static_cast<int>(value)); }
  static Word add(Word a, Word b) { return _mm512_add_epi32(a, b); }
  static Word xor3(Word a, Word b, Word c) { return _mm512_ternarylogic_epi32(a, b, c, 0x96); }
  static Word choose(Word a, Word b, Word c) { return _mm512_ternarylogic_epi32(a, b, c, 0xca); }
  static Word majority(Word a, Word b, Word c) { return _mm512_ternarylogic_epi32(a, b, c, 0xe8); }
  template <int bits>
  static Word rotate(Word a) {
    return _mm512_ror_epi32(a, bits);
  }
  template <int bits>
  static Word shift(Word a) {
    return _mm512_srli_epi32(a, bits);
  }
  static void store(Word a, std::uint32_t* to) { _mm512_store_si512(to, a); }

  /// Word k of every lane's block into words[k]: a transposition of 16 x 16 words, each turned to big-endian.
  static void load_blocks(const std::uint8_t* data, std::size_t stride, Word words[16]) {
    const __m512i turn = _mm512_broadcast_i32x4(_mm_setr_epi8(3, 2, 1, 0, 7, 6, 5, 4, 11, 10, 9, 8, 15, 14, 13, 12));
    __m512i rows[16], pairs[16], fours[16];
    for (std::size_t lane = 0; lane < 16; ++lane) {
      rows[lane] = _mm512_shuffle_epi8(_mm512_loadu_si512(data + lane * stride), turn);
    }
    for (std::size_t i = 0; i < 16; i += 2) {
      pairs[i] = _mm512_unpacklo_epi32(rows[i], rows[i + 1]);
      pairs[i + 1] = _mm512_unpackhi_epi32(rows[i], rows[i + 1]);
    }
    // Quarter q of fours[4 i + j] holds word 4 q + j of lanes 4 i to 4 i + 3.
    for (std::size_t i = 0; i < 16; i += 4) {
      fours[i] = _mm512_unpacklo_epi64(pairs[i], pairs[i + 2]);
      fours[i + 1] = _mm512_unpackhi_epi64(pairs[i], pairs[i + 2]);
      fours[i + 2] = _mm512_unpacklo_epi64(pairs[i + 1], pairs[i + 3]);
      fours[i + 3] = _mm512_unpackhi_epi64(pairs[i + 1], pairs[i + 3]);
    }
    for (std::size_t j = 0; j < 4; ++j) {
      const __m512i low01 = _mm512_shuffle_i32x4(fours[j], fours[4 + j], 0x44);
      const __m512i high01 = _mm512_shuffle_i32x4(fours[j], fours[4 + j], 0xee);
      const __m512i low23 = _mm512_shuffle_i32x4(fours[8 + j], fours[12 + j], 0x44);
      const __m512i high23 = _mm512_shuffle_i32x4(fours[8 + j], fours[12 + j], 0xee);
      words[j] = _mm512_shuffle_i32x4(low01, low23, 0x88);
      words[4 + j] = _mm512_shuffle_i32x4(low01, low23, 0xdd);
      words[8 + j] = _mm512_shuffle_i32x4(high01, high23, 0x88);
      words[12 + j] = _mm512_shuffle_i32x4(high01, high23, 0xdd);
    }
  }
};

}  // namespace

void sha256_pieces_avx512(const std::uint8_t* data, std::size_t pieces, std::uint8_t* digests) {
  hash_pieces<Avx512Lanes>(data, pieces, digests);
}

}  // namespace nibble

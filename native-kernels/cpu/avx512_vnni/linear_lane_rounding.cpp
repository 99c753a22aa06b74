// Activations of few tokens to int8, lane by lane: the same roundings as reference::round_lanes.

#include "cpu/avx512_vnni/linear_avx512.h"
#include "cpu/avx512_vnni/linear_table.h"

namespace nibble::linear::avx512_vnni {
namespace {

constexpr float kSmallestLane = 7.8886090522101181e-31f;  // base/activation_rounding.h

/// In every position the largest of the kColumns (4 or 8) neighbours that share its lane.
template <std::size_t kColumns>
__m512i lane_maxima(__m512i v) {
  v = _mm512_max_epu32(v, _mm512_shuffle_epi32(v, _MM_PERM_BADC));
  v = _mm512_max_epu32(v, _mm512_shuffle_epi32(v, _MM_PERM_CDAB));
  if constexpr (kColumns == 8) v = _mm512_max_epu32(v, _mm512_shuffle_i32x4(v, v, 0xb1));
  return v;
}

/// The 16 lanes' values out of kColumns registers that hold each kColumns times.
template <std::size_t kColumns>
__m512 one_a_lane(const __m512i* repeated) {
  alignas(64) std::uint32_t all[16 * kColumns];
  for (std::size_t i = 0; i < kColumns; ++i) _mm512_store_si512(all + 16 * i, repeated[i]);
  const __m512i lane = _mm512_set_epi32(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0);
  return _mm512_castsi512_ps(
      _mm512_i32gather_epi32(_mm512_mullo_epi32(lane, _mm512_set1_epi32(static_cast<int>(kColumns))), all, 4));
}

/// A lane's value in each of the 16 columns of register `part`.
template <std::size_t kColumns>
__m512 repeat(__m512 lanes, std::size_t part) {
  const __m512i halves = _mm512_set_epi32(1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0);
  const __m512i quarters = _mm512_set_epi32(3, 3, 3, 3, 2, 2, 2, 2, 1, 1, 1, 1, 0, 0, 0, 0);
  const __m512i first = _mm512_set1_epi32(static_cast<int>(part * (16 / kColumns)));
  return _mm512_permutexvar_ps(_mm512_add_epi32(kColumns == 8 ? halves : quarters, first), lanes);
}

/// rounding::needs_second_pass
bool needs_second_pass(__m512 absmax) {
  const __m512 infinity = _mm512_castsi512_ps(_mm512_set1_epi32(0x7f800000));
  if (_mm512_cmp_ps_mask(absmax, infinity, _CMP_LT_OQ) != 0xffff) return false;
  const __m512i bits = _mm512_castps_si512(absmax);
  const __m512 pairs = _mm512_min_ps(absmax, _mm512_castsi512_ps(_mm512_shuffle_epi32(bits, _MM_PERM_CDAB)));
  const __m256 eight = _mm256_add_ps(_mm512_castps512_ps256(pairs), _mm512_extractf32x8_ps(pairs, 1));
  const __m128 four = _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
  const __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
  const float sum = _mm_cvtss_f32(two) + _mm_cvtss_f32(_mm_movehdup_ps(two));
  const float largest = _mm512_reduce_max_ps(absmax);
  return largest + largest > sum;
}

/// Rounds one chunk, whose columns are in kColumns registers, and leaves there what was rounded off.
/// @returns the lanes' largest magnitudes
template <std::size_t kColumns>
__m512 round_chunk(__m512* columns, std::int8_t* codes, std::int32_t* offsets, float* scales) {
  const __m512i magnitude = _mm512_set1_epi32(0x7fffffff);
  __m512i maxima[kColumns];
  NIBBLE_UNROLL for (std::size_t i = 0; i < kColumns; ++i) {
    maxima[i] = lane_maxima<kColumns>(_mm512_and_si512(_mm512_castps_si512(columns[i]), magnitude));
  }
  const __m512 absmax = one_a_lane<kColumns>(maxima);
  const __m512i bits = _mm512_castps_si512(absmax);
  const __mmask16 faulty = _mm512_cmpge_epu32_mask(bits, _mm512_set1_epi32(0x7f800000));
  const __mmask16 large = _mm512_cmp_ps_mask(absmax, _mm512_set1_ps(kSmallestLane), _CMP_GE_OQ);
  const auto usable = static_cast<__mmask16>(large & ~faulty);
  const __m512 steps = _mm512_set1_ps(127.0f);
  const __m512 inverse = _mm512_maskz_div_ps(usable, steps, absmax);
  const __m512 lane_scale = _mm512_mask_mov_ps(_mm512_maskz_div_ps(usable, absmax, steps), faulty,
                                               _mm512_castsi512_ps(_mm512_set1_epi32(0x7fc00000)));
  _mm512_storeu_ps(scales, lane_scale);

  alignas(64) std::int8_t natural[16 * kColumns];
  NIBBLE_UNROLL for (std::size_t i = 0; i < kColumns; ++i) {
    // NaN and infinity times 0 are NaN, whose conversion is not 0.
    const __m512 factor = repeat<kColumns>(inverse, i);
    const __mmask16 lanes = _mm512_cmp_ps_mask(factor, _mm512_setzero_ps(), _CMP_NEQ_UQ);
    const __m512i rounded = _mm512_maskz_cvtps_epi32(lanes, _mm512_mul_ps(columns[i], factor));
    _mm_store_si128(reinterpret_cast<__m128i*>(natural + 16 * i), _mm512_cvtepi32_epi8(rounded));
    columns[i] = _mm512_sub_ps(columns[i], _mm512_mul_ps(repeat<kColumns>(lane_scale, i), _mm512_cvtepi32_ps(rounded)));
  }
  const __m512i ones = _mm512_set1_epi8(1);
  __m512i sums;
  if constexpr (kColumns == 8) {
    const __m512i a = _mm512_load_si512(natural);
    const __m512i b = _mm512_load_si512(natural + 64);
    const auto evens = [](__m512i v) { return _mm512_cvtepi16_epi8(v); };
    const auto odds = [](__m512i v) { return _mm512_cvtepi16_epi8(_mm512_srli_epi16(v, 8)); };
    const __m512i even = _mm512_inserti64x4(_mm512_castsi256_si512(evens(a)), evens(b), 1);
    const __m512i odd = _mm512_inserti64x4(_mm512_castsi256_si512(odds(a)), odds(b), 1);
    _mm512_storeu_si512(codes, even);
    _mm512_storeu_si512(codes + 64, odd);
    sums = _mm512_dpbusd_epi32(_mm512_dpbusd_epi32(_mm512_setzero_si512(), ones, even), ones, odd);
  } else {
    const __m512i all = _mm512_load_si512(natural);
    _mm512_storeu_si512(codes, all);
    sums = _mm512_dpbusd_epi32(_mm512_setzero_si512(), ones, all);
  }
  _mm512_storeu_si512(offsets, _mm512_sub_epi32(_mm512_setzero_si512(), _mm512_slli_epi32(sums, 7)));
  return absmax;
}

template <std::size_t kColumns>
std::size_t round_all(const LaneJob& job) {
  constexpr std::size_t kChunk = 16 * kColumns;
  const std::size_t chunks = (job.columns + kChunk - 1) / kChunk;
  std::size_t passes = chunks;
  for (std::size_t c = 0; c < chunks; ++c) {
    __m512 columns[kColumns];
    for (std::size_t i = 0; i < kColumns; ++i) {
      const std::size_t at = c * kChunk + i * 16;
      const __mmask16 lanes = at < job.columns ? first_lanes16(job.columns - at) : static_cast<__mmask16>(0);
      columns[i] = _mm512_maskz_loadu_ps(lanes, job.x + at);
    }
    const __m512 absmax =
        round_chunk<kColumns>(columns, job.codes + c * kChunk, job.offsets + c * 16, job.scales + c * 16);
    if (!needs_second_pass(absmax)) continue;
    round_chunk<kColumns>(columns, job.codes + passes * kChunk, job.offsets + passes * 16, job.scales + passes * 16);
    job.places[passes - chunks] = static_cast<std::uint32_t>(c);
    ++passes;
  }
  return passes - chunks;
}

}  // namespace

std::size_t round_lanes(const LaneJob& job) { return job.bits == 4 ? round_all<8>(job) : round_all<4>(job); }

}  // namespace nibble::linear::avx512_vnni

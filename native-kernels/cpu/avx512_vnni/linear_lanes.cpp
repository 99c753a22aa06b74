// Decode: a few tokens against rows that are read once, straight from the stored codes, four rows at a time. All that a
// row needs besides its products (scales, sums over lanes) is done for many rows together: one row of 2048 4-bit
// weights is only 16 registers long, and anything done once a row would cost as much as those.

#include "cpu/avx512_vnni/linear_avx512.h"
#include "cpu/avx512_vnni/linear_table.h"

namespace nibble::linear::avx512_vnni {
namespace {

constexpr std::size_t kRows = 4;
constexpr float kRestStep = 1.0f / 254.0f;  // base/activation_rounding.h
/// Least distance of prefetching: about the latency of memory at the speed of memory.
constexpr std::size_t kPrefetchAhead = 2048;

/// How the scales of the weights lie in a chunk of 64 bytes.
enum class Spread { row, halves, quarters, whole };

/// 16 floats: for every lane the scale of the group that the lane lies in. Lanes outside `lanes` are zero.
template <Spread kSpread>
__m512 lane_scales(const float* scales, std::size_t chunk, __mmask16 lanes) {
  if constexpr (kSpread == Spread::whole) {
    return _mm512_maskz_broadcastss_ps(lanes, _mm_load_ss(scales + chunk));
  } else if constexpr (kSpread == Spread::halves) {
    const __m512i index = _mm512_set_epi32(1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0);
    const __m128 two = _mm_castsi128_ps(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(scales + chunk * 2)));
    return _mm512_maskz_permutexvar_ps(lanes, index, _mm512_castps128_ps512(two));
  } else {
    const __m512i index = _mm512_set_epi32(3, 3, 3, 3, 2, 2, 2, 2, 1, 1, 1, 1, 0, 0, 0, 0);
    const __m128 four = _mm_loadu_ps(scales + chunk * 4);
    return _mm512_maskz_permutexvar_ps(lanes, index, _mm512_castps128_ps512(four));
  }
}

/// The 16 values of 4-bit codes as unsigned bytes, and what rounding took from them; 8-bit: what makes them unsigned.
struct Tables {
  __m512i values;
  __m512i rest;
  bool has_rest;
};

/// Rows that are multiplied together.
struct RowBlock {
  const std::uint8_t* codes;
  std::size_t row_bytes;
  const float* scales;  // [rows, stride]
  std::size_t stride;
  const std::uint8_t* ahead;  // what is prefetched meanwhile
};

/// What a step that is not one of the plain ones needs: which bytes and lanes of the chunk exist, and a factor.
struct Tail {
  __mmask64 bytes;
  __mmask16 lanes;
  float factor;
};

/// One chunk of `count` rows: totals += products * activation scale * weight scale.
template <int kBits, Spread kSpread, std::size_t kCount, bool kMasked>
inline void step(const RowBlock& rows, const LaneActivations& x, std::size_t pass, std::size_t chunk, __m512i table,
                 const Tail& tail, __m512* totals) {
  constexpr std::size_t kCodes = kBits == 4 ? 128 : 64;
  const __m512i offsets = _mm512_loadu_si512(x.offsets + pass * 16);
  __m512 x_scales = _mm512_loadu_ps(x.scales + pass * 16);
  if constexpr (kMasked) x_scales = _mm512_mul_ps(x_scales, _mm512_set1_ps(tail.factor));
  const __m512i first = _mm512_loadu_si512(x.codes + pass * kCodes);
  __m512i second = _mm512_setzero_si512();
  if constexpr (kBits == 4) second = _mm512_loadu_si512(x.codes + pass * kCodes + 64);
  NIBBLE_UNROLL for (std::size_t r = 0; r < kCount; ++r) {
    const std::uint8_t* at = rows.codes + r * rows.row_bytes + chunk * 64;
    __m512i bytes;
    if constexpr (kMasked) {
      bytes = _mm512_maskz_loadu_epi8(tail.bytes, at);
    } else {
      // In the order of addresses, which the processor's own prefetcher follows.
      _mm_prefetch(reinterpret_cast<const char*>(rows.ahead + (chunk * kCount + r) * 64), _MM_HINT_T0);
      bytes = _mm512_loadu_si512(at);
    }
    __m512i products;
    if constexpr (kBits == 4) {
      const NibblePair w = look_up(bytes, table);
      products = _mm512_dpbusd_epi32(_mm512_dpbusd_epi32(offsets, w.high, first), w.low, second);
    } else {
      products = _mm512_dpbusd_epi32(offsets, _mm512_xor_si512(bytes, table), first);
    }
    __m512 scales = x_scales;
    if constexpr (kSpread != Spread::row) {
      const __mmask16 mask = kMasked ? tail.lanes : static_cast<__mmask16>(0xffff);
      scales = _mm512_mul_ps(x_scales, lane_scales<kSpread>(rows.scales + r * rows.stride, chunk, mask));
    }
    totals[r] = _mm512_fmadd_ps(_mm512_cvtepi32_ps(products), scales, totals[r]);
  }
}

/// Sums of `kCount` rows with one token, without the weights' scales where there is one a row.
template <int kBits, Spread kSpread, std::size_t kCount>
__m128 row_sums(const RowBlock& rows, const LaneActivations& x, const Tables& tables) {
  __m512 totals[kRows];
  NIBBLE_UNROLL for (std::size_t r = 0; r < kRows; ++r) totals[r] = _mm512_setzero_ps();
  const std::size_t full = rows.row_bytes / 64;
  const std::size_t left = rows.row_bytes % 64;
  const Tail all{~__mmask64{0}, 0xffff, 1.0f};
  const Tail last{first_lanes64(left), first_lanes16((left + 3) / 4), 1.0f};
  for (std::size_t chunk = 0; chunk < full; ++chunk) {
    step<kBits, kSpread, kCount, false>(rows, x, chunk, chunk, tables.values, all, totals);
  }
  if (left != 0) step<kBits, kSpread, kCount, true>(rows, x, full, full, tables.values, last, totals);
  for (std::size_t i = 0; i < x.second_passes; ++i) {
    const std::size_t chunk = x.places[i];
    Tail tail = chunk == full ? last : all;
    step<kBits, kSpread, kCount, true>(rows, x, x.chunks + i, chunk, tables.values, tail, totals);
    if (kBits != 4 || !tables.has_rest) continue;
    tail.factor = kRestStep;
    step<kBits, kSpread, kCount, true>(rows, x, chunk, chunk, tables.rest, tail, totals);
  }
  // Transposes while adding: each quarter of `both` then holds partial sums of the four rows.
  const __m512 low = _mm512_add_ps(_mm512_unpacklo_ps(totals[0], totals[1]), _mm512_unpackhi_ps(totals[0], totals[1]));
  const __m512 high = _mm512_add_ps(_mm512_unpacklo_ps(totals[2], totals[3]), _mm512_unpackhi_ps(totals[2], totals[3]));
  const __m512d a = _mm512_castps_pd(low);
  const __m512d b = _mm512_castps_pd(high);
  const __m512 both =
      _mm512_add_ps(_mm512_castpd_ps(_mm512_unpacklo_pd(a, b)), _mm512_castpd_ps(_mm512_unpackhi_pd(a, b)));
  const __m256 half = _mm256_add_ps(_mm512_castps512_ps256(both), _mm512_extractf32x8_ps(both, 1));
  return _mm_add_ps(_mm256_castps256_ps128(half), _mm256_extractf128_ps(half, 1));
}

/// What zero points contribute to one row: the sum over groups of scale * zero point * sum of activations.
float zero_point_sum(const float* scales, const float* zeros, const float* group_sums, std::size_t groups) {
  __m512 sum = _mm512_setzero_ps();
  for (std::size_t g = 0; g < groups; g += 16) {
    const __mmask16 lanes = first_lanes16(groups - g);
    const __m512 both =
        _mm512_mul_ps(_mm512_maskz_loadu_ps(lanes, scales + g), _mm512_maskz_loadu_ps(lanes, zeros + g));
    sum = _mm512_fmadd_ps(both, _mm512_maskz_loadu_ps(lanes, group_sums + g), sum);
  }
  return _mm512_reduce_add_ps(sum);
}

/// Scales and zero points of some rows, [rows, stride] each.
struct Scales {
  float* scales;
  float* zeros;  // null when there are none
  std::size_t stride;
};

/// The scales of a strip, prepared a block of kRows rows before they are used: what was just written in other widths
/// cannot be read back at once.
class ScalePipeline {
 public:
  /// @param scratch lanes_scratch() bytes
  ScalePipeline(const GroupedWeights& w, std::size_t begin, std::size_t end, float* scratch)
      : w_(w),
        cursor_(scale_cursor(w, begin)),
        begin_(begin),
        end_(end),
        row_scales_(w.scales.block_size == kEndless),
        // The blocks of rows follow each other.
        consecutive_(w.scales.block_size == w.group && cursor_.phase == 0 && cursor_.step_phase == 0) {
    const std::size_t groups = row_scales_ ? 1 : cursor_.groups;
    const std::size_t padded = (groups + kScalePad - 1) / kScalePad * kScalePad;
    stride_ = consecutive_ || row_scales_ ? groups : padded;
    const std::size_t block = kRows * padded;
    for (std::size_t i = 0; i < 2; ++i) {
      ready_[i] = {scratch + 2 * i * block, w.scales.zero_points != nullptr ? scratch + (2 * i + 1) * block : nullptr,
                   stride_};
    }
    temporary_ = scratch + 4 * block;
  }

  /// The scales of the block of rows at `row`, the next in order; the first call is for the first block.
  const Scales& take(std::size_t row) {
    if (row == begin_) prepare(row);
    prepare(row + kRows);
    return ready_[index_of(row)];
  }

 private:
  std::size_t index_of(std::size_t row) const { return (row - begin_) / kRows % 2; }
  std::size_t rows_at(std::size_t row) const { return smaller(kRows, end_ - row); }

  void prepare(std::size_t row) {
    if (row >= end_) return;
    const BlockScales& s = w_.scales;
    const Scales& to = ready_[index_of(row)];
    const std::size_t rows = rows_at(row);
    if (consecutive_) {
      const std::size_t first = row * cursor_.groups;
      const std::size_t count = rows * cursor_.groups;
      load_block_scales(s, first, count, to.scales);
      for (std::size_t i = 0; to.zeros != nullptr && i < count; ++i) {
        to.zeros[i] = static_cast<float>(s.zero_points[first + i]);
      }
      return;
    }
    for (std::size_t r = 0; r < rows; ++r, next_row(cursor_, s.block_size)) {
      float* zeros = to.zeros != nullptr ? to.zeros + r * stride_ : nullptr;
      if (row_scales_) {
        // One scale a row, or one for all: kept apart from the sums over lanes.
        load_block_scales(s, cursor_.block, 1, to.scales + r);
        if (zeros != nullptr) *zeros = static_cast<float>(s.zero_points[cursor_.block]);
      } else {
        load_group_scales(w_, cursor_, stride_, to.scales + r * stride_, zeros, temporary_);
      }
    }
  }

  const GroupedWeights& w_;
  ScaleCursor cursor_;
  std::size_t begin_;
  std::size_t end_;
  bool row_scales_;
  bool consecutive_;
  std::size_t stride_;
  Scales ready_[2];
  float* temporary_;
};

/// Fetches the scales that the rows some blocks of rows further on will want.
void prefetch_scales(const GroupedWeights& w, std::size_t row) {
  constexpr std::size_t kBlocksAhead = 4;
  const BlockScales& s = w.scales;
  if (s.block_size == kEndless) return;
  const std::size_t per_row = s.blocks_per_row > 0 ? s.blocks_per_row : w.columns / s.block_size;
  const std::size_t block = (row + kBlocksAhead * kRows) * per_row;
  const char* at = s.values != nullptr ? reinterpret_cast<const char*>(s.values + block)
                                       : reinterpret_cast<const char*>(s.codes + block);
  const std::size_t bytes = kRows * per_row * (s.values != nullptr ? sizeof(float) : 1);
  for (std::size_t i = 0; i < bytes; i += 64) _mm_prefetch(at + i, _MM_HINT_T0);
}

template <int kBits, Spread kSpread>
void strip(const GroupedWeights& w, std::size_t begin, std::size_t end, const LaneActivations* x, std::size_t tokens,
           const float* bias, float* y, float* scratch) {
  const std::size_t row_bytes = kBits == 4 ? w.columns / 2 : w.columns;
  const std::size_t groups = kSpread == Spread::row ? 1 : (w.columns + w.group - 1) / w.group;
  const std::size_t ahead = row_bytes * kRows < kPrefetchAhead ? kPrefetchAhead : row_bytes * kRows;
  const Tables tables{kBits == 4 ? unsigned_table(w.map) : _mm512_set1_epi8(static_cast<char>(0x80)),
                      unsigned_table(w.rest), w.has_rest};
  ScalePipeline pipeline(w, begin, end, scratch);
  for (std::size_t row = begin; row < end; row += kRows) {
    const std::size_t count = smaller(kRows, end - row);
    const Scales& scales = pipeline.take(row);
    const std::uint8_t* codes = w.codes + row * row_bytes;
    const RowBlock block{codes, row_bytes, scales.scales, scales.stride, codes + ahead};
    prefetch_scales(w, row);
    for (std::size_t t = 0; t < tokens; ++t) {
      alignas(16) float sums[kRows];
      if (count == kRows) {
        _mm_store_ps(sums, row_sums<kBits, kSpread, kRows>(block, x[t], tables));
      } else {
        for (std::size_t r = 0; r < count; ++r) {
          RowBlock one = block;
          one.codes += r * row_bytes;
          one.scales += r * scales.stride;
          sums[r] = _mm_cvtss_f32(row_sums<kBits, kSpread, 1>(one, x[t], tables));
        }
      }
      for (std::size_t r = 0; r < count; ++r) {
        const float* row_scales = block.scales + r * scales.stride;
        if constexpr (kSpread == Spread::row) sums[r] *= row_scales[0];
        if (scales.zeros != nullptr) {
          sums[r] -= zero_point_sum(row_scales, scales.zeros + r * scales.stride, x[t].group_sums, groups);
        }
        y[t * w.rows + row + r] = sums[r] + (bias != nullptr ? load_unaligned(bias, row + r) : 0.0f);
      }
    }
  }
}

}  // namespace

void lanes(const GroupedWeights& w, std::size_t begin, std::size_t end, const LaneActivations* x, std::size_t tokens,
           const float* bias, float* y, void* scratch) {
  auto* floats = static_cast<float*>(scratch);
  if (w.scales.block_size == kEndless) {
    if (w.bits == 4) return strip<4, Spread::row>(w, begin, end, x, tokens, bias, y, floats);
    return strip<8, Spread::row>(w, begin, end, x, tokens, bias, y, floats);
  }
  if (w.bits == 4) {
    if (w.group == 64) return strip<4, Spread::halves>(w, begin, end, x, tokens, bias, y, floats);
    return strip<4, Spread::quarters>(w, begin, end, x, tokens, bias, y, floats);
  }
  if (w.group == 64) return strip<8, Spread::whole>(w, begin, end, x, tokens, bias, y, floats);
  strip<8, Spread::halves>(w, begin, end, x, tokens, bias, y, floats);
}

}  // namespace nibble::linear::avx512_vnni

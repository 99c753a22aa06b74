// Decode: a few tokens against rows that are read once, straight from the stored codes.

#include "cpu/avx512/linear_avx512.h"
#include "cpu/avx512/linear_table.h"

namespace nibble::linear::avx512 {
namespace {

/// Bytes ahead of the current one that are fetched: about the latency of memory at the speed of memory.
constexpr std::size_t kPrefetchAhead = 2048;
constexpr std::size_t kMostTokens = 4;

/// 16 floats that hold, for every dword lane of 64 weight bytes, the scale of the group that the lane belongs to.
template <int kBits, int kGroup>
__m512 lane_scales(const float* scales, std::size_t chunk) {
  if constexpr (kBits == 8 && kGroup == 64) {
    return _mm512_set1_ps(scales[chunk]);
  } else {
    // 4-bit chunks hold 128 columns, 8-bit ones 64: two groups, or four in 4-bit chunks with groups of 32.
    constexpr int kGroups = (kBits == 4 ? 128 : 64) / kGroup;
    const __m512i lanes = kGroups == 2 ? _mm512_set_epi32(1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0)
                                       : _mm512_set_epi32(3, 3, 3, 3, 2, 2, 2, 2, 1, 1, 1, 1, 0, 0, 0, 0);
    const __m128 few = kGroups == 2
                           ? _mm_castsi128_ps(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(scales + chunk * 2)))
                           : _mm_loadu_ps(scales + chunk * 4);
    return _mm512_permutexvar_ps(lanes, _mm512_castps128_ps512(few));
  }
}

/// Dot products of one row with kTokens tokens. `combined` [kTokens, scale_stride]: weight scale * activation scale.
template <int kBits, int kGroup, int kTokens>
void row_dots(const std::uint8_t* row, std::size_t row_bytes, __m512i table, const Int8Activations& x,
              std::size_t token, const float* combined, float* sums) {
  __m512 totals[kTokens];
  const std::int8_t* codes = x.codes + token * x.code_stride;
  const std::int32_t* offsets = x.lane_offsets + token * x.code_stride;
  NIBBLE_UNROLL for (int t = 0; t < kTokens; ++t) totals[t] = _mm512_setzero_ps();
  const auto step = [&](std::size_t chunk, __m512i bytes) {
    NibblePair w{};
    if constexpr (kBits == 4) {
      w = look_up(bytes, table);
    } else {
      w.high = _mm512_xor_si512(bytes, _mm512_set1_epi8(static_cast<char>(0x80)));
    }
    NIBBLE_UNROLL for (int t = 0; t < kTokens; ++t) {
      const std::size_t at = static_cast<std::size_t>(t) * x.code_stride;
      __m512i products = _mm512_loadu_si512(offsets + at + chunk * 16);
      if constexpr (kBits == 4) {
        products = _mm512_dpbusd_epi32(products, w.high, _mm512_loadu_si512(codes + at + chunk * 128));
        products = _mm512_dpbusd_epi32(products, w.low, _mm512_loadu_si512(codes + at + chunk * 128 + 64));
      } else {
        products = _mm512_dpbusd_epi32(products, w.high, _mm512_loadu_si512(codes + at + chunk * 64));
      }
      const __m512 scales = lane_scales<kBits, kGroup>(combined + static_cast<std::size_t>(t) * x.scale_stride, chunk);
      totals[t] = _mm512_fmadd_ps(_mm512_cvtepi32_ps(products), scales, totals[t]);
    }
  };
  const std::size_t chunks = row_bytes / 64;
  for (std::size_t chunk = 0; chunk < chunks; ++chunk) {
    _mm_prefetch(reinterpret_cast<const char*>(row + chunk * 64 + kPrefetchAhead), _MM_HINT_T0);
    step(chunk, _mm512_loadu_si512(row + chunk * 64));
  }
  if (row_bytes % 64 != 0) step(chunks, _mm512_maskz_loadu_epi8(first_lanes64(row_bytes % 64), row + chunks * 64));
  NIBBLE_UNROLL for (int t = 0; t < kTokens; ++t) sums[t] = _mm512_reduce_add_ps(totals[t]);
}

/// combined = weight scale * activation scale; returns what the zero points contribute (offset_factor is -1 then).
float combine(const float* scales, const float* zeros, const Int8Activations& x, std::size_t token, float* combined) {
  __m512 correction = _mm512_setzero_ps();
  for (std::size_t g = 0; g < x.scale_stride; g += 16) {
    const __m512 both =
        _mm512_mul_ps(_mm512_loadu_ps(scales + g), _mm512_loadu_ps(x.scales + token * x.scale_stride + g));
    _mm512_storeu_ps(combined + g, both);
    if (zeros != nullptr) {
      const __m512 sums = _mm512_cvtepi32_ps(_mm512_loadu_si512(x.offsets + token * x.scale_stride + g));
      correction = _mm512_fmadd_ps(_mm512_mul_ps(both, _mm512_loadu_ps(zeros + g)), sums, correction);
    }
  }
  return zeros != nullptr ? _mm512_reduce_add_ps(correction) : 0;
}

template <int kBits, int kGroup>
void strip(const GroupedWeights& w, std::size_t begin, std::size_t end, const Int8Activations& x, const float* bias,
           float* y, float* scratch) {
  const std::size_t row_bytes = kBits == 4 ? w.columns / 2 : w.columns;
  float* scales = scratch;
  float* zeros = w.scales.zero_points != nullptr ? scratch + x.scale_stride : nullptr;
  float* temporary = scratch + 2 * x.scale_stride;
  float* combined = scratch + 4 * x.scale_stride;
  const __m512i table = unsigned_table(w.map);
  ScaleCursor cursor = scale_cursor(w, begin);
  for (std::size_t row = begin; row < end; ++row, next_row(cursor, w.scales.block_size)) {
    load_group_scales(w, cursor, x.scale_stride, scales, zeros, temporary);
    const float start = bias != nullptr ? load_unaligned(bias, row) : 0;
    for (std::size_t token = 0; token < x.tokens;) {
      const std::size_t count = smaller(kMostTokens, x.tokens - token);
      float sums[kMostTokens];
      float corrections[kMostTokens];
      for (std::size_t t = 0; t < count; ++t) {
        corrections[t] = combine(scales, zeros, x, token + t, combined + t * x.scale_stride);
      }
      const std::uint8_t* codes = w.codes + row * row_bytes;
      switch (count) {
        case 1:
          row_dots<kBits, kGroup, 1>(codes, row_bytes, table, x, token, combined, sums);
          break;
        case 2:
          row_dots<kBits, kGroup, 2>(codes, row_bytes, table, x, token, combined, sums);
          break;
        case 3:
          row_dots<kBits, kGroup, 3>(codes, row_bytes, table, x, token, combined, sums);
          break;
        default:
          row_dots<kBits, kGroup, 4>(codes, row_bytes, table, x, token, combined, sums);
      }
      for (std::size_t t = 0; t < count; ++t) y[(token + t) * w.rows + row] = sums[t] + corrections[t] + start;
      token += count;
    }
  }
}

}  // namespace

void grouped_few(const GroupedWeights& w, std::size_t begin, std::size_t end, const Int8Activations& x,
                 const float* bias, float* y, void* scratch) {
  auto* floats = static_cast<float*>(scratch);
  if (w.bits == 4) {
    w.group == 64 ? strip<4, 64>(w, begin, end, x, bias, y, floats) : strip<4, 32>(w, begin, end, x, bias, y, floats);
  } else {
    w.group == 64 ? strip<8, 64>(w, begin, end, x, bias, y, floats) : strip<8, 32>(w, begin, end, x, bias, y, floats);
  }
}

}  // namespace nibble::linear::avx512

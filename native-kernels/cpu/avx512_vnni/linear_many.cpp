// Prefill: a strip of rows is decoded once to unsigned bytes, 16 rows x 64 columns at a time and transposed to
// [dword of columns][16 rows], then multiplied with all tokens, eight at a time: one weight register holds four columns
// of 16 rows and meets one token's four activations, broadcast from memory; two such registers meet each.

#include "cpu/avx512_vnni/linear_avx512.h"
#include "cpu/avx512_vnni/linear_table.h"

namespace nibble::linear::avx512_vnni {
namespace {

constexpr std::size_t kTileBytes = 1024;              // 16 rows x 64 columns
constexpr int kDwords = 16;                           // of a row within a tile
constexpr std::size_t kBlockDword = 4 * kTokenBlock;  // bytes of one dword of a packed block's tokens
constexpr std::size_t kBlockChunk = kDwords * kBlockDword;

/// Transposes 16 registers of 16 dwords and stores them one behind the other.
void store_transposed(__m512i* r, std::uint8_t* out) {
  __m512i s[16];
  NIBBLE_UNROLL for (int i = 0; i < 16; i += 2) {
    s[i] = _mm512_unpacklo_epi32(r[i], r[i + 1]);
    s[i + 1] = _mm512_unpackhi_epi32(r[i], r[i + 1]);
  }
  NIBBLE_UNROLL for (int i = 0; i < 16; i += 4) {
    r[i] = _mm512_unpacklo_epi64(s[i], s[i + 2]);
    r[i + 1] = _mm512_unpackhi_epi64(s[i], s[i + 2]);
    r[i + 2] = _mm512_unpacklo_epi64(s[i + 1], s[i + 3]);
    r[i + 3] = _mm512_unpackhi_epi64(s[i + 1], s[i + 3]);
  }
  // r[4q + j], 128-bit lane l: dword 4l + j of rows 4q..4q+3.
  NIBBLE_UNROLL for (int j = 0; j < 4; ++j) {
    const __m512i a = _mm512_shuffle_i32x4(r[j], r[4 + j], 0x88);
    const __m512i b = _mm512_shuffle_i32x4(r[j], r[4 + j], 0xdd);
    const __m512i c = _mm512_shuffle_i32x4(r[8 + j], r[12 + j], 0x88);
    const __m512i d = _mm512_shuffle_i32x4(r[8 + j], r[12 + j], 0xdd);
    _mm512_storeu_si512(out + (0 + j) * 64, _mm512_shuffle_i32x4(a, c, 0x88));
    _mm512_storeu_si512(out + (4 + j) * 64, _mm512_shuffle_i32x4(b, d, 0x88));
    _mm512_storeu_si512(out + (8 + j) * 64, _mm512_shuffle_i32x4(a, c, 0xdd));
    _mm512_storeu_si512(out + (12 + j) * 64, _mm512_shuffle_i32x4(b, d, 0xdd));
  }
}

/// transpose_scales (cpu/linear_strips.h), 16 groups at a time.
void transpose_tile_scales(const float* rows, std::size_t stride, std::size_t groups, float* out) {
  for (std::size_t g = 0; g < groups; g += kScalePad) {
    __m512i r[kTileRows];
    NIBBLE_UNROLL for (std::size_t i = 0; i < kTileRows; ++i) r[i] = _mm512_loadu_si512(rows + i * stride + g);
    store_transposed(r, reinterpret_cast<std::uint8_t*>(out + g * kTileRows));
  }
}

/// Decodes 16 rows to tiles [chunks][16 dwords][16 rows]; rows from `end` on become zero products.
/// 4-bit: a tile's dwords 0-7 are the even columns of its 64, 8-15 the odd ones.
template <int kBits>
void decode_rows(const std::uint8_t* codes, std::size_t row_bytes, const std::int8_t* map, std::size_t begin,
                 std::size_t end, std::size_t chunks, std::uint8_t* tiles) {
  constexpr std::size_t kChunkBytes = kBits == 4 ? 32 : 64;
  const __m512i table = unsigned_table(map);
  const __m512i flip = _mm512_set1_epi8(static_cast<char>(0x80));
  const __m512i mask = _mm512_set1_epi8(15);
  const __m512i shifts = _mm512_set_epi64(0, 0, 0, 0, 4, 4, 4, 4);
  for (std::size_t chunk = 0; chunk < chunks; ++chunk) {
    const std::size_t at = chunk * kChunkBytes;
    const std::size_t left = at < row_bytes ? smaller(kChunkBytes, row_bytes - at) : 0;
    const __mmask64 lanes = first_lanes64(left);
    __m512i rows[kTileRows];
    for (std::size_t r = 0; r < kTileRows; ++r) {
      if (begin + r >= end) {
        rows[r] = flip;
        continue;
      }
      const std::uint8_t* p = codes + (begin + r) * row_bytes + at;
      _mm_prefetch(reinterpret_cast<const char*>(p + kTileRows * row_bytes), _MM_HINT_T1);
      if constexpr (kBits == 4) {
        const __m256i bytes = _mm256_maskz_loadu_epi8(static_cast<__mmask32>(lanes), p);
        const __m512i both = _mm512_srlv_epi64(_mm512_broadcast_i64x4(bytes), shifts);
        rows[r] = _mm512_shuffle_epi8(table, _mm512_and_si512(both, mask));
      } else {
        rows[r] = _mm512_xor_si512(_mm512_maskz_loadu_epi8(lanes, p), flip);
      }
    }
    store_transposed(rows, tiles + chunk * kTileBytes);
  }
}

/// Which of the chunk's groups a dword belongs to when groups have 32 columns.
template <int kBits>
constexpr int half_of(int dword) {
  return kBits == 8 ? dword / 8 : dword % 8 / 4;
}

/// What a group's integer products are multiplied with beside the activations' scale.
enum class Scaling {
  groups,             // its own scale
  groups_with_zeros,  // its own scale, after its zero point was taken off
  rows,               // nothing: rows have one scale each, which waits for the whole sum
};

struct Tile {
  const std::uint8_t* bytes;  // [chunks][16 dwords][16 rows][4]
  const float* scales;        // [groups][16 rows]
  const std::int32_t* zeros;  // [groups][16 rows], 128 + zero point; null without zero points
  std::size_t chunks;
  __mmask16 rows;  // which of the 16 exist
  __m512 bias;
};

/// One token block of packed activations, from its token `first` on.
struct Block {
  const std::int8_t* codes;
  const float* scales;
  const std::int32_t* offsets;
};
Block block_of(const Int8Activations& x, std::size_t token) {
  const std::size_t begin = token / kTokenBlock * kTokenBlock;
  const std::size_t inside = token % kTokenBlock;
  return {x.codes + begin * x.code_stride + 4 * inside, x.scales + begin * x.scale_stride + inside,
          x.offsets + begin * x.scale_stride + inside};
}

/// kTiles * 16 rows x kTokens tokens. An activation that is fetched serves all tiles: with one tile fetching took
/// longer than multiplying. Of two tiles and eight tokens only the integer sums fit into registers; the totals are in
/// memory, which each group's end visits once.
template <int kBits, int kGroup, Scaling kScaling, int kTiles, int kTokens>
void multiply(const Tile* tiles, const Block& x, float* y, std::size_t y_stride) {
  __m512 totals[kTiles][kTokens];
  __m512i products[kTiles][kTokens];
  NIBBLE_UNROLL for (int r = 0; r < kTiles; ++r) {
    const __m512 before = kScaling == Scaling::rows ? _mm512_setzero_ps() : tiles[r].bias;
    NIBBLE_UNROLL for (int t = 0; t < kTokens; ++t) totals[r][t] = before;
  }
  const auto start = [&](std::size_t group) {
    NIBBLE_UNROLL for (int t = 0; t < kTokens; ++t) {
      const __m512i offset = _mm512_set1_epi32(x.offsets[group * kTokenBlock + static_cast<std::size_t>(t)]);
      NIBBLE_UNROLL for (int r = 0; r < kTiles; ++r) {
        products[r][t] = offset;
        if constexpr (kScaling == Scaling::groups_with_zeros) {
          const __m512i zeros = _mm512_loadu_si512(tiles[r].zeros + group * kTileRows);
          products[r][t] = _mm512_mullo_epi32(offset, zeros);
        }
      }
    }
  };
  const auto add_dword = [&](std::size_t chunk, int dword) {
    const std::size_t at = chunk * kTileBytes + static_cast<std::size_t>(dword) * 64;
    const std::int8_t* codes = x.codes + chunk * kBlockChunk + static_cast<std::size_t>(dword) * kBlockDword;
    __m512i w[kTiles];
    NIBBLE_UNROLL for (int r = 0; r < kTiles; ++r) w[r] = _mm512_loadu_si512(tiles[r].bytes + at);
    NIBBLE_UNROLL for (int t = 0; t < kTokens; ++t) {
      const __m512i four = _mm512_set1_epi32(load_dword(codes + 4 * t));
      NIBBLE_UNROLL for (int r = 0; r < kTiles; ++r) products[r][t] = _mm512_dpbusd_epi32(products[r][t], w[r], four);
    }
  };
  const auto end = [&](std::size_t group) {
    NIBBLE_UNROLL for (int r = 0; r < kTiles; ++r) {
      const __m512 scales = _mm512_loadu_ps(tiles[r].scales + group * kTileRows);
      NIBBLE_UNROLL for (int t = 0; t < kTokens; ++t) {
        __m512 scale = _mm512_set1_ps(x.scales[group * kTokenBlock + static_cast<std::size_t>(t)]);
        if constexpr (kScaling != Scaling::rows) scale = _mm512_mul_ps(scales, scale);
        totals[r][t] = _mm512_fmadd_ps(_mm512_cvtepi32_ps(products[r][t]), scale, totals[r][t]);
      }
    }
  };
  constexpr int kGroups = 64 / kGroup;
  for (std::size_t chunk = 0; chunk < tiles[0].chunks; ++chunk) {
    NIBBLE_UNROLL for (int g = 0; g < kGroups; ++g) {
      const std::size_t group = chunk * kGroups + static_cast<std::size_t>(g);
      start(group);
      NIBBLE_UNROLL for (int i = 0; i < kDwords; ++i) {
        if (kGroups == 1 || half_of<kBits>(i) == g) add_dword(chunk, i);
      }
      end(group);
    }
  }
  NIBBLE_UNROLL for (int r = 0; r < kTiles; ++r) {
    float* const to = y + static_cast<std::size_t>(r) * kTileRows;
    NIBBLE_UNROLL for (int t = 0; t < kTokens; ++t) {
      __m512 sum = totals[r][t];
      if constexpr (kScaling == Scaling::rows) {
        sum = _mm512_fmadd_ps(sum, _mm512_loadu_ps(tiles[r].scales), tiles[r].bias);
      }
      _mm512_mask_storeu_ps(to + static_cast<std::size_t>(t) * y_stride, tiles[r].rows, sum);
    }
  }
}

/// Up to kTokenBlock tokens from `token`, the first of a block.
template <int kBits, int kGroup, Scaling kScaling, int kTiles>
void multiply_block(const Tile* tiles, const Int8Activations& x, std::size_t token, float* y, std::size_t y_stride) {
  const std::size_t count = smaller(kTokenBlock, x.tokens - token);
  if (count == kTokenBlock) {
    multiply<kBits, kGroup, kScaling, kTiles, 8>(tiles, block_of(x, token), y + token * y_stride, y_stride);
    return;
  }
  if ((count & 4) != 0) {
    multiply<kBits, kGroup, kScaling, kTiles, 4>(tiles, block_of(x, token), y + token * y_stride, y_stride);
    token += 4;
  }
  if ((count & 2) != 0) {
    multiply<kBits, kGroup, kScaling, kTiles, 2>(tiles, block_of(x, token), y + token * y_stride, y_stride);
    token += 2;
  }
  if ((count & 1) != 0) {
    multiply<kBits, kGroup, kScaling, kTiles, 1>(tiles, block_of(x, token), y + token * y_stride, y_stride);
  }
}

__m512 tile_bias(const float* bias, std::size_t row, __mmask16 rows) {
  return bias != nullptr
             ? _mm512_maskz_loadu_ps(rows, reinterpret_cast<const unsigned char*>(bias) + row * sizeof(float))
             : _mm512_setzero_ps();
}

template <int kBits, int kGroup, Scaling kScaling>
void grouped_strip(const GroupedWeights& w, std::size_t begin, std::size_t end, const Int8Activations& x,
                   const float* bias, float* y, void* scratch) {
  constexpr bool kZeros = kScaling == Scaling::groups_with_zeros;
  const std::size_t chunks = (w.columns + 63) / 64;
  const std::size_t row_bytes = kBits == 4 ? w.columns / 2 : w.columns;
  const DecodedStrip strip = decode_strip<kTileRows, kZeros>(
      w, begin, end, x, 128, scratch,
      [&](std::size_t first, std::uint8_t* to) {
        decode_rows<kBits>(w.codes, row_bytes, w.map, first, end, chunks, to);
      },
      load_group_scales, transpose_tile_scales);
  const auto tile_at = [&](std::size_t tile) {
    const std::size_t first = begin + tile * kTileRows;
    const __mmask16 rows = first_lanes16(end - first);
    return Tile{strip.bytes + tile * strip.tile_bytes,
                strip.scales + tile * strip.tile_scales,
                kZeros ? strip.zeros + tile * strip.tile_scales : nullptr,
                chunks,
                rows,
                tile_bias(bias, first, rows)};
  };
  // Activations in the outer loop: eight tokens stay in L1 while the strip passes from L2.
  for (std::size_t token = 0; token < x.tokens; token += kTokenBlock) {
    std::size_t tile = 0;
    for (; tile + 2 <= strip.tiles; tile += 2) {
      const Tile pair[2] = {tile_at(tile), tile_at(tile + 1)};
      multiply_block<kBits, kGroup, kScaling, 2>(pair, x, token, y + begin + tile * kTileRows, w.rows);
    }
    if (tile == strip.tiles) continue;
    const Tile last = tile_at(tile);
    multiply_block<kBits, kGroup, kScaling, 1>(&last, x, token, y + begin + tile * kTileRows, w.rows);
  }
}

template <int kBits, int kGroup>
void grouped_strip(const GroupedWeights& w, std::size_t begin, std::size_t end, const Int8Activations& x,
                   const float* bias, float* y, void* scratch) {
  if (w.scales.zero_points != nullptr) {
    return grouped_strip<kBits, kGroup, Scaling::groups_with_zeros>(w, begin, end, x, bias, y, scratch);
  }
  if constexpr (kBits == 8) {
    if (w.scales.blocks_per_row == 1) {
      return grouped_strip<kBits, kGroup, Scaling::rows>(w, begin, end, x, bias, y, scratch);
    }
  }
  grouped_strip<kBits, kGroup, Scaling::groups>(w, begin, end, x, bias, y, scratch);
}

}  // namespace

void pack(const PackJob& job) {
  const std::size_t chunks = job.x.code_stride / 64;
  for (std::size_t chunk = 0; chunk < chunks; ++chunk) {
    // A 4-bit tile's dwords are the chunk's even columns, then its odd ones; they lie 64 bytes apart (Order::even_odd).
    const bool even_odd = job.order == Order::even_odd;
    const std::size_t first = even_odd ? chunk / 2 * 128 + chunk % 2 * 32 : chunk * 64;
    const std::size_t second = first + (even_odd ? 64 : 32);
    for (std::size_t i = 0; i < kDwords; ++i) {
      const std::int8_t* from = job.x.codes + (i < 8 ? first + i * 4 : second + (i - 8) * 4);
      std::int8_t* to = job.codes + chunk * kBlockChunk + i * kBlockDword;
      for (std::size_t t = 0; t < job.x.tokens; ++t) std::memcpy(to + 4 * t, from + t * job.x.code_stride, 4);
    }
  }
  for (std::size_t g = 0; g < job.x.scale_stride; ++g) {
    for (std::size_t t = 0; t < job.x.tokens; ++t) {
      job.scales[g * kTokenBlock + t] = job.x.scales[t * job.x.scale_stride + g];
      job.offsets[g * kTokenBlock + t] = job.x.offsets[t * job.x.scale_stride + g];
    }
  }
}

void grouped_many(const GroupedWeights& w, std::size_t begin, std::size_t end, const Int8Activations& x,
                  const float* bias, float* y, void* scratch) {
  if (w.bits == 4) {
    w.group == 64 ? grouped_strip<4, 64>(w, begin, end, x, bias, y, scratch)
                  : grouped_strip<4, 32>(w, begin, end, x, bias, y, scratch);
  } else {
    w.group == 64 ? grouped_strip<8, 64>(w, begin, end, x, bias, y, scratch)
                  : grouped_strip<8, 32>(w, begin, end, x, bias, y, scratch);
  }
}

}  // namespace nibble::linear::avx512_vnni

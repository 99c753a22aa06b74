#pragma once

// What the sets do alike with a strip of rows: scales of blocks spread over groups, and for many tokens the decoded
// strip. Everything is static (see cpu/linear_scalars.h).

#include "linear_scalars.h"

namespace nibble::linear {

/// Scales and zero points of the groups of the cursor's row, both [scale_stride], zeros behind the last group.
/// @param zeros null when the weights have no zero points
/// @param scratch 2 * scale_stride floats
/// @param load the set's load(scales, first, count, out): scales of blocks times their factor
template <typename Load>
static inline void spread_block_scales(const GroupedWeights& w, const ScaleCursor& cursor, std::size_t scale_stride,
                                       float* scales, float* zeros, float* scratch, const Load& load) {
  const BlockScales& s = w.scales;
  const std::size_t groups = cursor.groups;
  const std::size_t first = cursor.block;
  for (std::size_t g = groups; g < scale_stride; ++g) {
    scales[g] = 0;
    if (zeros != nullptr) zeros[g] = 0;
  }
  if (s.block_size == w.group) {
    load(s, first, groups, scales);
    if (zeros != nullptr) {
      for (std::size_t g = 0; g < groups; ++g) zeros[g] = static_cast<float>(s.zero_points[first + g]);
    }
    return;
  }
  const std::size_t blocks = blocks_of_row(cursor, w);
  load(s, first, blocks, scratch);
  if (blocks == 1) {
    const float zero = zeros != nullptr ? static_cast<float>(s.zero_points[first]) : 0.0f;
    for (std::size_t g = 0; g < groups; ++g) scales[g] = scratch[0];
    for (std::size_t g = 0; zeros != nullptr && g < groups; ++g) zeros[g] = zero;
    return;
  }
  std::size_t block = 0;
  std::size_t left = s.block_size - cursor.phase;
  for (std::size_t g = 0; g < groups; ++g) {
    scales[g] = scratch[block];
    if (zeros != nullptr) zeros[g] = static_cast<float>(s.zero_points[first + block]);
    if (left <= w.group) {
      ++block;
      left = s.block_size;
    } else {
      left -= w.group;
    }
  }
}

/// A strip in scratch (see strip_scratch): decoded bytes, then scales and zero points [tile][group][rows of a tile].
struct DecodedStrip {
  std::uint8_t* bytes;
  float* scales;
  std::int32_t* zeros;
  std::size_t tiles;
  std::size_t tile_bytes;
  std::size_t tile_scales;
};

/// out[g * kRows + r] = rows[r * stride + g] for all groups.
template <std::size_t kRows>
static inline void transpose_scales(const float* rows, std::size_t stride, std::size_t groups, float* out) {
  for (std::size_t r = 0; r < kRows; ++r) {
    for (std::size_t g = 0; g < groups; ++g) out[g * kRows + r] = rows[r * stride + g];
  }
}

/// Decodes the rows [begin, end); scales of rows beyond are 0.
/// @param zero_offset is added to every zero point: what makes the bytes unsigned
/// @param decode decode(first row, where the tile's bytes go)
/// @param load_scales the set's load_group_scales
/// @param transpose as transpose_scales; may write the scales of all groups up to the stride
template <std::size_t kRows, bool kZeros, typename Decode, typename LoadScales, typename Transpose>
static inline DecodedStrip decode_strip(const GroupedWeights& w, std::size_t begin, std::size_t end,
                                        const Int8Activations& x, std::int32_t zero_offset, void* scratch,
                                        const Decode& decode, const LoadScales& load_scales,
                                        const Transpose& transpose) {
  DecodedStrip strip{};
  strip.tiles = (end - begin + kRows - 1) / kRows;
  strip.tile_bytes = kRows * x.code_stride;
  strip.tile_scales = kRows * x.scale_stride;
  strip.bytes = static_cast<std::uint8_t*>(scratch);
  strip.scales = reinterpret_cast<float*>(strip.bytes + strip.tiles * strip.tile_bytes);
  strip.zeros = reinterpret_cast<std::int32_t*>(strip.scales + strip.tiles * strip.tile_scales);
  auto* row_scales = reinterpret_cast<float*>(strip.zeros + strip.tiles * strip.tile_scales);
  float* row_zeros = kZeros ? row_scales + x.scale_stride : nullptr;
  float* temporary = row_scales + 2 * x.scale_stride;
  const std::size_t groups = (w.columns + 63) / 64 * (64 / w.group);
  ScaleCursor cursor = scale_cursor(w, begin);
  for (std::size_t tile = 0; tile < strip.tiles; ++tile) {
    const std::size_t first = begin + tile * kRows;
    decode(first, strip.bytes + tile * strip.tile_bytes);
    float* const scales = strip.scales + tile * strip.tile_scales;
    std::int32_t* const zeros = strip.zeros + tile * strip.tile_scales;
    // Without zero points their place holds the scales row by row.
    float* const by_row = kZeros ? nullptr : reinterpret_cast<float*>(zeros);
    for (std::size_t r = 0; r < kRows; ++r) {
      const bool exists = first + r < end;
      float* const loaded = kZeros ? row_scales : by_row + r * x.scale_stride;
      if (exists) {
        load_scales(w, cursor, x.scale_stride, loaded, row_zeros, temporary);
        next_row(cursor, w.scales.block_size);
      } else if constexpr (!kZeros) {
        for (std::size_t g = 0; g < x.scale_stride; ++g) loaded[g] = 0;
      }
      if constexpr (kZeros) {
        for (std::size_t g = 0; g < groups; ++g) {
          scales[g * kRows + r] = exists ? loaded[g] : 0;
          zeros[g * kRows + r] = zero_offset + (exists ? static_cast<std::int32_t>(row_zeros[g]) : 0);
        }
      }
    }
    if constexpr (!kZeros) transpose(by_row, x.scale_stride, groups, scales);
  }
  return strip;
}

/// Adds the bias to a tile's products [kTokens, kRows] and writes those of `tokens` and `rows` to y.
template <std::size_t kTokens, std::size_t kRows>
static inline void store_tile(float (&products)[kTokens][kRows], std::size_t tokens, std::size_t rows,
                              const float* bias, std::size_t first, float* y, std::size_t y_stride) {
  float start[kRows] = {};
  if (bias != nullptr) std::memcpy(start, reinterpret_cast<const unsigned char*>(bias) + first * 4, rows * 4);
  for (std::size_t t = 0; t < tokens; ++t) {
    for (std::size_t r = 0; r < kRows; ++r) products[t][r] += start[r];
    std::memcpy(y + t * y_stride + first, products[t], rows * sizeof(float));
  }
}

}  // namespace nibble::linear

#pragma once

// Small helpers of the kernels of every instruction set. Everything is static: a function with external linkage that is
// compiled with a set's flags could be chosen by the linker for the portable path.

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "linear_kernels.h"

#if defined(__GNUC__)
#define NIBBLE_UNROLL _Pragma("GCC unroll 16")
#else
#define NIBBLE_UNROLL
#endif

namespace nibble::linear {

static inline std::size_t smaller(std::size_t a, std::size_t b) { return a < b ? a : b; }

static inline float load_unaligned(const float* p, std::size_t index) {
  float value;
  std::memcpy(&value, reinterpret_cast<const unsigned char*>(p) + index * sizeof value, sizeof value);
  return value;
}

static inline std::int32_t load_dword(const void* p) {
  std::int32_t value;
  std::memcpy(&value, p, sizeof value);
  return value;
}

/// Walks the scales of consecutive rows. Divisions cost as much as a hundred weights, so they happen once a strip.
struct ScaleCursor {
  std::size_t groups;       // of a row
  std::size_t block;        // of the row's first weight
  std::size_t phase;        // elements of that block before the row
  std::size_t step_blocks;  // how far the next row begins
  std::size_t step_phase;
};

static inline ScaleCursor scale_cursor(const GroupedWeights& w, std::size_t row) {
  const BlockScales& s = w.scales;
  const std::size_t groups = (w.columns + w.group - 1) / w.group;
  if (s.blocks_per_row > 0) return {groups, row * s.blocks_per_row, 0, s.blocks_per_row, 0};
  const std::size_t position = row * w.columns;
  return {groups, position / s.block_size, position % s.block_size, w.columns / s.block_size, w.columns % s.block_size};
}

static inline void next_row(ScaleCursor& cursor, std::size_t block_size) {
  cursor.block += cursor.step_blocks;
  cursor.phase += cursor.step_phase;
  if (cursor.phase >= block_size) {
    cursor.phase -= block_size;
    ++cursor.block;
  }
}

/// Blocks that a row touches.
static inline std::size_t blocks_of_row(const ScaleCursor& cursor, const GroupedWeights& w) {
  if (cursor.phase == 0 && cursor.step_phase == 0) return cursor.step_blocks;
  if (cursor.phase + w.columns <= w.scales.block_size) return 1;
  return (cursor.phase + w.columns + w.scales.block_size - 1) / w.scales.block_size;
}

/// The scales of `count` blocks whose exponents are stored, times the factor: base/weights.h's e8m0_scale, in a form
/// that compilers make vectors of.
static inline void load_exponents(const BlockScales& s, std::size_t first, std::size_t count, float* out) {
  for (std::size_t i = 0; i < count; ++i) {
    const std::uint32_t exponent = s.codes[first + i];
    std::uint32_t bits = exponent << 23;
    bits = exponent == 0 ? 0x00400000u : bits;
    bits = exponent == 255 ? 0x7fc00000u : bits;
    float value;
    std::memcpy(&value, &bits, sizeof value);
    out[i] = value * s.factor;
  }
}

/// How a group of activations becomes int8: see rounding::quantize_activations.
struct Scaling {
  float scale;
  float inverse;  // 0 when the group is all zero or not finite: all codes become 0
};

/// @param bits largest magnitude of the group as its bits: as integers magnitudes order like floats, NaN above infinity
static inline Scaling scaling_of(std::uint32_t bits) {
  constexpr std::uint32_t kInfinity = 0x7f800000u;
  constexpr std::uint32_t kNan = 0x7fc00000u;
  constexpr float kSmallestAbsmax = 7.8886090522101181e-31f;  // base/activation_rounding.h
  float absmax;
  std::memcpy(&absmax, &bits, sizeof absmax);
  if (bits >= kInfinity) {
    std::memcpy(&absmax, &kNan, sizeof absmax);
    return {absmax, 0};
  }
  if (absmax < kSmallestAbsmax) return {0, 0};
  return {absmax / 127.0f, 127.0f / absmax};
}

}  // namespace nibble::linear

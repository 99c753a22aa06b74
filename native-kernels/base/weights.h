#pragma once

// Reading a WeightView one weight at a time: for the reference, and for what the drivers do once per block. The kernels
// have their own ways. Everything is static: files compiled for different instruction sets may include it.

#include <algorithm>
#include <bit>
#include <cstring>

#include "codebook.h"
#include "formats.h"
#include "half.h"

namespace nibble {

static inline float load_float(const void* p, std::size_t index) {
  float value;
  std::memcpy(&value, static_cast<const unsigned char*>(p) + index * sizeof value, sizeof value);
  return value;
}

/// The block of a weight.
static inline std::size_t block_of(const WeightView& w, std::size_t row, std::size_t column) {
  if (w.block_size == 0) return 0;
  if (traits_of(w.format).blocks == FormatTraits::Blocks::flat) return (row * w.columns + column) / w.block_size;
  return row * ((w.columns + w.block_size - 1) / w.block_size) + column / w.block_size;
}

/// The first column behind `column` that lies in another block, or the end of the row. The blocks of a row follow one
/// another.
static inline std::size_t block_end(const WeightView& w, std::size_t row, std::size_t column) {
  if (w.block_size == 0) return w.columns;
  const bool flat = traits_of(w.format).blocks == FormatTraits::Blocks::flat;
  const std::size_t phase = (flat ? row * w.columns + column : column) % w.block_size;
  return std::min(w.columns, column + w.block_size - phase);
}

/// 2^(exponent - 127); 255 is NaN. In bits: the exponent of a float32, whose 0 stands for numbers below its range.
static inline float e8m0_scale(std::uint8_t exponent) {
  return std::bit_cast<float>(exponent == 0     ? 0x00400000u
                              : exponent == 255 ? 0x7fc00000u
                                                : std::uint32_t{exponent} << 23);
}

/// The scale of block `block`; de-nested with separate roundings of product and sum, as bitsandbytes does.
static inline float block_scale(const WeightView& w, std::size_t block) {
  float scale;
  if (traits_of(w.format).scales == FormatTraits::Scales::e8m0) {
    scale = e8m0_scale(static_cast<const std::uint8_t*>(w.scales)[block]);
  } else if (w.scales != nullptr) {
    scale = load_float(w.scales, block);
  } else {
    const float product =
        load_float(w.nested_map, w.scale_codes[block]) * load_float(w.nested_scales, block / kNestedBlockSize);
    scale = product + w.nested_offset;
  }
  return scale / traits_of(w.format).divisor;
}

static inline int zero_point(const WeightView& w, std::size_t block) {
  return w.zero_points != nullptr ? w.zero_points[block] : 0;
}

/// Whether codes number levels, and those, which may be unaligned.
static constexpr bool has_levels(const FormatTraits& traits) {
  return traits.values == FormatTraits::Values::levels || traits.values == FormatTraits::Values::e2m1;
}
static inline const float* levels_of(const WeightView& w) {
  return traits_of(w.format).values == FormatTraits::Values::e2m1 ? e2m1_values() : w.levels;
}

/// Where the code of a column lies in its row, and which column's code lies there.
static constexpr std::size_t position_of(FormatTraits::Order order, std::size_t column) {
  return order == FormatTraits::Order::low_first ? column ^ 1 : column;
}

/// The code of the weight at `element`, a position, as an integer where the format says so: of 4 bits less 8, of 8 bits
/// signed.
static inline int code_of(const WeightView& w, std::size_t element) {
  const auto* codes = static_cast<const std::uint8_t*>(w.codes);
  const FormatTraits& traits = traits_of(w.format);
  if (traits.bits == 8) return static_cast<std::int8_t>(codes[element]);
  const int half = element % 2 == 0 ? codes[element / 2] >> 4 : codes[element / 2] & 15;
  return traits.values == FormatTraits::Values::integers ? half - 8 : half;
}

/// The weight at `element` of a float format.
static inline float float_weight(const WeightView& w, std::size_t element) {
  if (w.format == WeightFormat::f32) return load_float(w.codes, element);
  std::uint16_t value;
  std::memcpy(&value, static_cast<const unsigned char*>(w.codes) + element * sizeof value, sizeof value);
  return w.format == WeightFormat::bf16 ? std::bit_cast<float>(std::uint32_t{value} << 16) : float_from_half(value);
}

/// The weight that lies at a position of a row, as float32.
static inline float weight_at_position(const WeightView& w, std::size_t row, std::size_t position) {
  const std::size_t element = row * w.columns + position;
  const FormatTraits& traits = traits_of(w.format);
  if (traits.values == FormatTraits::Values::floats) return float_weight(w, element);
  const std::size_t block = block_of(w, row, position);
  const int code = code_of(w, element);
  const float value = has_levels(traits) ? load_float(levels_of(w), static_cast<std::size_t>(code))
                                         : static_cast<float>(code - zero_point(w, block));
  return value * block_scale(w, block);
}

/// A weight as float32. Blocks hold whole pairs, so its block is that of its position.
static inline float weight_at(const WeightView& w, std::size_t row, std::size_t column) {
  return weight_at_position(w, row, position_of(traits_of(w.format).order, column));
}

/// Columns of activations that share one int8 scale: 64, else 32, so that a group never lies in two weight blocks.
/// @returns 0 when no such group exists (floats; blocks that straddle rows at odd places): those run with float32
std::size_t activation_group(const WeightView& w);

/// @throws Error("invalid-input") when something that the format needs is missing, or of an impossible size
void check_view(const WeightView& w);

}  // namespace nibble

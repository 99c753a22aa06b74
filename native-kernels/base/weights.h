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

/// The scale of block `block`; de-nested with separate roundings of product and sum, as bitsandbytes does.
static inline float block_scale(const WeightView& w, std::size_t block) {
  float scale;
  if (w.scales != nullptr) {
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

/// The code of a weight, as an integer where the format says so: of 4 bits less 8, of 8 bits signed.
static inline int code_of(const WeightView& w, std::size_t element) {
  const auto* codes = static_cast<const std::uint8_t*>(w.codes);
  const FormatTraits& traits = traits_of(w.format);
  if (traits.bits == 8) return static_cast<std::int8_t>(codes[element]);
  const int half = element % 2 == 0 ? codes[element / 2] >> 4 : codes[element / 2] & 15;
  return traits.values == FormatTraits::Values::integers ? half - 8 : half;
}

/// A weight of a float format.
static inline float float_weight(const WeightView& w, std::size_t element) {
  if (w.format == WeightFormat::f32) return load_float(w.codes, element);
  std::uint16_t value;
  std::memcpy(&value, static_cast<const unsigned char*>(w.codes) + element * sizeof value, sizeof value);
  return w.format == WeightFormat::bf16 ? std::bit_cast<float>(std::uint32_t{value} << 16) : float_from_half(value);
}

/// A weight as float32.
static inline float weight_at(const WeightView& w, std::size_t row, std::size_t column) {
  const std::size_t element = row * w.columns + column;
  const FormatTraits& traits = traits_of(w.format);
  if (traits.values == FormatTraits::Values::floats) return float_weight(w, element);
  const std::size_t block = block_of(w, row, column);
  const int code = code_of(w, element);
  const float value = traits.values == FormatTraits::Values::levels
                          ? load_float(w.levels, static_cast<std::size_t>(code))
                          : static_cast<float>(code - zero_point(w, block));
  return value * block_scale(w, block);
}

/// Columns of activations that share one int8 scale: 64, else 32, so that a group never lies in two weight blocks.
/// @returns 0 when no such group exists (floats; blocks that straddle rows at odd places): those run with float32
std::size_t activation_group(const WeightView& w);

/// @throws Error("invalid-input") when something that the format needs is missing, or of an impossible size
void check_view(const WeightView& w);

}  // namespace nibble

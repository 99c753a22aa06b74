#pragma once

// How the weights of a matrix are stored (formats.def), and the one view of such a matrix that everything reads:
// reference, kernels of the instruction sets, operator, CUDA.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace nibble {

enum class WeightFormat {
#define FORMAT(id, ...) id,
#include "formats.def"
};

/// What formats.def says of a format; the columns are described there.
struct FormatTraits {
  enum class Order { high_first, low_first };
  enum class Codes { U8, I8, BF16, F16, F32 };
  enum class Values { levels, e2m1, integers, floats };
  enum class Scales { none, f32, e8m0 };
  enum class Blocks { none, flat, row };
  enum class Outliers { none, channels, threshold };

  WeightFormat format;
  const char* name;
  int bits;
  Order order;
  Codes codes;
  Values values;
  Scales scales;
  Blocks blocks;
  float divisor;
  bool zero_points;
  Outliers outliers;
};

inline constexpr FormatTraits kFormats[] = {
#define FORMAT(id, bits, order, codes, values, scales, blocks, divisor, zero_points, outliers) \
  {WeightFormat::id,                                                                           \
   #id,                                                                                        \
   bits,                                                                                       \
   FormatTraits::Order::order,                                                                 \
   FormatTraits::Codes::codes,                                                                 \
   FormatTraits::Values::values,                                                               \
   FormatTraits::Scales::scales,                                                               \
   FormatTraits::Blocks::blocks,                                                               \
   divisor,                                                                                    \
   zero_points,                                                                                \
   FormatTraits::Outliers::outliers},
#include "formats.def"
};

// What the kernels can read; a row that says something else needs a kernel first.
#define FORMAT(id, bits, order, codes, values, scales, blocks, divisor, zero_points, outliers)                \
  static_assert((FormatTraits::Values::values == FormatTraits::Values::floats)                                \
                    ? bits >= 16 && FormatTraits::Scales::scales == FormatTraits::Scales::none                \
                    : (bits == 4 || bits == 8) && FormatTraits::Scales::scales != FormatTraits::Scales::none, \
                #id ": floats have 16 bits or more and no scales, codes 4 or 8 and scales");                  \
  static_assert(FormatTraits::Values::values != FormatTraits::Values::levels || (bits == 4 && !zero_points),  \
                #id ": levels belong to codes of 4 bits and know no zero points");                            \
  static_assert((FormatTraits::Scales::scales == FormatTraits::Scales::none) ==                               \
                    (FormatTraits::Blocks::blocks == FormatTraits::Blocks::none),                             \
                #id ": scales belong to blocks");
#include "formats.def"

static constexpr const FormatTraits& traits_of(WeightFormat format) {
  return kFormats[static_cast<std::size_t>(format)];
}

/// @returns nothing for what no row of formats.def is called
std::optional<WeightFormat> weight_format_from_name(std::string_view name);

/// A map of double quantization as straight pieces, so that scales are computed instead of looked up one by one. With
/// d = code - 127 and 2^e <= |d| < 2^(e + 1), the value is slope[e] * d + base[e] * sign(d). The dynamic data type
/// (Dettmers, "8-bit Approximations for Parallelism in Deep Learning", 2016) is made of such pieces: a decade for each
/// e. The last piece holds d = 128 alone and has base 0, so that it can serve d = 0 too.
struct NestedCurve {
  float base[8];
  float slope[8];
};

/// @param map [256], may be unaligned
/// @returns none when a value lies further than 2^-20 of itself from the pieces, or is not finite
std::optional<NestedCurve> nested_curve(const float* map);

/// A stored matrix, w = (value of its code - zero point) * scale of its block. Pointers may be unaligned: the file is
/// mapped. What the format does not have is null.
struct WeightView {
  WeightFormat format;
  std::size_t rows;                          // output features N
  std::size_t columns;                       // input features K
  std::size_t block_size;                    // weights that share a scale, a whole row at most; 0: one scale for all
  const void* codes;                         // code_bytes(*this)
  const void* scales = nullptr;              // [block_count(*this)] or null where they are nested
  const std::int8_t* zero_points = nullptr;  // [block_count(*this)] or null: all are 0
  const float* levels = nullptr;             // [16] value of each code
  // Nested scales (double quantization): scale = nested_map[code] * nested_scales[block / 256] + nested_offset.
  const std::uint8_t* scale_codes = nullptr;  // [block_count(*this)]
  const float* nested_scales = nullptr;       // [ceil(block_count(*this) / 256)]
  const float* nested_map = nullptr;          // [256]
  const NestedCurve* nested_curve = nullptr;  // of nested_map; null: values are looked up
  float nested_offset = 0;
  float threshold = 0;  // `threshold` outliers: activations of this magnitude and more; 0: none
};

/// Bytes of the codes.
std::size_t code_bytes(const WeightView& w);

/// Blocks that have a scale each.
std::size_t block_count(const WeightView& w);

}  // namespace nibble

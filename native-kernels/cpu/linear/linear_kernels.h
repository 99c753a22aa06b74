#pragma once

// What the drivers (cpu/linear_*.cpp) and the kernels of an instruction set (cpu/<isa>/linear_*.cpp) say to each other.
// The drivers choose shapes, split the work and own the memory; a kernel works on one strip of rows in one thread.
//
// Nothing with external linkage is defined here: this header is compiled with every instruction set's flags, and the
// linker could otherwise give the portable path a copy made of AVX-512 instructions.

#include <cstddef>
#include <cstdint>

#include "linear.h"

namespace nibble::linear {

/// Rows of int8 activations are padded with zeros to a multiple of this, so that kernels need no tail in x.
inline constexpr std::size_t kActivationPad = 128;
/// Rows that a prefill kernel takes at once: the dwords of a 512-bit register.
inline constexpr std::size_t kTileRows = 16;
/// Tokens that a prefill kernel takes at once; also the tokens of one block of packed activations.
inline constexpr std::size_t kTokenBlock = 8;
/// Group scales are padded to a multiple of this with zeros.
inline constexpr std::size_t kScalePad = 16;

/// Bytes that a lanes kernel needs for a strip of `rows`: scales and zero points of all rows, and one row of
/// temporaries.
static constexpr std::size_t lanes_scratch(std::size_t rows, std::size_t scale_stride) {
  return ((2 * rows + 2) * scale_stride + 2 * kScalePad) * sizeof(float);
}

/// Bytes that a _many kernel needs for a strip of `rows` (a multiple of kTileRows): decoded weights, scales, zero
/// points and one row of temporaries.
static constexpr std::size_t strip_scratch(std::size_t rows, std::size_t code_stride, std::size_t scale_stride) {
  return rows * code_stride + (2 * rows + 8) * scale_stride * sizeof(float);
}

/// How a row of int8 activations lies in memory.
enum class Order {
  natural,
  even_odd,  // of every 128 columns the 64 even ones, then the 64 odd ones: the nibbles of 64 bytes of 4-bit weights
};

/// Block size of a block without end: one scale for a whole row or matrix. Sums of it with a column still fit.
inline constexpr std::size_t kEndless = SIZE_MAX / 2;

/// The scale of every weight block. Blocks either start anew in each row (`blocks_per_row` > 0) or run over the
/// flattened matrix (`blocks_per_row` == 0). A block ends within a group only where the row ends.
struct BlockScales {
  const float* values;             // [blocks] or null
  const std::uint8_t* codes;       // [blocks] or null: of nested scales, or exponents
  bool exponents;                  // codes are the exponents of powers of two (E8M0)
  const float* nested_absmax;      // [ceil(blocks / 256)]
  const float* nested_map;         // [256]
  const NestedCurve* curve;        // of nested_map; null: values are looked up
  const std::int8_t* zero_points;  // [blocks] or null
  float nested_offset;
  float factor;            // multiplies every scale
  std::size_t block_size;  // elements
  std::size_t blocks_per_row;
};

/// Weights whose integer products are scaled per group of columns.
struct GroupedWeights {
  const std::uint8_t* codes;  // bits 4: element 0 in the high nibble; bits 8: int8
  int bits;
  std::int8_t map[16];   // bits 4: the integer that each code stands for
  float unrounded[16];   // bits 4: the same before it was rounded to an integer, for the outlier channels
  std::int8_t rest[16];  // bits 4: what was rounded off, in steps of rounding::kRestStep
  bool has_rest;         // whether any of it is not 0
  std::size_t rows;
  std::size_t columns;  // bits 4: even
  std::size_t group;    // 64 or 32 columns; never crosses a weight block
  BlockScales scales;
};

/// Activations rounded to int8 by LinearKernels::quantize; zeros beyond the columns.
struct Int8Activations {
  const std::int8_t* codes;     // [tokens, code_stride]
  const float* scales;          // [tokens, scale_stride], one a group
  const std::int32_t* offsets;  // [tokens, scale_stride], offset_factor * sum of the group's codes
  std::size_t tokens;
  std::size_t code_stride;
  std::size_t scale_stride;
};

/// Activations of up to kTokenBlock tokens on their way into the order of the _many kernels. In a block the tokens
/// alternate dword by dword, so that a kernel reads one stream; `codes` has kTokenBlock * code_stride bytes, `scales`
/// and `offsets` [scale_stride, kTokenBlock].
struct PackJob {
  Int8Activations x;
  Order order;
  std::int8_t* codes;
  float* scales;
  std::int32_t* offsets;
};

/// One token's activations on their way to int8.
struct QuantizeJob {
  const float* x;  // [columns]
  std::size_t columns;
  std::size_t group;  // 64 or 32
  Order order;
  std::int32_t offset_factor;
  std::int8_t* codes;     // [padded columns], written whole
  float* scales;          // [scale_stride], written whole
  std::int32_t* offsets;  // [scale_stride], written whole
  std::size_t scale_stride;
};

/// The activations of one of few tokens, rounded lane by lane: base/activation_rounding.h says how. The chunks of
/// second passes follow behind the others.
struct LaneActivations {
  const std::int8_t* codes;  // [chunks + second_passes, chunk columns]; 4-bit weights: a chunk's 64 even columns, then
                             // its 64 odd ones
  const std::int32_t* offsets;  // [chunks + second_passes, 16] -128 * sum of the lane's codes
  const float* scales;          // [chunks + second_passes, 16]
  const std::uint32_t* places;  // [second_passes] the chunk of the weights that each meets
  const float* group_sums;      // [groups] sums of the rounded activations; null when the weights have no zero points
  std::size_t chunks;
  std::size_t second_passes;
};

/// One token's activations on their way there; every array has room for twice the chunks.
struct LaneJob {
  const float* x;  // [columns]
  std::size_t columns;
  int bits;  // of the weights
  std::int8_t* codes;
  std::int32_t* offsets;
  float* scales;
  std::uint32_t* places;
};

/// The kernels of one instruction set. `begin`, `end` are rows; y [tokens, rows of the matrix]; bias null or [rows].
struct LinearKernels {
  /// As rounding::quantize_activations, per group.
  void (*quantize)(const QuantizeJob& job);
  /// Puts one block of tokens into the order of the _many kernels; null when they take Int8Activations as they are.
  void (*pack)(const PackJob& job);

  /// reference::round_lanes of one token; null: the portable one. @returns the number of second passes
  std::size_t (*round_lanes)(const LaneJob& job);
  /// Few tokens: every row is read once and multiplied as it is. x [tokens]; scratch: lanes_scratch() bytes.
  void (*lanes)(const GroupedWeights& w, std::size_t begin, std::size_t end, const LaneActivations* x,
                std::size_t tokens, const float* bias, float* y, void* scratch);
  /// Many tokens: the strip is decoded once into scratch (strip_scratch() bytes) and used for all tokens. x is packed
  /// when there is a `pack`.
  void (*grouped_many)(const GroupedWeights& w, std::size_t begin, std::size_t end, const Int8Activations& x,
                       const float* bias, float* y, void* scratch);
  /// out[i] = map[code of element first + i] * scale
  void (*expand4)(const std::uint8_t* codes, std::size_t first, std::size_t count, const float* map, float scale,
                  float* out);
  /// out[i] = (codes[i] - zero) * scale
  void (*expand8)(const std::int8_t* codes, std::size_t count, int zero, float scale, float* out);
  /// out[i] = weight i of `source`
  void (*widen)(const void* source, WeightType type, std::size_t count, float* out);
  /// Float32 products of `rows` decoded rows w [rows, columns]: y[t * y_stride + r] = w[r] . x[t] + bias[r].
  void (*dots)(const float* w, std::size_t rows, std::size_t columns, const float* x, std::size_t tokens,
               const float* bias, float* y, std::size_t y_stride);
  /// The same for few tokens straight from stored 16- or 32-bit rows.
  void (*dots16)(const void* rows_data, WeightType type, std::size_t rows, std::size_t columns, const float* x,
                 std::size_t tokens, const float* bias, float* y, std::size_t y_stride);
};

/// @returns null for Isa::reference and for sets this build has no kernels for
const LinearKernels* linear_kernels(Isa isa);

extern const LinearKernels kAvx2Kernels;
extern const LinearKernels kAvxVnniKernels;
extern const LinearKernels kAvx512VnniKernels;
extern const LinearKernels kNeonKernels;
extern const LinearKernels kNeonDotprodKernels;
extern const LinearKernels kNeonI8mmKernels;

}  // namespace nibble::linear

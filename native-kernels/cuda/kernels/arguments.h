#pragma once

// What the host hands to the kernels: plain structures, one per kernel, passed by value. Pointers are device memory.

#include <cstdint>

namespace nibble::cuda {

/// Weights of one warp's step in the kernels with small groups: 32 lanes of 16.
constexpr unsigned kTileWeights = 512;
constexpr unsigned kLaneWeights = 16;

/// Error sums in units of a weight, over w = (u + e) * unit: e the scaled error, u the value of a code.
struct Sums {
  double error_squares;  // (unit * e)^2; NaN when a weight cannot be quantized
  double error_values;   // unit^2 * e * u
  double value_squares;  // (unit * u)^2
  double max_error;      // largest |unit * e|
};

/// Where a grid leaves its sums: every block its own, which the last block to finish adds up in order.
struct BlockReduction {
  Sums* partials;     // [blocks of the grid]
  unsigned* arrived;  // 0 before and after a launch
  Sums* result;
  Sums* cleared;  // set to zeros; may be null
};

enum class SourceType : unsigned { bf16, f16, f32 };

/// The 4-bit tables in ascending order of value ("rank"). [-1, 1] is cut into cells with at most one threshold inside,
/// so that one comparison gives the rank; cell_of says which. launches.cpp fills them with the same function.
struct CodeTables {
  float cell_threshold[32];
  unsigned cell_rank[32];  // thresholds below the cell
  float values[16];
  unsigned codes[16];
};

/// Cells to a unit: NF4's thresholds are 0.08 apart or more.
constexpr float kNf4Cells = 14.4f;

/// FP4 has three thresholds about zero. Rounding up to quarters, and starting three of them later, puts the middle one,
/// zero itself, between two cells: up to zero is one, all above zero another.
constexpr float kFp4Cells = 14.9f;
constexpr float kFp4Start = 0.75f;

/// Adding it leaves a number in quarters in the low bits: 1.5 * 2^21.
constexpr float kQuarters = 3145728.0f;

/// Bits 2 to 6 of a number in quarters: its whole part, as an offset of 4-byte entries.
constexpr unsigned kCellOffset = 0x7c;

struct QuantizeBlocks {
  const void* source;  // 16-byte aligned
  std::uint64_t weights;
  unsigned block_shift;  // log2 of the block size: the device divides slowly
  std::uint8_t* codes;
  void* absmax;  // [blocks] float32, or, where the scales will be quantized as well, as scale_bits of weights.h
  // Null unless the scales will be quantized as well:
  unsigned* moments;    // [blocks] sums of e * u and u * u, two float16
  float* errors;        // [ceil(blocks / error_blocks)] largest |unit * e| of so many blocks
  float* leaf_sums;     // blocks of at most kTileWeights only: [whole leaves, 32] sums of scales; null: none
  unsigned leaf_shift;  // log2 of the tiles of a leaf
  bool shares_error;    // incomplete last block only: its error is that of whole blocks as well
  BlockReduction reduction;
  CodeTables tables;
};

/// Most groups of 32 scales that make a leaf of the mean where the blocks' quantizer adds them up.
constexpr unsigned kMostLeafGroups = 32;

/// The mean of the scales, added up as mean_as_pytorch does.
struct MeanOfScales {
  const void* values;  // scale_bits
  SourceType type;
  std::uint64_t count;
  const float* leaf_sums;  // [summed, 32] of the first leaves
  std::uint64_t summed;
  float* nodes;       // [ceil(count / 32 / step^2) * 32 + 4096] scratch
  unsigned power;     // step = 2^power groups of 32 are added before they are folded
  unsigned* arrived;  // 0 before and after a launch
  float* mean;
  unsigned* certain;  // set to 0, for the kernels that come next
  unsigned long long* largest;
};

/// Steps of a part of StepTables.
constexpr unsigned kPartSteps = 16;

/// The steps about zero, where codes are as dense as steps.
constexpr unsigned kDenseSteps = 256;
constexpr unsigned kFirstDense = (65536 - kDenseSteps) / 2;

/// The codes of the 65,536 steps from -1 to 1 that scales are put on, small enough for a multiprocessor's own memory.
struct StepTables {
  // Of kPartSteps steps: code of the first, and in the high byte how many have it before the next code. Not about zero.
  std::uint16_t parts[65536 / kPartSteps];
  std::uint8_t dense[kDenseSteps];
};

/// Double quantization, a run of 256 blocks at a time.
struct QuantizeScales {
  const void* absmax;  // scale_bits
  SourceType type;
  std::uint64_t blocks;
  const float* offset;
  const StepTables* steps;
  const float* map;  // [256]
  const unsigned* moments;
  const float* errors;
  unsigned run_errors;  // errors of a run: one for all of its blocks, or one for each
  std::uint64_t all_errors;
  std::uint8_t* codes;
  float* nested_absmax;
  float* run_bounds;         // [runs] no error of the run is above this
  unsigned* certain;         // bits of an error that some weight has at least; only grows
  BlockReduction reduction;  // error_squares, error_values, value_squares: what drift adds to squares, dot, dequantized
};

/// Finds the largest error of the runs that can hold it, weight by weight.
struct LargestError {
  const void* source;
  const std::uint8_t* codes;
  SourceType type;
  unsigned block_shift;
  std::uint64_t weights;  // of the tensor
  const std::uint8_t* absmax_codes;
  const float* nested_absmax;
  const float* offset;
  const float* map;
  const float* run_bounds;
  const unsigned* certain;
  std::uint64_t runs;
  const std::uint32_t* listed;  // [runs] their numbers, lying one after another in source and codes; null: all runs
  unsigned long long* largest;  // bits of a double; only grows
  float values[16];             // by code
};

/// Weights that a warp of the 4-bit kernels dequantizes.
constexpr unsigned kWarpWeights = 1024;

struct DequantizeBlocks {
  const std::uint8_t* codes;  // 16-byte aligned
  const float* absmax;        // null: double-quantized
  const std::uint8_t* absmax_codes;
  const float* nested_absmax;
  const float* map;
  const float* values;  // [16] by code
  float offset;
  unsigned block_shift;  // log2 of the block size
  std::uint64_t weights;
  float* out;
};

enum class IntegerMode : unsigned { llm_int8, absmax, zero_point };

struct QuantizeGroups {
  const void* source;  // 16-byte aligned
  SourceType type;
  IntegerMode mode;
  unsigned bits;
  std::uint64_t groups;
  std::uint64_t width;      // weights of a group
  unsigned width_shift;     // small groups only: log2 of the width
  std::uint64_t row_width;  // generic kernel only: columns of a row, which the last group of a row may not fill
  void* codes;              // bits 4: packed, but one per byte from the generic kernel
  float* scales;
  std::int8_t* zero_points;  // null when symmetric
  BlockReduction reduction;
};

struct PackCodes {
  const std::int8_t* codes;
  std::uint64_t count;
  std::uint8_t* packed;
};

struct DequantizeGroups {
  const void* codes;
  const float* scales;
  const std::int8_t* zero_points;
  IntegerMode mode;
  unsigned bits;
  std::uint64_t weights;
  std::uint64_t width;
  std::uint64_t row_width;
  float* out;
};

}  // namespace nibble::cuda

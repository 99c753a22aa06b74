#pragma once

// The inner loops of the quantizers, one set per instruction set. reference/quantize_reference.cpp defines their bits;
// the drivers in cpu/quantize_*.cpp split tensors, choose scales and add up statistics.

#include <cstddef>
#include <cstdint>
#include <limits>

#include "base/quantize_moments.h"
#include "codebook.h"
#include "linear.h"

namespace nibble {

/// Longest run of elements that share one Moments; larger groups are cut into such segments.
constexpr std::size_t kSegmentSize = 4096;

/// 1 / this is finite; bitsandbytes' bound on a block's absmax before it divides.
constexpr float kSmallestAbsmax = 1e-38f;

/// Of a group that is all zero, or too small for the inverse of a step, codes and scale are 0. Its statistics are kept
/// in this unit.
constexpr float kSmallestUnit = std::numeric_limits<float>::min();

/// How a run of weights becomes integers: code = clamp(round(w * inverse) + zero_point, low, high), ties to even.
struct IntegerCoding {
  float inverse;  // codes per unit of weight; 0 makes every code the zero point
  float unit;     // statistics are kept of w * unit; `inverse` unless that is 0
  int zero_point;
  int low;
  int high;
  bool through_half;  // round weights to float16 first
};

struct RangeResult {
  float min;
  float max;
  bool finite;  // false: min and max mean nothing
};

struct NestedInput {
  const float* absmax;                 // [count]
  const Moments* moments;              // [count] of the blocks
  std::size_t count;                   // <= kNestedBlockSize
  float offset;                        // taken off every scale
  const std::uint8_t* codes_of_steps;  // [65536] the dynamic map's code for each step from -1 to 1
  const float* map;                    // [256] the dynamic map
};

/// Of a run: its scale, sums as in Statistics, and bounds of its largest error.
struct NestedResult {
  float absmax;
  double error_squares, source_squares, dequantized_squares, dot;
  double max_error;  // of the blocks whose scale came back exactly
  double certain;    // some weight's error is at least this
  double possible;   // none is above this
};

struct QuantizeKernels {
  /// Quantizes whole blocks to 4 bits: code(w * (1 / max(absmax, kSmallestAbsmax))).
  /// @param source [blocks * block_size] weights of `type`, any alignment
  /// @param codes [blocks * block_size / 2]
  /// @param absmax [blocks]
  /// @param moments [blocks]
  /// @returns blocks, or the index of the first block with NaN or infinity (outputs are then unspecified)
  std::size_t (*quantize_blocks)(const FourBitTables& tables, const void* source, WeightType type, std::size_t blocks,
                                 std::size_t block_size, std::uint8_t* codes, float* absmax, Moments* moments);

  /// out = values_by_code[code] * absmax[block], float32.
  /// @param out [blocks * block_size]
  void (*dequantize_blocks)(const FourBitTables& tables, const std::uint8_t* codes, const float* absmax,
                            std::size_t blocks, std::size_t block_size, float* out);

  /// Smallest and largest of [count] weights (count > 0), after rounding to float16 when `through_half`.
  RangeResult (*range)(const void* source, WeightType type, std::size_t count, bool through_half);

  /// Codes of [count] weights, count <= kSegmentSize.
  /// @param codes [count]
  Moments (*quantize_integers)(const void* source, WeightType type, std::size_t count, const IntegerCoding& coding,
                               std::int8_t* codes);

  /// Double quantization of one run of scales (base/nested_run.h).
  /// @param codes [input.count]
  NestedResult (*quantize_nested)(const NestedInput& input, std::uint8_t* codes);

  /// Symmetric 8-bit codes of whole groups, all at once: what `range` and `quantize_integers` make of each. Null where
  /// there is no such thing.
  /// @param source [groups * group_size] weights of `type`; group_size is a multiple of 64, and <= kSegmentSize
  /// @param codes [groups * group_size]
  /// @param scales [groups]; 0 where a group has none (cpu/quantize_integers.cpp)
  /// @param moments [groups]
  /// @returns groups, or the index of the first with NaN or infinity (outputs are then unspecified)
  std::size_t (*quantize_absmax_groups)(const void* source, WeightType type, std::size_t groups, std::size_t group_size,
                                        std::int8_t* codes, float* scales, Moments* moments);
};

const QuantizeKernels& quantize_kernels_reference();
const QuantizeKernels& quantize_kernels_avx2();
const QuantizeKernels& quantize_kernels_avx512();

/// @param isa available here (cpu.h)
const QuantizeKernels& quantize_kernels(Isa isa);

/// Weight `index` of a source, as float32.
float load_weight(const void* source, WeightType type, std::size_t index);

/// @param index of the weight in its tensor
/// @param through_half whether it goes through float16, as with LLM.int8
/// @throws InvalidWeights unless there is a code for it
void require_quantizable(float weight, std::size_t index, bool through_half);

/// Bytes of one weight.
std::size_t weight_size(WeightType type);

/// `index` elements further on.
const void* advance(const void* source, WeightType type, std::size_t index);

}  // namespace nibble

#pragma once

// The code tables of codebook/, and what the quantizers derive from them.

#include <cstddef>
#include <cstdint>

namespace nibble {

enum class FourBitType { nf4, fp4 };

/// [16] value of each code of bitsandbytes' `quant_map`.
const float* four_bit_values(FourBitType type);

/// [16] value of each code of the 4-bit floats with two bits of exponent and one of mantissa (OCP Microscaling Formats
/// 1.0).
const float* e2m1_values();

/// [256] the signed dynamic map that bitsandbytes stores scales with, ascending.
const float* dynamic8_values();

/// Scales that share one scale of their own in double quantization: a run.
constexpr std::size_t kNestedBlockSize = 256;

/// A 4-bit table in ascending order of value ("rank"), with the thresholds between neighbours.
struct FourBitTables {
  float values[16];          // by rank
  std::uint8_t codes[16];    // code of a rank; rank 7 of NF4 and 7, 8 of FP4 are zero
  float thresholds[15];      // midpoints: the rank of v is the number of thresholds below v
  float values_by_code[16];  // the stored map

  // For vector code: [-1, 1] is cut into 29 cells, each with at most one threshold inside, so that one comparison gives
  // the rank: cell_rank[c] + (v > cell_threshold[c]), c = low five bits of round(v * kCellScale). FP4 has three
  // thresholds about zero, closer than a cell; the upper two are compared apart and are not in the cells.
  static constexpr float kCellScale = 14.4f;  // keeps every threshold 0.05 of a cell or more away from a cell's edge
  float cell_threshold[32];
  std::int32_t cell_rank[32];
  // Both in one, for quotients of two bfloat16: the bits of the float32 next to cell_threshold whose low four bits are
  // cell_rank (in cells without a threshold, one above all weights). That moves a threshold by 8 units in the last
  // place at most. No bfloat16 weight of a block with a bfloat16 absmax comes out that near to a threshold of NF4, so
  // the rank is still exact; FP4 has thresholds, such as 5/6, that weights do meet.
  std::int32_t cell_both[32];
  float apart[2];  // thresholds 7 and 8 of FP4; for NF4 infinite
};

const FourBitTables& four_bit_tables(FourBitType type);

}  // namespace nibble

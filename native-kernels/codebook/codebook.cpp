#include "codebook.h"

#include <bit>
#include <cmath>
#include <limits>

namespace nibble {
namespace {

constexpr float kNf4[16] = {
#include "nf4.inc"
};

constexpr float kFp4[16] = {
#include "fp4.inc"
};

constexpr float kE2m1[16] = {0.0f,  0.5f,  1.0f,  1.5f,  2.0f,  3.0f,  4.0f,  6.0f,
                             -0.0f, -0.5f, -1.0f, -1.5f, -2.0f, -3.0f, -4.0f, -6.0f};

constexpr float kDynamic8[256] = {
#include "dynamic8.inc"
};

constexpr float kNever = std::numeric_limits<float>::infinity();

/// The bits of the float32 nearest to `threshold` that end in the four bits of `rank`.
std::int32_t with_rank(float threshold, int rank) {
  const auto bits = std::bit_cast<std::int32_t>(threshold == kNever ? 2.0f : threshold);
  // Above a full sixteen, the next one down may be nearer; and the reverse.
  const std::int32_t near = (bits & ~15) | rank;
  const std::int32_t distance = near - bits;
  return distance > 8 ? near - 16 : distance < -8 ? near + 16 : near;
}

FourBitTables derive(FourBitType type) {
  FourBitTables tables{};
  const float* values = four_bit_values(type);
  // Insertion sort: stable, so that of FP4's two zeros code 0 comes before code 8, as in bitsandbytes.
  for (int i = 0; i < 16; ++i) {
    tables.values_by_code[i] = values[i];
    int at = i;
    for (; at > 0 && tables.values[at - 1] > values[i]; --at) {
      tables.values[at] = tables.values[at - 1];
      tables.codes[at] = tables.codes[at - 1];
    }
    tables.values[at] = values[i];
    tables.codes[at] = static_cast<std::uint8_t>(i);
  }
  for (int i = 0; i < 15; ++i) tables.thresholds[i] = (tables.values[i] + tables.values[i + 1]) / 2.0f;

  const bool fp4 = type == FourBitType::fp4;
  tables.apart[0] = fp4 ? tables.thresholds[7] : kNever;
  tables.apart[1] = fp4 ? tables.thresholds[8] : kNever;
  for (int cell = -16; cell < 16; ++cell) {
    float inside = kNever;
    int below = 0;
    for (int i = 0; i < 15; ++i) {
      if (fp4 && (i == 7 || i == 8)) continue;
      const auto home = static_cast<int>(std::lround(tables.thresholds[i] * FourBitTables::kCellScale));
      if (home < cell) ++below;
      if (home == cell) inside = tables.thresholds[i];
    }
    tables.cell_threshold[cell & 31] = inside;
    tables.cell_rank[cell & 31] = below;
    tables.cell_both[cell & 31] = with_rank(inside, below);
  }
  return tables;
}

}  // namespace

const float* four_bit_values(FourBitType type) { return type == FourBitType::nf4 ? kNf4 : kFp4; }

const float* e2m1_values() { return kE2m1; }

const float* dynamic8_values() { return kDynamic8; }

const FourBitTables& four_bit_tables(FourBitType type) {
  static const FourBitTables nf4 = derive(FourBitType::nf4);
  static const FourBitTables fp4 = derive(FourBitType::fp4);
  return type == FourBitType::nf4 ? nf4 : fp4;
}

}  // namespace nibble

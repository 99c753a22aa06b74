// The quantizers' inner loops in plain code. They define the bits: every other implementation equals them.

#include <bit>
#include <cmath>
#include <cstring>
#include <string>

#include "base/nested_run.h"
#include "base/quantize_kernels.h"
#include "half.h"
#include "quantize.h"

namespace nibble {
namespace {

/// Round to nearest, ties to even, for |value| < 2^22: the addition leaves no room for a fraction.
float round_half_even(float value) {
  constexpr float kShift = 12582912.0f;  // 1.5 * 2^23
  return (value + kShift) - kShift;
}

bool is_finite(float value) { return (std::bit_cast<std::uint32_t>(value) & 0x7f800000u) != 0x7f800000u; }

int rank_of(const FourBitTables& tables, float value) {
  int rank = 0;
  for (float threshold : tables.thresholds) rank += value > threshold ? 1 : 0;
  return rank;
}

std::size_t quantize_blocks(const FourBitTables& tables, const void* source, WeightType type, std::size_t blocks,
                            std::size_t block_size, std::uint8_t* codes, float* absmax, Moments* moments) {
  for (std::size_t block = 0; block < blocks; ++block) {
    const std::size_t start = block * block_size;
    float largest = 0;
    for (std::size_t i = 0; i < block_size; ++i) {
      const float weight = load_weight(source, type, start + i);
      if (!is_finite(weight)) return block;
      largest = std::fmax(largest, std::fabs(weight));
    }
    absmax[block] = largest;
    const float inverse = 1.0f / std::fmax(largest, kSmallestAbsmax);
    MomentLanes lanes;
    int even = 0;
    for (std::size_t i = 0; i < block_size; ++i) {
      const float scaled = load_weight(source, type, start + i) * inverse;
      const int rank = rank_of(tables, scaled);
      const float value = tables.values[rank];
      add_to_lane(lanes, i / 2, scaled - value, value);
      if (i % 2 == 0) {
        even = tables.codes[rank];
      } else {
        codes[(start + i) / 2] = static_cast<std::uint8_t>(even << 4 | tables.codes[rank]);
      }
    }
    moments[block] = fold_lanes(lanes);
  }
  return blocks;
}

void dequantize_blocks(const FourBitTables& tables, const std::uint8_t* codes, const float* absmax, std::size_t blocks,
                       std::size_t block_size, float* out) {
  for (std::size_t block = 0; block < blocks; ++block) {
    for (std::size_t i = block * block_size; i < (block + 1) * block_size; i += 2) {
      const std::uint8_t pair = codes[i / 2];
      out[i] = tables.values_by_code[pair >> 4] * absmax[block];
      out[i + 1] = tables.values_by_code[pair & 15] * absmax[block];
    }
  }
}

RangeResult range(const void* source, WeightType type, std::size_t count, bool through_half) {
  float min = std::numeric_limits<float>::infinity();
  float max = -min;
  for (std::size_t i = 0; i < count; ++i) {
    float weight = load_weight(source, type, i);
    if (through_half) weight = float_from_half(half_from_float(weight));
    if (!is_finite(weight)) return {0, 0, false};
    if (weight < min) min = weight;
    if (weight > max) max = weight;
  }
  // Adding +0 makes a zero positive: which of -0 and +0 a minimum picks depends on the order.
  return {min + 0.0f, max + 0.0f, true};
}

Moments quantize_integers(const void* source, WeightType type, std::size_t count, const IntegerCoding& coding,
                          std::int8_t* codes) {
  MomentLanes lanes;
  for (std::size_t i = 0; i < count; ++i) {
    const float weight = load_weight(source, type, i);
    const float rounded = coding.through_half ? float_from_half(half_from_float(weight)) : weight;
    int code = static_cast<int>(round_half_even(rounded * coding.inverse)) + coding.zero_point;
    code = code < coding.low ? coding.low : code > coding.high ? coding.high : code;
    codes[i] = static_cast<std::int8_t>(code);
    const auto value = static_cast<float>(code - coding.zero_point);
    add_to_lane(lanes, i, weight * coding.unit - value, value);
  }
  return fold_lanes(lanes);
}

}  // namespace

const QuantizeKernels& quantize_kernels_reference() {
  static constexpr QuantizeKernels kernels{quantize_blocks,   dequantize_blocks,   range,
                                           quantize_integers, quantize_nested_run, nullptr};
  return kernels;
}

std::size_t weight_size(WeightType type) { return type == WeightType::f32 ? 4 : 2; }

const void* advance(const void* source, WeightType type, std::size_t index) {
  return static_cast<const unsigned char*>(source) + index * weight_size(type);
}

float load_weight(const void* source, WeightType type, std::size_t index) {
  const void* at = advance(source, type, index);
  if (type == WeightType::f32) {
    float value;
    std::memcpy(&value, at, sizeof(value));
    return value;
  }
  std::uint16_t bits;
  std::memcpy(&bits, at, sizeof(bits));
  if (type == WeightType::f16) return float_from_half(bits);
  return std::bit_cast<float>(std::uint32_t{bits} << 16);
}

void require_quantizable(float weight, std::size_t index, bool through_half) {
  // From this magnitude on weights round to infinity in float16.
  constexpr float kHalfOverflows = 65520.0f;
  if (is_finite(weight) && !(through_half && std::fabs(weight) >= kHalfOverflows)) return;
  const std::string name = "weight " + std::to_string(index);
  if (std::isnan(weight)) throw InvalidWeights(index, name + " is NaN");
  if (std::isinf(weight)) throw InvalidWeights(index, name + " is infinite");
  throw InvalidWeights(index, name + " is " + std::to_string(weight) + ", too large for the float16 of LLM.int8");
}

}  // namespace nibble

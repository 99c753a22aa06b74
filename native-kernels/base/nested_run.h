#pragma once

// Double quantization of a run of scales, and the statistics of their blocks. Plain code in lanes of a fixed number, so
// that every compiler may make vectors of it and all get the same bits.
//
// Included by files that are compiled for one instruction set each: everything here has internal linkage.

#include <cstddef>
#include <cstdint>

#include "base/quantize_kernels.h"

namespace nibble {
namespace {

/// Sums over the run, lane by lane: block i goes to lane i % 8.
struct NestedLanes {
  static constexpr std::size_t kLanes = 8;  // float64 of the widest vectors

  double error_squares[kLanes] = {};
  double source_squares[kLanes] = {};
  double dequantized_squares[kLanes] = {};
  double dot[kLanes] = {};
  double max_error[kLanes] = {};
  double certain[kLanes] = {};
  double possible[kLanes] = {};
};

inline double sum_of(const double (&lanes)[NestedLanes::kLanes]) {
  return ((lanes[0] + lanes[4]) + (lanes[2] + lanes[6])) + ((lanes[1] + lanes[5]) + (lanes[3] + lanes[7]));
}

inline double max_of(const double (&lanes)[NestedLanes::kLanes]) {
  double largest = lanes[0];
  for (double lane : lanes) largest = lane > largest ? lane : largest;
  return largest;
}

/// Codes of a run's scales, as bitsandbytes makes them on a CPU: a value's position on a grid of 65,536 steps selects
/// the code, so a value near a threshold may miss the nearest one.
/// @param scales [kNestedBlockSize] what the codes stand for
/// @returns the run's scale
inline float quantize_run_scales(const NestedInput& input, std::uint8_t* codes, float* scales) {
  constexpr std::size_t kLanes = 16;
  float apart[kNestedBlockSize];
  for (std::size_t i = 0; i < input.count; ++i) apart[i] = input.absmax[i] - input.offset;
  for (std::size_t i = input.count; i < kNestedBlockSize; ++i) apart[i] = 0;
  float lanes[kLanes] = {};
  for (std::size_t i = 0; i < kNestedBlockSize; i += kLanes) {
    for (std::size_t l = 0; l < kLanes; ++l) {
      const float magnitude = apart[i + l] < 0 ? -apart[i + l] : apart[i + l];
      lanes[l] = magnitude > lanes[l] ? magnitude : lanes[l];
    }
  }
  float largest = 0;
  for (float lane : lanes) largest = lane > largest ? lane : largest;
  const float inverse = 1.0f / largest;
  std::int32_t steps[kNestedBlockSize];
  for (std::size_t i = 0; i < kNestedBlockSize; ++i) {
    // 0 * infinity, in a run of equal scales, is no number; the comparison sends it to code 0, as bitsandbytes does.
    float value = apart[i] * inverse;
    value = value > -1.0f ? value : -1.0f;
    value = value < 1.0f ? value : 1.0f;
    steps[i] = static_cast<std::int32_t>((value + 1.0f) * 0.5f * 65535.0f + 0.5f);
  }
  for (std::size_t i = 0; i < input.count; ++i) {
    codes[i] = input.codes_of_steps[steps[i]];
    scales[i] = input.map[codes[i]];
  }
  for (std::size_t i = input.count; i < kNestedBlockSize; ++i) scales[i] = 0;
  for (std::size_t i = 0; i < kNestedBlockSize; ++i) scales[i] = scales[i] * largest + input.offset;
  return largest;
}

inline NestedResult quantize_nested_run(const NestedInput& input, std::uint8_t* codes) {
  alignas(64) float scales[kNestedBlockSize];
  NestedResult result{};
  result.absmax = quantize_run_scales(input, codes, scales);

  alignas(64) float units[kNestedBlockSize];
  alignas(64) float ee[kNestedBlockSize], eu[kNestedBlockSize], uu[kNestedBlockSize], errors[kNestedBlockSize];
  for (std::size_t i = 0; i < input.count; ++i) {
    units[i] = input.absmax[i] > kSmallestAbsmax ? input.absmax[i] : kSmallestAbsmax;
    ee[i] = input.moments[i].error_squares;
    eu[i] = input.moments[i].error_values;
    uu[i] = input.moments[i].value_squares;
    errors[i] = input.moments[i].max_error;
  }
  for (std::size_t i = input.count; i < kNestedBlockSize; ++i) {
    // Adds nothing.
    units[i] = scales[i] = ee[i] = eu[i] = uu[i] = errors[i] = 0;
  }

  NestedLanes lanes;
  for (std::size_t i = 0; i < kNestedBlockSize; i += NestedLanes::kLanes) {
    for (std::size_t l = 0; l < NestedLanes::kLanes; ++l) {
      // As add_segment in cpu/quantize_statistics.h: w = (u + e) * unit and d = u * scale.
      const double unit = units[i + l];
      const double scale = scales[i + l];
      const double drift = unit - scale;
      lanes.error_squares[l] += unit * unit * ee[i + l] + 2 * unit * drift * eu[i + l] + drift * drift * uu[i + l];
      lanes.source_squares[l] += unit * unit * (ee[i + l] + 2 * static_cast<double>(eu[i + l]) + uu[i + l]);
      lanes.dequantized_squares[l] += scale * scale * uu[i + l];
      lanes.dot[l] += unit * scale * (static_cast<double>(eu[i + l]) + uu[i + l]);
      const double largest = unit * errors[i + l];
      const double off = drift < 0 ? -drift : drift;
      // With drift the largest error is no product of sums; the caller finds it between these bounds.
      const double exact = (drift == 0) | (uu[i + l] == 0) ? largest : 0;
      lanes.max_error[l] = exact > lanes.max_error[l] ? exact : lanes.max_error[l];
      lanes.certain[l] = largest - off > lanes.certain[l] ? largest - off : lanes.certain[l];
      lanes.possible[l] = largest + off > lanes.possible[l] ? largest + off : lanes.possible[l];
    }
  }
  result.error_squares = sum_of(lanes.error_squares);
  result.source_squares = sum_of(lanes.source_squares);
  result.dequantized_squares = sum_of(lanes.dequantized_squares);
  result.dot = sum_of(lanes.dot);
  result.max_error = max_of(lanes.max_error);
  result.certain = max_of(lanes.certain);
  result.possible = max_of(lanes.possible);
  return result;
}

}  // namespace
}  // namespace nibble

#pragma once

// How error sums are added up. The order is part of the bits: every instruction set follows it.
//
// Element i of a segment of integers (up to 4096 elements of a row) goes to lane i % 16, of a 4-bit block to lane
// i / 2 % 16, so that the two codes of a byte are in the same lane. Each lane adds in float32, in ascending order,
// multiplication and addition rounded once (fma). Then lanes fold: l + (l + 8), l + (l + 4), l + (l + 2), l + (l + 1).
// Segments are added in double (quantize_statistics.h). Values are in units of the segment's scale, so
// nothing under- or overflows.
//
// Included by files that are compiled for one instruction set each: everything here has internal linkage.

#include <cmath>
#include <cstddef>

namespace nibble {

/// Sums over one segment; e = scaled weight - value of its code, u = value of its code.
struct Moments {
  float error_squares;  // e * e
  float error_values;   // e * u
  float value_squares;  // u * u
  float max_error;      // |e|
};
static_assert(sizeof(Moments) == 16);

struct MomentLanes {
  float error_squares[16] = {};
  float error_values[16] = {};
  float value_squares[16] = {};
  float max_error[16] = {};
};

/// @param index of the element, or of its pair in a 4-bit block
static inline void add_to_lane(MomentLanes& lanes, std::size_t index, float error, float value) {
  const std::size_t lane = index & 15;
  lanes.error_squares[lane] = std::fma(error, error, lanes.error_squares[lane]);
  lanes.error_values[lane] = std::fma(error, value, lanes.error_values[lane]);
  lanes.value_squares[lane] = std::fma(value, value, lanes.value_squares[lane]);
  const float magnitude = error < 0 ? -error : error;
  if (magnitude > lanes.max_error[lane]) lanes.max_error[lane] = magnitude;
}

static inline Moments fold_lanes(MomentLanes lanes) {
  for (std::size_t half = 8; half > 0; half /= 2) {
    for (std::size_t l = 0; l < half; ++l) {
      lanes.error_squares[l] += lanes.error_squares[l + half];
      lanes.error_values[l] += lanes.error_values[l + half];
      lanes.value_squares[l] += lanes.value_squares[l + half];
      if (lanes.max_error[l + half] > lanes.max_error[l]) lanes.max_error[l] = lanes.max_error[l + half];
    }
  }
  return {lanes.error_squares[0], lanes.error_values[0], lanes.value_squares[0], lanes.max_error[0]};
}

}  // namespace nibble

#pragma once

// From a segment's moments to the statistics of a tensor, in double, in ascending order of segments within a task and
// of tasks within a tensor. Tasks are cut by size alone, so the order never depends on threads or instruction sets.

#include <algorithm>
#include <cmath>
#include <vector>

#include "base/quantize_moments.h"
#include "quantize.h"

namespace nibble {

/// Adds a segment whose weights are w = (u + e) * unit and dequantize to d = u * scale.
inline void add_segment(Statistics& sum, const Moments& moments, double unit, double scale) {
  const double ee = moments.error_squares;
  const double eu = moments.error_values;
  const double uu = moments.value_squares;
  const double drift = unit - scale;  // w - d = unit * e + drift * u
  sum.error_squares += unit * unit * ee + 2 * unit * drift * eu + drift * drift * uu;
  sum.source_squares += unit * unit * (ee + 2 * eu + uu);
  sum.dequantized_squares += scale * scale * uu;
  sum.dot += unit * scale * (eu + uu);
  // With drift the largest error is no product of sums; the caller finds it (quantize_4bit.cpp).
  if (drift == 0 || uu == 0) sum.max_error = std::max(sum.max_error, unit * moments.max_error);
}

/// Adds up the parts of a tensor, in order.
inline Statistics total(const std::vector<Statistics>& parts) {
  Statistics sum;
  for (const Statistics& part : parts) {
    sum.error_squares += part.error_squares;
    sum.source_squares += part.source_squares;
    sum.dequantized_squares += part.dequantized_squares;
    sum.dot += part.dot;
    sum.max_error = std::max(sum.max_error, part.max_error);
  }
  return sum;
}

}  // namespace nibble

// The straight pieces of a map of double quantization (linear.h).

#include <bit>
#include <cmath>
#include <cstdlib>
#include <cstring>

#include "linear.h"

namespace nibble {
namespace {

constexpr int kCodes = 256;
/// The code that stands for zero in the dynamic data type.
constexpr int kZero = 127;
constexpr int kLastPiece = 7;
/// Rounding of base, slope and value costs up to 2^-22; activations are rounded to 7 bits.
constexpr double kTolerance = 1.0 / (1 << 20);

}  // namespace

std::optional<NestedCurve> nested_curve(const float* map) {
  float values[kCodes];
  std::memcpy(values, map, sizeof values);
  NestedCurve curve{};
  for (int e = 0; e < kLastPiece; ++e) {
    const int first = 1 << e;
    const int last = 2 * first - 1;
    const double at_first = values[kZero + first];
    const double slope = last > first ? (values[kZero + last] - at_first) / (last - first) : 0.0;
    curve.slope[e] = static_cast<float>(slope);
    curve.base[e] = static_cast<float>(at_first - slope * first);
  }
  curve.slope[kLastPiece] = values[kCodes - 1] / (kCodes - 1 - kZero);
  for (int code = 0; code < kCodes; ++code) {
    const int d = code - kZero;
    const int e = d == 0 ? kLastPiece : static_cast<int>(std::bit_width(static_cast<unsigned>(std::abs(d)))) - 1;
    const float base = d < 0 ? -curve.base[e] : curve.base[e];
    const double error = std::fabs(std::fma(curve.slope[e], static_cast<float>(d), base) - values[code]);
    // Not `>`: NaN must not pass, and infinity makes NaN.
    if (!(error <= kTolerance * std::fabs(values[code]))) return std::nullopt;
  }
  return curve;
}

}  // namespace nibble

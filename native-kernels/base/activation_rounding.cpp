// See activation_rounding.h.

#include "base/activation_rounding.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "base/weights.h"

namespace nibble::rounding {

ByteMap byte_map(const float* levels) {
  float largest = 0;
  float smallest = std::numeric_limits<float>::infinity();
  for (std::size_t i = 0; i < 16; ++i) {
    const float magnitude = std::fabs(load_float(levels, i));
    largest = std::max(largest, magnitude);
    if (magnitude != 0) smallest = std::min(smallest, magnitude);
  }
  ByteMap result{};
  if (largest == 0) return result;
  bool whole = largest <= 127 * smallest;
  for (std::size_t i = 0; i < 16; ++i) {
    const float multiple = load_float(levels, i) / smallest;
    whole = whole && multiple == std::nearbyint(multiple) && multiple * smallest == load_float(levels, i);
  }
  result.unit = whole ? smallest : largest / 127.0f;
  for (std::size_t i = 0; i < 16; ++i) {
    const float steps = whole ? load_float(levels, i) / smallest : load_float(levels, i) * (127.0f / largest);
    result.bytes[i] = static_cast<std::int8_t>(std::nearbyint(steps));
  }
  return result;
}

float quantize_activations(const float* x, std::size_t count, std::int8_t* codes) {
  float absmax = 0;
  bool finite = true;
  for (std::size_t i = 0; i < count; ++i) {
    finite = finite && std::isfinite(x[i]);
    absmax = std::max(absmax, std::fabs(x[i]));
  }
  std::fill(codes, codes + count, std::int8_t{0});
  if (!finite) return std::numeric_limits<float>::quiet_NaN();
  if (absmax < kSmallestAbsmax) return 0;
  const float inverse = 127.0f / absmax;
  for (std::size_t i = 0; i < count; ++i) codes[i] = static_cast<std::int8_t>(std::nearbyint(x[i] * inverse));
  return absmax / 127.0f;
}

std::int8_t rest_of(float value, std::int8_t rounded) {
  const float steps = (value - static_cast<float>(rounded)) * 254.0f;
  return static_cast<std::int8_t>(std::nearbyint(std::clamp(steps, -127.0f, 127.0f)));
}

bool needs_second_pass(const float* absmax) {
  float largest = 0;
  std::array<float, kLanes> sums{};
  for (std::size_t i = 0; i < kLanes; ++i) {
    if (!std::isfinite(absmax[i])) return false;
    largest = std::max(largest, absmax[i]);
    sums[i] = std::min(absmax[i], absmax[i ^ 1]);
  }
  for (std::size_t step = kLanes / 2; step > 0; step /= 2) {
    for (std::size_t i = 0; i < step; ++i) sums[i] += sums[i + step];
  }
  // Each pair was counted twice: 16 terms whose mean is that of the 8 pairs.
  return largest + largest > sums[0];
}

}  // namespace nibble::rounding

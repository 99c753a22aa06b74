#pragma once

// The int8 codes of a cached head. `static`, because files compiled for different instruction sets include it; the same
// bits everywhere.

#include <bit>
#include <cstddef>
#include <cstdint>
#include <limits>

namespace nibble {

/// code = round(x * (127 / absmax)), ties to even.
/// @returns the scale, absmax / 127; with codes 0, 0 where 127 / absmax is no float32 and NaN where x is not finite
static inline float encode_codes(const float* x, std::int8_t* codes, std::size_t count) {
  constexpr std::uint32_t kInfinityBits = 0x7f800000u;
  // Of magnitudes the bits are in the order of the numbers, infinities and NaN above all others.
  std::uint32_t largest = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const std::uint32_t magnitude = std::bit_cast<std::uint32_t>(x[i]) & 0x7fffffffu;
    largest = largest < magnitude ? magnitude : largest;
  }
  const float absmax = std::bit_cast<float>(largest);
  const float inverse = 127.0f / absmax;
  if (largest >= kInfinityBits || std::bit_cast<std::uint32_t>(inverse) >= kInfinityBits) {
    for (std::size_t i = 0; i < count; ++i) codes[i] = 0;
    return largest >= kInfinityBits ? std::numeric_limits<float>::quiet_NaN() : 0.0f;
  }
  for (std::size_t i = 0; i < count; ++i) {
    // Adding 1.5 * 2^23 leaves the rounded number in the low bits.
    const float shifted = x[i] * inverse + 12582912.0f;
    codes[i] = static_cast<std::int8_t>(std::bit_cast<std::int32_t>(shifted) - 0x4b400000);
  }
  return absmax / 127.0f;
}

}  // namespace nibble

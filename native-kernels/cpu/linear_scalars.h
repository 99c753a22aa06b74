#pragma once

// Small helpers of the kernels of every instruction set. Everything is static: a function with external linkage that is
// compiled with a set's flags could be chosen by the linker for the portable path.

#include <cstddef>
#include <cstdint>
#include <cstring>

#if defined(__GNUC__)
#define NIBBLE_UNROLL _Pragma("GCC unroll 16")
#else
#define NIBBLE_UNROLL
#endif

namespace nibble::linear {

static inline std::size_t smaller(std::size_t a, std::size_t b) { return a < b ? a : b; }

static inline float load_unaligned(const float* p, std::size_t index) {
  float value;
  std::memcpy(&value, reinterpret_cast<const unsigned char*>(p) + index * sizeof value, sizeof value);
  return value;
}

static inline std::int32_t load_dword(const void* p) {
  std::int32_t value;
  std::memcpy(&value, p, sizeof value);
  return value;
}

/// How a group of activations becomes int8: see reference::quantize_activations.
struct Scaling {
  float scale;
  float inverse;  // 0 when the group is all zero or not finite: all codes become 0
};

/// @param bits largest magnitude of the group as its bits: as integers magnitudes order like floats, NaN above infinity
static inline Scaling scaling_of(std::uint32_t bits) {
  constexpr std::uint32_t kInfinity = 0x7f800000u;
  constexpr std::uint32_t kNan = 0x7fc00000u;
  constexpr float kSmallestAbsmax = 7.8886090522101181e-31f;  // reference/linear_reference.h
  float absmax;
  std::memcpy(&absmax, &bits, sizeof absmax);
  if (bits >= kInfinity) {
    std::memcpy(&absmax, &kNan, sizeof absmax);
    return {absmax, 0};
  }
  if (absmax < kSmallestAbsmax) return {0, 0};
  return {absmax / 127.0f, 127.0f / absmax};
}

}  // namespace nibble::linear

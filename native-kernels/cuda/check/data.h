#pragma once

// Weights for checks: fresh from a seed, in any of the checkpoint's types, made by all threads.

#include <cstdint>
#include <vector>

#include "quantize.h"

namespace nibble::check {

/// A counter-based generator: the same numbers whoever asks, in whatever order (splitmix64).
inline std::uint64_t random_bits(std::uint64_t seed, std::uint64_t index) {
  std::uint64_t value = seed * 0x9e3779b97f4a7c15ull + index * 0xbf58476d1ce4e5b9ull + 0x94d049bb133111ebull;
  value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9ull;
  value = (value ^ (value >> 27)) * 0x94d049bb133111ebull;
  return value ^ (value >> 31);
}

/// What the weights of a tensor look like.
enum class Kind {
  gaussian,   // about normal, 0.02 wide, as trained weights are
  difficult,  // runs of tiny, denormal, zero, constant, huge, one outlier, and ties at the thresholds of the tables
};

/// @returns bytes of `count` weights
std::vector<std::uint8_t> make_weights(Kind kind, WeightType type, std::size_t count, std::uint64_t seed);

/// Writes weight `index`, rounded to the type.
void set_weight(std::vector<std::uint8_t>& bytes, WeightType type, std::size_t index, float value);

const char* type_name(WeightType type);

}  // namespace nibble::check

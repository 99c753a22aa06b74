// See linear_lanes.h. Written for reading, not for speed.

#include "reference/linear_lanes.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "base/activation_rounding.h"

namespace nibble::reference {

using namespace rounding;

RoundedLanes round_lanes(const float* x, std::size_t columns, int bits) {
  const std::size_t lane = lane_columns(bits);
  const std::size_t chunk = chunk_columns(bits);
  const std::size_t chunks = (columns + chunk - 1) / chunk;
  RoundedLanes result;
  result.codes.resize(chunks * chunk);
  result.scales.resize(chunks * kLanes);
  std::vector<float> values(chunk);
  for (std::size_t c = 0; c < chunks; ++c) {
    const std::size_t count = std::min(chunk, columns - c * chunk);
    std::fill(values.begin(), values.end(), 0.0f);
    std::copy(x + c * chunk, x + c * chunk + count, values.begin());
    std::array<float, kLanes> absmax{};
    for (std::size_t i = 0; i < chunk; ++i) {
      float& largest = absmax[i / lane];
      // A comparison alone would lose NaN.
      if (!(std::fabs(values[i]) <= largest)) largest = std::isnan(largest) ? largest : std::fabs(values[i]);
    }
    for (std::size_t i = 0; i < kLanes; ++i) {
      result.scales[c * kLanes + i] =
          quantize_activations(values.data() + i * lane, lane, result.codes.data() + c * chunk + i * lane);
    }
    if (!needs_second_pass(absmax.data())) continue;
    for (std::size_t i = 0; i < chunk; ++i) {
      values[i] -= result.scales[c * kLanes + i / lane] * static_cast<float>(result.codes[c * chunk + i]);
    }
    const std::size_t first = result.codes.size();
    result.places.push_back(static_cast<std::uint32_t>(c));
    result.codes.resize(first + chunk);
    for (std::size_t i = 0; i < kLanes; ++i) {
      result.scales.push_back(
          quantize_activations(values.data() + i * lane, lane, result.codes.data() + first + i * lane));
    }
  }
  return result;
}

}  // namespace nibble::reference

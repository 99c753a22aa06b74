// See linear_outliers.h. Used by the plain code and by every instruction set, so that all take out the same columns.

#include "reference/linear_outliers.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "reference/linear_reference.h"

namespace nibble::reference {
namespace {

/// Partial sums that the compiler may keep in one vector; the order of additions is fixed by it.
constexpr std::size_t kLanes = 16;

/// Largest magnitude; NaN when the group holds one.
float absmax_of(const float* x, std::size_t count) {
  float largest = 0;
  bool ordered = true;
  for (std::size_t i = 0; i < count; ++i) {
    const float magnitude = std::fabs(x[i]);
    largest = magnitude > largest ? magnitude : largest;
    ordered = ordered && magnitude == magnitude;
  }
  return ordered ? largest : std::numeric_limits<float>::quiet_NaN();
}

float mean_magnitude(const float* x, std::size_t count) {
  float sums[kLanes] = {};
  std::size_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    for (std::size_t lane = 0; lane < kLanes; ++lane) sums[lane] += std::fabs(x[i + lane]);
  }
  float total = 0;
  for (; i < count; ++i) total += std::fabs(x[i]);
  for (const float sum : sums) total += sum;
  return total / static_cast<float>(count);
}

}  // namespace

void score_outliers(const float* x, std::size_t tokens, std::size_t columns, std::size_t group, std::size_t begin,
                    std::size_t end, float* scores) {
  std::fill(scores + begin, scores + end, 0.0f);
  for (std::size_t first = begin; first < end; first += group) {
    const std::size_t count = std::min(group, end - first);
    for (std::size_t t = 0; t < tokens; ++t) {
      const float* values = x + t * columns + first;
      const float absmax = absmax_of(values, count);
      if (!(absmax >= kSmallestAbsmax) || !std::isfinite(absmax)) continue;
      const float mean = mean_magnitude(values, count);
      const float limit = kOutlierRatio * mean;
      if (!(absmax > limit)) continue;
      for (std::size_t i = 0; i < count; ++i) {
        const float magnitude = std::fabs(values[i]);
        if (magnitude > limit) scores[first + i] += magnitude / mean;
      }
    }
  }
}

OutlierColumns choose_outliers(const float* scores, std::size_t columns, std::size_t tokens) {
  const float least = kOutlierRatio * static_cast<float>(std::max<std::size_t>(1, tokens / kOutlierTokens));
  OutlierColumns chosen{};
  std::vector<std::uint32_t> candidates;
  for (std::size_t c = 0; c < columns; ++c) {
    if (scores[c] >= least) candidates.push_back(static_cast<std::uint32_t>(c));
  }
  chosen.count = std::min(candidates.size(), kMostOutlierColumns);
  const auto middle = candidates.begin() + static_cast<std::ptrdiff_t>(chosen.count);
  std::partial_sort(candidates.begin(), middle, candidates.end(), [&](std::uint32_t a, std::uint32_t b) {
    return scores[a] != scores[b] ? scores[a] > scores[b] : a < b;
  });
  std::copy(candidates.begin(), middle, chosen.columns);
  std::sort(chosen.columns, chosen.columns + chosen.count);
  return chosen;
}

}  // namespace nibble::reference

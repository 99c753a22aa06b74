// See outlier_columns.h. Used by the plain code and by every instruction set, so that all take out the same columns.

#include "base/outlier_columns.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "base/activation_rounding.h"

namespace nibble::rounding {
namespace {

/// Partial results that the compiler may keep in vectors; the order of additions is fixed by it.
constexpr std::size_t kLanes = 16;

struct Magnitudes {
  float largest;
  float mean;  // NaN or infinite when the group holds such a value; `largest` then means nothing
};

Magnitudes magnitudes_of(const float* x, std::size_t count) {
  float sums[kLanes] = {};
  float tops[kLanes] = {};
  const std::size_t whole = count / kLanes * kLanes;
  for (std::size_t i = 0; i < whole; i += kLanes) {
    for (std::size_t lane = 0; lane < kLanes; ++lane) {
      const float magnitude = std::fabs(x[i + lane]);
      sums[lane] += magnitude;
      tops[lane] = magnitude > tops[lane] ? magnitude : tops[lane];
    }
  }
  float sum = 0;
  float top = 0;
  for (std::size_t i = whole; i < count; ++i) {
    sum += std::fabs(x[i]);
    top = std::max(top, std::fabs(x[i]));
  }
  for (std::size_t lane = 0; lane < kLanes; ++lane) {
    sum += sums[lane];
    top = std::max(top, tops[lane]);
  }
  return {top, sum / static_cast<float>(count)};
}

/// The mean magnitude of the elements that are not above `limit`; one is always there.
float mean_up_to(float limit, const float* x, std::size_t count) {
  float sums[kLanes] = {};
  float members[kLanes] = {};
  for (std::size_t i = 0; i < count; i += kLanes) {
    const std::size_t lanes = std::min(kLanes, count - i);
    for (std::size_t lane = 0; lane < lanes; ++lane) {
      const float magnitude = std::fabs(x[i + lane]);
      sums[lane] += magnitude > limit ? 0.0f : magnitude;
      members[lane] += magnitude > limit ? 0.0f : 1.0f;
    }
  }
  float sum = 0;
  float all = 0;
  for (std::size_t lane = 0; lane < kLanes; ++lane) {
    sum += sums[lane];
    all += members[lane];
  }
  return sum / all;
}

/// Adds one token's scores to those of the group's columns.
void score_group(const float* values, std::size_t count, float* scores) {
  const Magnitudes group = magnitudes_of(values, count);
  const float limit = kOutlierRatio * group.mean;
  // False for NaN; and what is not finite stays where it is, so that it shows in the output.
  if (!(group.largest > limit) || group.largest < kSmallestAbsmax || !std::isfinite(group.mean)) return;
  // The largest lift the mean so far that lesser ones hide behind them: the mean of the others decides.
  const float others = mean_up_to(limit, values, count);
  if (others == 0) return;  // nothing that a fine scale would serve
  const float least = std::max(kOutlierRatio * others, kSmallestAbsmax);
  for (std::size_t i = 0; i < count; ++i) {
    const float magnitude = std::fabs(values[i]);
    // Without a branch, which no processor would foresee.
    scores[i] += magnitude > least ? magnitude / others : 0.0f;
  }
}

}  // namespace

void score_outliers(const float* x, std::size_t tokens, std::size_t columns, std::size_t group, std::size_t begin,
                    std::size_t end, float* scores) {
  std::fill(scores + begin, scores + end, 0.0f);
  // A token's groups one after the other, as they lie in memory.
  for (std::size_t t = 0; t < tokens; ++t) {
    for (std::size_t first = begin; first < end; first += group) {
      score_group(x + t * columns + first, std::min(group, end - first), scores + first);
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

}  // namespace nibble::rounding

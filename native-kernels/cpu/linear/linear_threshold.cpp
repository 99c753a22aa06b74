// Driver of LLM.int8. Few tokens are rounded by lanes, which need no decomposition. Of many, each token's outliers are
// set aside, the rest is rounded to int8, and the outliers are added in float32.
//
// bitsandbytes rounds the rest with one scale for the whole token; ours has one for every 32 columns. Below the
// threshold of 6 most activations are near 0.1, and one scale leaves them two or three levels: SmolLM2-135M in 8 bit
// answered worse than in 4.
//
// A token's outliers are found in that token alone. bitsandbytes takes a column as outlier for every token of the batch
// as soon as one token has an outlier there; then a token's result would depend on its neighbours.

#include <algorithm>
#include <cmath>

#include "base/weights.h"
#include "linear_groups.h"

namespace nibble::linear {
namespace {

/// With more outliers than one in this many columns a dense float32 product is cheaper than a list.
constexpr std::size_t kDenseShare = 16;

struct Outliers {
  std::uint32_t* columns;  // [tokens, width of the matrix]
  float* values;           // [tokens, width of the matrix]
  std::size_t* counts;     // [tokens]
};

/// Writes x without its outliers to `inliers` and the outliers to the lists. @returns their number
std::size_t split_outliers(const float* x, std::size_t columns, float threshold, float* inliers,
                           std::uint32_t* outlier_columns, float* values) {
  std::size_t any = 0;
  for (std::size_t k = 0; k < columns; ++k) any += std::fabs(x[k]) >= threshold ? 1 : 0;
  if (any == 0) return 0;
  std::size_t count = 0;
  for (std::size_t k = 0; k < columns; ++k) {
    const bool outlier = std::fabs(x[k]) >= threshold;
    inliers[k] = outlier ? 0.0f : x[k];
    if (outlier) {
      outlier_columns[count] = static_cast<std::uint32_t>(k);
      values[count++] = x[k];
    }
  }
  return count;
}

void add_outliers(const WeightView& w, float* y, std::size_t begin, std::size_t end, const LinearKernels& kernels,
                  const TokenRange& range, const Outliers& outliers, Scratch& scratch) {
  const std::size_t k = w.columns;
  for (std::size_t row = begin; row < end; ++row) {
    const auto* codes = static_cast<const std::int8_t*>(w.codes) + row * k;
    const float scale = block_scale(w, row);
    float* expanded = nullptr;
    for (std::size_t t = range.first; t < range.first + range.count; ++t) {
      const std::size_t count = outliers.counts[t];
      if (count == 0) continue;
      const float* values = outliers.values + t * k;
      const std::uint32_t* columns = outliers.columns + t * k;
      float sum = 0;
      if (count > k / kDenseShare) {
        // The dense vector of the outliers lies in scratch behind the expanded row.
        if (expanded == nullptr) {
          expanded = static_cast<float*>(scratch.reserve(2 * k * sizeof(float)));
          kernels.expand8(codes, k, 0, scale, expanded);
        }
        float* dense = expanded + k;
        std::fill(dense, dense + k, 0.0f);
        for (std::size_t i = 0; i < count; ++i) dense[columns[i]] = values[i];
        kernels.dots(expanded, 1, k, dense, 1, nullptr, &sum, 1);
      } else {
        for (std::size_t i = 0; i < count; ++i) sum += values[i] * static_cast<float>(codes[columns[i]]);
        sum *= scale;
      }
      y[t * w.rows + row] += sum;
    }
  }
}

}  // namespace

void products_with_threshold(std::span<const WeightView> weights, std::span<const Target> targets,
                             const Tokens& tokens) {
  const std::size_t columns = weights[0].columns;
  const float threshold = weights[0].threshold;
  const bool decompose = threshold > 0;
  Outliers outliers{};
  if (decompose) {
    thread_local Scratch lists;
    auto* list = static_cast<unsigned char*>(lists.reserve(tokens.count * (columns * 8 + sizeof(std::size_t))));
    outliers.counts = reinterpret_cast<std::size_t*>(list);
    outliers.values = reinterpret_cast<float*>(list + tokens.count * sizeof(std::size_t));
    outliers.columns = reinterpret_cast<std::uint32_t*>(outliers.values + tokens.count * columns);
  }
  multiply_groups(
      targets, tokens,
      [&](std::size_t token) -> const float* {
        const float* values = tokens.x + token * columns;
        if (!decompose) return values;
        thread_local Scratch clean;
        auto* inliers = static_cast<float*>(clean.reserve(columns * sizeof(float)));
        outliers.counts[token] = split_outliers(values, columns, threshold, inliers, outliers.columns + token * columns,
                                                outliers.values + token * columns);
        return outliers.counts[token] > 0 ? inliers : values;
      },
      [&](std::size_t number, std::size_t begin, std::size_t end, const TokenRange& range, Scratch& scratch) {
        const std::size_t* counts = outliers.counts + range.first;
        const bool any = decompose && std::any_of(counts, counts + range.count, [](std::size_t n) { return n > 0; });
        if (!any) return;
        add_outliers(weights[number], targets[number].y, begin, end, tokens.kernels, range, outliers, scratch);
      });
}

}  // namespace nibble::linear

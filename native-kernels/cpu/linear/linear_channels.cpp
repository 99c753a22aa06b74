// Driver of the fast mode for weights with group scales and many tokens: set the outlier channels aside, round the
// other activations once, then one task per strip of rows.

#include <algorithm>

#include "base/outlier_columns.h"
#include "base/weights.h"
#include "codebook.h"
#include "linear_groups.h"
#include "linear_scalars.h"

namespace nibble::linear {
namespace {

using rounding::OutlierColumns;

/// Groups of columns that one task scores: some ten microseconds of work for a long prompt. More of them would leave
/// most of many threads without work in a narrow layer.
constexpr std::size_t kScoredGroups = 1;

float block_scale(const BlockScales& s, std::size_t block) {
  if (s.values != nullptr) return load_unaligned(s.values, block) * s.factor;
  if (s.exponents) return e8m0_scale(s.codes[block]) * s.factor;
  const float scale =
      load_unaligned(s.nested_map, s.codes[block]) * load_unaligned(s.nested_absmax, block / kNestedBlockSize);
  return (scale + s.nested_offset) * s.factor;
}

/// Which block each row's weight of one column lies in. Divisions cost as much as the rest of such a weight, so they
/// happen once for all rows where every row begins with a block.
class ColumnBlocks {
 public:
  ColumnBlocks(const GroupedWeights& w, std::size_t column)
      : block_size_(w.scales.block_size),
        columns_(w.columns),
        column_(column),
        is_regular_(w.scales.blocks_per_row > 0 || block_size_ >= w.rows * w.columns || w.columns % block_size_ == 0),
        per_row_(w.scales.blocks_per_row > 0 ? w.scales.blocks_per_row : w.columns / block_size_),
        inside_(column / block_size_) {}

  std::size_t of_row(std::size_t row) const {
    return is_regular_ ? row * per_row_ + inside_ : (row * columns_ + column_) / block_size_;
  }

 private:
  std::size_t block_size_;
  std::size_t columns_;
  std::size_t column_;
  bool is_regular_;
  std::size_t per_row_;
  std::size_t inside_;
};

/// One weight as float32, as exact mode has it but for the order of two products.
float weight_at(const GroupedWeights& w, std::size_t row, std::size_t column, std::size_t block) {
  const BlockScales& s = w.scales;
  const std::size_t element = row * w.columns + column;
  float value;
  if (w.bits == 4) {
    const std::uint8_t byte = w.codes[element / 2];
    value = w.unrounded[element % 2 == 0 ? byte >> 4 : byte & 15];
  } else {
    value = static_cast<float>(static_cast<std::int8_t>(w.codes[element]));
  }
  if (s.zero_points != nullptr) value -= static_cast<float>(s.zero_points[block]);
  return value * block_scale(s, block);
}

OutlierColumns find_outliers(const GroupedWeights& w, const Tokens& tokens) {
  thread_local Scratch memory;
  auto* scores = static_cast<float*>(memory.reserve(w.columns * sizeof(float)));
  for_strips(tokens.parallel, w.columns, kScoredGroups * w.group, [&](std::size_t begin, std::size_t end) {
    rounding::score_outliers(tokens.x, tokens.count, w.columns, w.group, begin, end, scores);
  });
  return rounding::choose_outliers(scores, w.columns, tokens.count);
}

/// y += the float32 products of the outlier channels, for the tokens of the range. `values` [tokens, outliers.count]
void add_outliers(const Target& target, std::size_t begin, std::size_t end, const LinearKernels& kernels,
                  const TokenRange& range, const OutlierColumns& outliers, const float* values, Scratch& scratch) {
  const GroupedWeights& w = *target.weights;
  const std::size_t rows = end - begin;
  auto* weights = static_cast<float*>(scratch.reserve(rows * (outliers.count + range.count) * sizeof(float)));
  float* products = weights + rows * outliers.count;
  for (std::size_t i = 0; i < outliers.count; ++i) {
    const std::size_t column = outliers.columns[i];
    const ColumnBlocks blocks(w, column);
    for (std::size_t row = 0; row < rows; ++row) {
      weights[row * outliers.count + i] = weight_at(w, begin + row, column, blocks.of_row(begin + row));
    }
  }
  kernels.dots(weights, rows, outliers.count, values + range.first * outliers.count, range.count, nullptr, products,
               rows);
  for (std::size_t t = 0; t < range.count; ++t) {
    float* y = target.y + (range.first + t) * w.rows + begin;
    for (std::size_t row = 0; row < rows; ++row) y[row] += products[t * rows + row];
  }
}

}  // namespace

void products_with_channels(std::span<const Target> targets, const Tokens& tokens) {
  const std::size_t columns = targets[0].weights->columns;
  const OutlierColumns outliers = find_outliers(*targets[0].weights, tokens);
  thread_local Scratch outlier_values;
  auto* values = static_cast<float*>(outlier_values.reserve((tokens.count * outliers.count + 1) * sizeof(float)));

  multiply_groups(
      targets, tokens,
      [&](std::size_t token) -> const float* {
        const float* all = tokens.x + token * columns;
        if (outliers.count == 0) return all;
        thread_local Scratch clean;
        auto* inliers = static_cast<float*>(clean.reserve(columns * sizeof(float)));
        std::copy(all, all + columns, inliers);
        for (std::size_t i = 0; i < outliers.count; ++i) {
          const std::size_t column = outliers.columns[i];
          values[token * outliers.count + i] = all[column];
          inliers[column] = 0;
        }
        return inliers;
      },
      [&](std::size_t number, std::size_t begin, std::size_t end, const TokenRange& range, Scratch& scratch) {
        if (outliers.count == 0) return;
        add_outliers(targets[number], begin, end, tokens.kernels, range, outliers, values, scratch);
      });
}

}  // namespace nibble::linear

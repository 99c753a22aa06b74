#include "quantize_nested.h"

#include <algorithm>
#include <array>
#include <vector>

#include "codebook.h"

namespace nibble {
namespace {

constexpr std::size_t kLanes = 8;   // floats of the vectors that PyTorch adds with, on every x86 processor
constexpr std::size_t kRows = 4;    // vectors added side by side
constexpr std::size_t kLevels = 4;  // of partial sums

using Rows = std::array<std::array<float, kLanes>, kRows>;

std::size_t ceil_log2(std::size_t value) {
  std::size_t power = 1;
  while ((std::size_t{1} << power) < value) ++power;
  return power;
}

void add(Rows& to, const Rows& from) {
  for (std::size_t row = 0; row < kRows; ++row) {
    for (std::size_t lane = 0; lane < kLanes; ++lane) to[row][lane] += from[row][lane];
  }
}

/// Adds groups of kRows vectors of `width` lanes each.
Rows sum_groups(const float* values, std::size_t groups, std::size_t width) {
  const std::size_t power = mean_fold_power(groups);
  const std::size_t step = std::size_t{1} << power;
  std::array<Rows, kLevels> sums{};
  const auto add_group = [&](std::size_t group) {
    const float* at = values + group * kRows * width;
    for (std::size_t row = 0; row < kRows; ++row) {
      for (std::size_t lane = 0; lane < width; ++lane) sums[0][row][lane] += at[row * width + lane];
    }
  };
  std::size_t group = 0;
  while (group + step <= groups) {
    for (std::size_t i = 0; i < step; ++i) add_group(group++);
    for (std::size_t level = 1; level < kLevels; ++level) {
      add(sums[level], sums[level - 1]);
      sums[level - 1] = Rows{};
      if ((group & ((step - 1) << (level * power))) != 0) break;
    }
  }
  while (group < groups) add_group(group++);
  for (std::size_t level = 1; level < kLevels; ++level) add(sums[0], sums[level]);
  return sums[0];
}

float sum_as_pytorch(const float* values, std::size_t count) {
  // Fewer values than a vector has lanes are added one by one, in the same pattern of rows.
  const std::size_t width = count < kLanes ? 1 : kLanes;
  const std::size_t vectors = count / width;
  const std::size_t groups = vectors / kRows;
  Rows rows = sum_groups(values, groups, width);
  for (std::size_t vector = groups * kRows; vector < vectors; ++vector) {
    for (std::size_t lane = 0; lane < width; ++lane) rows[0][lane] += values[vector * width + lane];
  }
  for (std::size_t row = 1; row < kRows; ++row) {
    for (std::size_t lane = 0; lane < width; ++lane) rows[0][lane] += rows[row][lane];
  }
  float sum = 0;
  for (std::size_t i = vectors * width; i < count; ++i) sum += values[i];
  for (std::size_t lane = 0; lane < width; ++lane) sum += rows[0][lane];
  return sum;
}

std::vector<std::uint8_t> make_steps() {
  const float* map = dynamic8_values();
  std::vector<std::uint8_t> steps(65536);
  int code = 0;
  for (int i = 0; i < 65536; ++i) {
    const auto value = static_cast<float>(i / 65535.0 * 2.0 - 1.0);
    while (code < 255 && (map[code] + map[code + 1]) / 2.0f < value) ++code;
    steps[static_cast<std::size_t>(i)] = static_cast<std::uint8_t>(code);
  }
  return steps;
}

}  // namespace

std::size_t mean_fold_power(std::size_t groups) { return std::max<std::size_t>(4, ceil_log2(groups) / kLevels); }

const std::uint8_t* nested_steps() {
  static const std::vector<std::uint8_t> steps = make_steps();
  return steps.data();
}

float mean_as_pytorch(const float* values, std::size_t count) {
  if (count == 0) return 0;
  return sum_as_pytorch(values, count) / static_cast<float>(count);
}

void dequantize_nested_block(const std::uint8_t* codes, std::size_t count, float nested_absmax, float offset,
                             float* absmax) {
  const float* map = dynamic8_values();
  for (std::size_t i = 0; i < count; ++i) absmax[i] = map[codes[i]] * nested_absmax + offset;
}

}  // namespace nibble

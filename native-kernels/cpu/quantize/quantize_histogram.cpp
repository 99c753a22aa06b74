#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "base/quantize_kernels.h"
#include "quantize.h"

namespace nibble {
namespace {

constexpr std::size_t kTaskWeights = 131072;

}  // namespace

Range weight_histogram(const Source& source, std::size_t bins, double* counts, const Control& control) {
  std::fill(counts, counts + bins, 0.0);
  if (source.numel == 0) return {};
  const QuantizeKernels& kernels = quantize_kernels(control.isa);
  const std::size_t tasks = (source.numel + kTaskWeights - 1) / kTaskWeights;
  const auto count_of = [&](std::size_t task) { return std::min(kTaskWeights, source.numel - task * kTaskWeights); };

  std::vector<RangeResult> ranges(tasks);
  for_each_task(tasks, control, {0, 0.3}, [&](std::size_t task) {
    const std::size_t start = task * kTaskWeights;
    ranges[task] = kernels.range(advance(source.data, source.type, start), source.type, count_of(task), false);
    if (ranges[task].finite) return;
    std::size_t i = start;
    while (std::isfinite(load_weight(source.data, source.type, i))) ++i;
    throw InvalidWeights(i, "weight " + std::to_string(i) + " is not finite");
  });
  Range all{ranges[0].min, ranges[0].max};
  for (const RangeResult& range : ranges) all = {std::min(all.min, range.min), std::max(all.max, range.max)};

  const double width = (static_cast<double>(all.max) - all.min) / static_cast<double>(bins);
  const double per_weight = width > 0 ? 1 / width : 0;
  std::vector<std::vector<std::uint64_t>> parts(tasks);
  for_each_task(tasks, control, {0.3, 1}, [&](std::size_t task) {
    std::vector<std::uint64_t> part(bins);
    const std::size_t start = task * kTaskWeights;
    for (std::size_t i = start; i < start + count_of(task); ++i) {
      const double position = (load_weight(source.data, source.type, i) - static_cast<double>(all.min)) * per_weight;
      ++part[std::min(static_cast<std::size_t>(position), bins - 1)];
    }
    parts[task] = std::move(part);
  });
  for (const auto& part : parts) {
    for (std::size_t bin = 0; bin < bins; ++bin) counts[bin] += static_cast<double>(part[bin]);
  }
  return all;
}

}  // namespace nibble

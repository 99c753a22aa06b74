// NF4 and FP4 over a whole tensor: tasks of a fixed size, the incomplete last block, double quantization, statistics.

#include <algorithm>
#include <cmath>
#include <vector>

#include "base/quantize_kernels.h"
#include "buffer_cache.h"
#include "quantize.h"
#include "quantize_file.h"
#include "quantize_nested.h"
#include "quantize_statistics.h"
#include "quantize_streams.h"

namespace nibble {
namespace {

/// Weights of one task: a multiple of every block size, and small enough that its source stays in the second-level
/// cache.
constexpr std::size_t kTaskWeights = 131072;

/// Nested blocks of one task.
constexpr std::size_t kTaskRuns = 64;

std::size_t divide_up(std::size_t value, std::size_t by) { return (value + by - 1) / by; }

/// What the phases of one call share.
struct Job {
  const WeightInput& source;
  const FourBitTables& tables;
  const QuantizeKernels& kernels;
  std::size_t block_size;
  std::size_t blocks;
  const CodeOutput& codes;
  float* absmax;
  Moments* moments;

  std::size_t block_end(std::size_t block) const { return std::min((block + 1) * block_size, source.numel); }
};

/// @param weights [count] the first of them being weight `first` of the tensor
[[noreturn]] void refuse(const void* weights, WeightType type, std::size_t first) {
  for (std::size_t i = 0;; ++i) require_quantizable(load_weight(weights, type, i), first + i, false);
}

int rank_of(const FourBitTables& tables, float value) {
  int rank = 0;
  for (float threshold : tables.thresholds) rank += value > threshold ? 1 : 0;
  return rank;
}

/// The incomplete last block, where bitsandbytes divides by absmax instead of multiplying by its inverse, and stores
/// its lower bound. A last odd code is paired with the code of 0.
/// @param weights [count] of the block
/// @param codes [ceil(count / 2)]
void quantize_last_block(const Job& job, std::size_t block, const void* weights, std::uint8_t* codes) {
  const std::size_t start = block * job.block_size;
  const std::size_t count = job.source.numel - start;
  const WeightType type = job.source.type;
  float largest = kSmallestAbsmax;
  for (std::size_t i = 0; i < count; ++i) {
    const float weight = load_weight(weights, type, i);
    if (!std::isfinite(weight)) refuse(weights, type, start);
    largest = std::max(largest, std::fabs(weight));
  }
  job.absmax[block] = largest;
  MomentLanes lanes;
  for (std::size_t i = 0; i < count; ++i) {
    const float scaled = load_weight(weights, type, i) / largest;
    const int rank = rank_of(job.tables, scaled);
    add_to_lane(lanes, i / 2, scaled - job.tables.values[rank], job.tables.values[rank]);
    std::uint8_t& pair = codes[i / 2];
    const int code = job.tables.codes[rank];
    pair = static_cast<std::uint8_t>(i % 2 == 0 ? code << 4 : pair | code);
  }
  if (count % 2 != 0) codes[count / 2] |= job.tables.codes[rank_of(job.tables, 0.0f)];
  job.moments[block] = fold_lanes(lanes);
}

/// The codes of one block, which are where nobody looks at them any more.
/// @param weights [count] of the block
/// @param codes [ceil(count / 2)]
void make_codes_again(const Job& job, std::size_t block, std::size_t count, const void* weights, std::uint8_t* codes) {
  if (count < job.block_size) {
    quantize_last_block(job, block, weights, codes);
    return;
  }
  float absmax;
  Moments moments;
  job.kernels.quantize_blocks(job.tables, weights, job.source.type, 1, job.block_size, codes, &absmax, &moments);
}

void quantize_task(const Job& job, std::size_t task) {
  // One per thread, so that it stays in that core's cache.
  thread_local Scratch source_scratch;
  const WeightType type = job.source.type;
  const std::size_t first = task * kTaskWeights / job.block_size;
  const std::size_t start = first * job.block_size;
  const std::size_t end = std::min(start + kTaskWeights, job.source.numel);
  const std::size_t full = (end - start) / job.block_size;
  const std::size_t whole = full * job.block_size;
  const std::size_t bytes = (end - start + 1) / 2;
  const void* weights = job.source.at(start, end - start, source_scratch);
  std::uint8_t* codes = job.codes.room(start / 2);
  const std::size_t done = job.kernels.quantize_blocks(job.tables, weights, type, full, job.block_size, codes,
                                                       job.absmax + first, job.moments + first);
  if (done < full) refuse(advance(weights, type, done * job.block_size), type, start + done * job.block_size);
  if (start + whole < end) quantize_last_block(job, first + full, advance(weights, type, whole), codes + whole / 2);
  job.codes.take(start / 2, bytes, codes);
}

/// Weights are (u + e) * this, with the scale that the codes were made with.
double unit_of(float absmax) { return std::max(absmax, kSmallestAbsmax); }

/// float32 roundings of a block's moments, relative.
constexpr double kSlack = 1e-5;

/// Double quantization of a whole tensor's scales, 256 blocks ("a run") at a time.
struct NestedJob {
  const Job& job;
  const FourBitTarget& target;
  float offset;
  std::vector<double> largest_bound;  // [runs] no error of the run is above this

  std::size_t runs() const { return largest_bound.size(); }
  std::size_t first(std::size_t run) const { return run * kNestedBlockSize; }
  std::size_t count(std::size_t run) const { return std::min(kNestedBlockSize, job.blocks - first(run)); }

  void dequantize(std::size_t run, float* scales) const {
    dequantize_nested_block(target.absmax_codes + first(run), count(run), target.nested_absmax[run], offset, scales);
  }

  /// Quantizes the scales of a run and adds up its statistics.
  /// @returns an error that some weight of the run has at least
  double quantize(std::size_t run, Statistics& sum) {
    const NestedResult made = job.kernels.quantize_nested(
        {job.absmax + first(run), job.moments + first(run), count(run), offset, nested_steps(), dynamic8_values()},
        target.absmax_codes + first(run));
    target.nested_absmax[run] = made.absmax;
    sum.error_squares += made.error_squares;
    sum.source_squares += made.source_squares;
    sum.dequantized_squares += made.dequantized_squares;
    sum.dot += made.dot;
    sum.max_error = std::max(sum.max_error, made.max_error);
    largest_bound[run] = made.possible;
    return made.certain;
  }

  /// The largest error of a run, weight by weight, where its blocks' bounds leave room above `at_least`.
  double largest_error(std::size_t run, double at_least) const {
    double largest = at_least;
    if (largest_bound[run] * (1 + kSlack) <= largest) return largest;
    float scales[kNestedBlockSize];
    dequantize(run, scales);
    for (std::size_t i = 0; i < count(run); ++i) {
      const std::size_t block = first(run) + i;
      const double unit = unit_of(job.absmax[block]);
      const double bound = unit * job.moments[block].max_error + std::fabs(unit - scales[i]);
      if (bound * (1 + kSlack) <= largest) continue;
      thread_local Scratch source_scratch, code_scratch;
      const std::size_t start = block * job.block_size;
      const std::size_t length = job.block_end(block) - start;
      const void* weights = job.source.at(start, length, source_scratch);
      code_scratch.resize(std::max(code_scratch.size(), (length + 1) / 2));
      std::uint8_t* const codes = code_scratch.data();
      make_codes_again(job, block, length, weights, codes);
      for (std::size_t k = 0; k < length; ++k) {
        const int code = codes[k / 2] >> (k % 2 == 0 ? 4 : 0) & 15;
        const float value = job.tables.values_by_code[code] * scales[i];
        const double weight = load_weight(weights, job.source.type, k);
        largest = std::max(largest, std::fabs(weight - value));
      }
    }
    return largest;
  }
};

Statistics quantize_scales(const Job& job, const FourBitTarget& target, const Control& control) {
  const float offset = mean_as_pytorch(job.absmax, job.blocks);
  *target.nested_offset = offset;
  NestedJob nested{job, target, offset, std::vector<double>(divide_up(job.blocks, kNestedBlockSize))};
  const std::size_t tasks = divide_up(nested.runs(), kTaskRuns);
  const auto for_each_run = [&](std::size_t task, const auto& body) {
    for (std::size_t run = task * kTaskRuns; run < std::min((task + 1) * kTaskRuns, nested.runs()); ++run) body(run);
  };

  std::vector<Statistics> parts(tasks);
  std::vector<double> certain(tasks, 0.0);
  for_each_task(tasks, control, {0.95, 0.99}, [&](std::size_t task) {
    for_each_run(task,
                 [&](std::size_t run) { certain[task] = std::max(certain[task], nested.quantize(run, parts[task])); });
  });

  // The largest error is no product of sums: bounds tell which few blocks to evaluate weight by weight. Every task
  // starts from the same bound, so that the result does not depend on who runs it.
  const double at_least = *std::max_element(certain.begin(), certain.end()) * (1 - kSlack);
  for_each_task(tasks, control, {0.99, 1}, [&](std::size_t task) {
    parts[task].max_error = at_least;
    for_each_run(task,
                 [&](std::size_t run) { parts[task].max_error = nested.largest_error(run, parts[task].max_error); });
  });
  return total(parts);
}

/// @param codes where they go; target.codes is not looked at
Statistics quantize(const WeightInput& source, const FourBitSpec& spec, const CodeOutput& codes,
                    const FourBitTarget& target, const Control& control) {
  const bool nested = target.absmax == nullptr;
  const std::size_t blocks = divide_up(source.numel, spec.block_size);
  if (blocks == 0) {
    if (nested) *target.nested_offset = 0;
    return {};
  }
  const CachedBuffer moments(blocks * sizeof(Moments));
  const CachedBuffer scales(nested ? blocks * sizeof(float) : 0);
  const Job job{source,
                four_bit_tables(spec.type),
                quantize_kernels(control.isa),
                spec.block_size,
                blocks,
                codes,
                nested ? scales.as<float>() : target.absmax,
                moments.as<Moments>()};

  const std::size_t tasks = divide_up(source.numel, kTaskWeights);
  std::vector<Statistics> parts(tasks);
  const auto quantize_and_add = [&](std::size_t task) {
    quantize_task(job, task);
    if (nested) return;
    const std::size_t first = task * kTaskWeights / job.block_size;
    const std::size_t last = std::min(first + kTaskWeights / job.block_size, job.blocks);
    for (std::size_t block = first; block < last; ++block) {
      const double unit = unit_of(job.absmax[block]);
      add_segment(parts[task], job.moments[block], unit, job.absmax[block]);
    }
  };
  for_each_task(tasks, control, {0, nested ? 0.95 : 1}, codes.guarded(quantize_and_add));
  return nested ? quantize_scales(job, target, control) : total(parts);
}

}  // namespace

Statistics quantize_4bit(const Source& source, const FourBitSpec& spec, const FourBitTarget& target,
                         const Control& control) {
  const WeightInput input{source.data, source.type, source.numel};
  return quantize(input, spec, CodeOutput{target.codes}, target, control);
}

FourBitFileResult quantize_4bit_file(const FileSource& source, const FourBitSpec& spec, const FourBitFileTarget& target,
                                     const Control& control, const FourBitQuantizer& elsewhere) {
  const MappedFile mapped(source.file, source.offset, std::uint64_t{source.numel} * weight_size(source.type));
  const WeightInput input{nullptr, source.type, source.numel, &source.file, source.offset, &mapped};
  TreeHash hash((source.numel + 1) / 2, control.isa);
  const std::size_t blocks = divide_up(source.numel, spec.block_size);
  std::vector<float> absmax(target.double_quant ? 0 : blocks);
  std::vector<std::uint8_t> absmax_codes(target.double_quant ? blocks : 0);
  std::vector<float> nested_absmax(target.double_quant ? divide_up(blocks, kNestedBlockSize) : 0);
  FourBitFileResult result{};
  const FourBitTarget parts{nullptr, target.double_quant ? nullptr : absmax.data(), absmax_codes.data(),
                            nested_absmax.data(), &result.nested_offset};
  if (elsewhere) {
    const auto read = [&](std::size_t offset, void* to, std::size_t bytes) {
      source.file.read(source.offset + offset, to, bytes);
    };
    const auto take = [&](std::size_t offset, const void* from, std::size_t bytes) {
      hash.add(offset, static_cast<const std::uint8_t*>(from), bytes);
      target.file.write(target.codes + offset, from, bytes);
    };
    result.statistics = elsewhere(read, take, parts);
  } else {
    PieceWriter pieces(target.file, target.codes, hash.length(), kTaskWeights / 2, control.cancelled);
    result.statistics = quantize(input, spec, CodeOutput{nullptr, &pieces, &hash}, parts, control);
    pieces.finish();
  }
  mapped.require_whole();
  result.codes = hash.finish();
  if (target.double_quant) {
    result.absmax = put_hashed(absmax_codes, target.file, target.absmax, control);
    result.nested_absmax = put_hashed(nested_absmax, target.file, target.nested_absmax, control);
  } else {
    result.absmax = put_hashed(absmax, target.file, target.absmax, control);
  }
  return result;
}

void dequantize_4bit(const FourBitView& weights, const FourBitSpec& spec, std::size_t numel, float* out,
                     const Control& control) {
  const FourBitTables& tables = four_bit_tables(spec.type);
  const QuantizeKernels& kernels = quantize_kernels(control.isa);
  const std::size_t tasks = divide_up(numel, kTaskWeights);
  for_each_task(tasks, control, {0, 1}, [&](std::size_t task) {
    const std::size_t start = task * kTaskWeights;
    const std::size_t end = std::min(start + kTaskWeights, numel);
    const std::size_t first = start / spec.block_size;
    const std::size_t blocks = divide_up(end - start, spec.block_size);
    float decoded[kTaskWeights / 32];
    const float* absmax = weights.absmax == nullptr ? decoded : weights.absmax + first;
    if (weights.absmax == nullptr) {
      for (std::size_t i = 0; i < blocks;) {
        const std::size_t run = (first + i) / kNestedBlockSize;
        const std::size_t count = std::min((run + 1) * kNestedBlockSize - first, blocks) - i;
        dequantize_nested_block(weights.absmax_codes + first + i, count, weights.nested_absmax[run],
                                weights.nested_offset, decoded + i);
        i += count;
      }
    }
    const std::size_t full = (end - start) / spec.block_size;
    kernels.dequantize_blocks(tables, weights.codes + start / 2, absmax, full, spec.block_size, out + start);
    for (std::size_t i = start + full * spec.block_size; i < end; ++i) {
      const int code = weights.codes[i / 2] >> (i % 2 == 0 ? 4 : 0) & 15;
      out[i] = tables.values_by_code[code] * absmax[full];
    }
  });
}

}  // namespace nibble

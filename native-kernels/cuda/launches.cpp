#include "cuda/launches.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>

#include "base/quantize_kernels.h"
#include "codebook.h"
#include "cpu/quantize/quantize_nested.h"

namespace nibble::cuda {
namespace {

/// Most blocks of a grid that a multiprocessor is given: those of one warp each.
constexpr unsigned kMostBlocks = 32;

/// Blocks of 256 threads with 64 registers each that fit on a multiprocessor.
constexpr unsigned kBlocksThatFit = 4;

/// Blocks of a grid that is dealt out several times over: then none ends long after the others.
constexpr unsigned kBlocksInTurn = 16;

/// The same of the kernel that adds up the leaves of a mean, and the fewest leaves that such a block is given. A
/// shorter tensor has blocks that stay, which leave room between them for the short kernels of other streams.
constexpr unsigned kLeafBlocksInTurn = 32;
constexpr std::uint64_t kFewestLeaves = 8;

/// Those of the kernel of scales, which takes 48 registers.
constexpr unsigned kScaleBlocksThatFit = 5;

/// Threads of a block of the kernel that adds up scales: a warp to a node, and nodes are few.
constexpr unsigned kMeanThreads = 512;

/// Weights that a block of the grid dequantizes from integer codes: 4 * kUnrolled * kRounds of kernels/dequantize.h a
/// thread.
constexpr std::uint64_t kDequantized = std::uint64_t{kBlockThreads} * 64;

/// For kernels that leave no sums: as many blocks as there is work for.
constexpr unsigned kUnbounded = 1u << 20;

/// Scales that one double-quantized block of scales holds.
constexpr std::uint64_t kRun = kNestedBlockSize;

std::uint64_t divide_up(std::uint64_t value, std::uint64_t by) { return (value + by - 1) / by; }

SourceType source_type(WeightType type) {
  return type == WeightType::bf16 ? SourceType::bf16 : type == WeightType::f16 ? SourceType::f16 : SourceType::f32;
}

const char* suffix(WeightType type) {
  return type == WeightType::bf16 ? "_bf16" : type == WeightType::f16 ? "_f16" : "_f32";
}

const char* suffix(FourBitType type) { return type == FourBitType::nf4 ? "_nf4" : "_fp4"; }

const char* suffix(IntegerMode mode) {
  return mode == IntegerMode::llm_int8 ? "_llm_int8" : mode == IntegerMode::absmax ? "_absmax" : "_zero_point";
}

/// Cell of a scaled weight, as value_address of kernels/quantize_blocks.h finds it.
unsigned cell_of(float scaled, FourBitType type) {
  // Exact in double, where rounding to quarters is the same as the device's one rounding of the sum.
  const double quarters = scaled * double{type == FourBitType::fp4 ? kFp4Cells : kNf4Cells} * 4;
  const double rounded = type == FourBitType::fp4 ? std::ceil(quarters) + 4 * kFp4Start : std::nearbyint(quarters);
  return static_cast<unsigned>(static_cast<int>(rounded)) & kCellOffset;
}

CodeTables code_tables(FourBitType type) {
  const FourBitTables& from = four_bit_tables(type);
  CodeTables to{};
  std::copy(std::begin(from.values), std::end(from.values), to.values);
  std::copy(std::begin(from.codes), std::end(from.codes), to.codes);
  // Cells in ascending order; what is above the last threshold of one is below the next.
  unsigned below = 0;
  for (int cell = -16; cell < 16; ++cell) {
    const unsigned offset = static_cast<unsigned>(cell * 4) & kCellOffset;
    to.cell_threshold[offset / 4] = std::numeric_limits<float>::infinity();
    to.cell_rank[offset / 4] = below;
    for (const float threshold : from.thresholds) {
      // FP4's zero is the upper end of its cell: the cell itself tells what is above.
      if (cell_of(threshold, type) != offset) continue;
      if (!(type == FourBitType::fp4 && threshold == 0)) to.cell_threshold[offset / 4] = threshold;
      ++below;
    }
  }
  return to;
}

StepTables step_tables() {
  const std::uint8_t* codes = nested_steps();
  StepTables tables{};
  for (unsigned i = 0; i < std::size(tables.parts); ++i) {
    const unsigned start = i * kPartSteps;
    const std::uint8_t* part = codes + start;
    const auto same = static_cast<unsigned>(std::count(part, part + kPartSteps, part[0]));
    const auto next = static_cast<unsigned>(std::count(part, part + kPartSteps, part[0] + 1));
    tables.parts[i] = static_cast<std::uint16_t>(part[0] | same << 8);
    if (same + next != kPartSteps && start - kFirstDense >= kDenseSteps) {
      throw Error("kernel-failed", "the codes of scales are denser than the device's table of them");
    }
  }
  std::copy_n(codes + kFirstDense, kDenseSteps, tables.dense);
  return tables;
}

/// Threads of a block that has a wide group to itself: four 16-byte loads to a thread where that is enough.
unsigned threads_for(std::uint64_t width, WeightType type) {
  constexpr std::uint64_t kLoads = 4;
  const std::uint64_t quads = width * weight_size(type) / 16;
  return static_cast<unsigned>(std::clamp<std::uint64_t>(divide_up(divide_up(quads, kLoads), 32), 1, 16) * 32);
}

/// Leaves of the mean that quantizing `whole` whole blocks adds up.
std::uint64_t leaves_summed(const BlockMoments& moments, std::uint64_t whole, const FourBitSpec& spec) {
  // A leaf that is longer than what its sum is made of (some 10^10 weights) is left to the mean itself, as are the few
  // scales of large blocks.
  const bool fits = std::uint64_t{1} << mean_fold_power(moments.tensor_blocks / 32) <= kMostLeafGroups;
  if (moments.leaf_sums == nullptr || !fits || spec.block_size > kTileWeights) return 0;
  return whole / leaf_blocks(moments.tensor_blocks);
}

enum class GroupKernel { small, wide, any };

/// The fastest kernel that fits: small groups share a warp, wide ones have a block of the grid.
GroupKernel kernel_for(const GroupSpec& spec, WeightType type) {
  if (spec.columns == 0 || spec.columns % spec.width != 0) return GroupKernel::any;
  if (spec.mode != IntegerMode::llm_int8 && spec.width >= 32 && spec.width <= kTileWeights &&
      std::has_single_bit(spec.width)) {
    return GroupKernel::small;
  }
  // A block that has fewer quads than a warp has lanes is no faster than the general kernel.
  const std::uint64_t quad = 16 / weight_size(type);
  return spec.width % quad == 0 && spec.width >= 32 * quad ? GroupKernel::wide : GroupKernel::any;
}

}  // namespace

Worker::Worker(Device& device)
    : stream_(device),
      partials_(device, std::size_t{device.multiprocessors()} * kMostBlocks * sizeof(Sums)),
      counters_(device, 2 * sizeof(unsigned)) {
  stream_.fill(counters_.pointer(), 0, counters_.bytes());
}

BlockReduction Worker::reduction(Sums* result, Sums* cleared) const {
  return {partials_.as<Sums>(), counters_.as<unsigned>(), result, cleared};
}

Tables::Tables(Worker& worker)
    : steps(worker.device(), sizeof(StepTables)),
      map(worker.device(), 256 * sizeof(float)),
      values(worker.device(), 32 * sizeof(float)) {
  const StepTables tables = step_tables();
  Stream& stream = worker.stream();
  stream.upload(steps.pointer(), &tables, sizeof(tables));
  stream.upload(map.pointer(), dynamic8_values(), map.bytes());
  stream.upload(values.pointer(), four_bit_values(FourBitType::nf4), 16 * sizeof(float));
  stream.upload(values.pointer() + 16 * sizeof(float), four_bit_values(FourBitType::fp4), 16 * sizeof(float));
  stream.wait();
}

void launch_quantize_4bit(Worker& worker, const void* source, WeightType type, std::uint64_t weights,
                          const FourBitSpec& spec, std::uint8_t* codes, void* absmax, const BlockMoments& moments,
                          Sums* sums) {
  const bool nested = moments.moments != nullptr;
  const std::uint64_t whole = weights / spec.block_size * spec.block_size;
  const std::uint64_t rest = weights - whole;
  QuantizeBlocks job{};
  job.source = source;
  job.weights = whole;
  job.block_shift = static_cast<unsigned>(std::countr_zero(spec.block_size));
  job.codes = codes;
  job.absmax = absmax;
  job.moments = moments.moments;
  job.errors = moments.errors;
  job.reduction = worker.reduction(sums, rest == 0 ? sums + 1 : nullptr);
  job.tables = code_tables(spec.type);
  if (whole > 0) {
    const bool large = spec.block_size > kTileWeights;
    const bool by_leaves = !large && nested;
    const std::string name = std::string(large       ? "quantize_large_blocks"
                                         : by_leaves ? "quantize_leaves"
                                                     : "quantize_blocks") +
                             (spec.block_size == 64                 ? "_64"
                              : by_leaves && spec.block_size == 128 ? "_128"
                                                                    : "") +
                             suffix(type) + suffix(spec.type);
    unsigned per_multiprocessor = kBlocksInTurn;
    std::uint64_t blocks =
        divide_up(large ? whole / spec.block_size : divide_up(whole, kTileWeights), kBlockThreads / 32);
    if (by_leaves) {
      const std::uint64_t tiles = leaf_blocks(moments.tensor_blocks) * spec.block_size / kTileWeights;
      job.leaf_shift = static_cast<unsigned>(std::countr_zero(tiles));
      job.leaf_sums = leaves_summed(moments, whole / spec.block_size, spec) == 0 ? nullptr : moments.leaf_sums;
      const std::uint64_t leaves = divide_up(divide_up(whole, kTileWeights), tiles);
      const std::uint64_t that_fit = worker.device().grid_for(leaves, kBlocksThatFit);
      blocks = std::max(that_fit, leaves / kFewestLeaves);
      per_multiprocessor = kLeafBlocksInTurn;
    }
    worker.launch(name, blocks, per_multiprocessor, kBlockThreads, job);
  }
  if (rest > 0) {
    job.source = advance(source, type, whole);
    job.weights = rest;
    job.codes = codes + whole / 2;
    const std::uint64_t block = whole / spec.block_size;
    job.absmax = static_cast<std::uint8_t*>(absmax) + block * absmax_size(type, nested);
    if (nested) {
      job.moments = moments.moments + block;
      job.errors = moments.errors + block / error_blocks(spec.block_size);
      job.shares_error = block % error_blocks(spec.block_size) != 0;
    }
    job.reduction = worker.reduction(sums + 1, whole == 0 ? sums : nullptr);
    worker.launch(std::string("quantize_last_block") + suffix(spec.type), 1, 1, 32, job, source_type(type));
  }
}

std::size_t absmax_size(WeightType type, bool nested) { return nested ? weight_size(type) : sizeof(float); }

std::uint64_t error_blocks(std::uint64_t block_size) { return block_size > kTileWeights ? 1 : kRun; }

std::uint64_t leaf_blocks(std::uint64_t tensor_blocks) {
  const std::uint64_t groups = std::uint64_t{1} << mean_fold_power(tensor_blocks / 32);
  return std::min<std::uint64_t>(groups, kMostLeafGroups) * 32;
}

std::size_t mean_scratch(std::uint64_t blocks) {
  const std::uint64_t groups = blocks / 32;
  const std::size_t power = mean_fold_power(groups);
  return static_cast<std::size_t>((2 * (groups >> (2 * power)) + 2) * 32);
}

void launch_quantize_scales(Worker& worker, const Tables& tables, const void* absmax, WeightType type,
                            std::uint64_t weights, const FourBitSpec& spec, const BlockMoments& moments,
                            const NestedBuffers& buffers) {
  const std::uint64_t blocks = divide_up(weights, spec.block_size);
  const std::uint64_t groups = blocks / 32;
  const std::size_t power = mean_fold_power(groups);
  MeanOfScales mean{};
  mean.values = absmax;
  mean.type = source_type(type);
  mean.count = blocks;
  mean.leaf_sums = moments.leaf_sums;
  mean.summed = leaves_summed(moments, weights / spec.block_size, spec);
  mean.nodes = buffers.scratch;
  mean.power = static_cast<unsigned>(power);
  mean.arrived = worker.mean_arrived();
  mean.mean = buffers.offset;
  mean.certain = buffers.certain;
  mean.largest = buffers.largest;
  const std::uint64_t nodes = divide_up(groups >> power, std::uint64_t{1} << power);
  worker.launch("mean_of_scales", divide_up(nodes, kMeanThreads / 32), 1, kMeanThreads, mean);

  QuantizeScales job{};
  job.absmax = absmax;
  job.type = source_type(type);
  job.blocks = blocks;
  job.offset = buffers.offset;
  job.steps = tables.steps.as<StepTables>();
  job.map = tables.map.as<float>();
  job.moments = moments.moments;
  job.errors = moments.errors;
  job.run_errors = static_cast<unsigned>(kRun / error_blocks(spec.block_size));
  job.all_errors = divide_up(blocks, error_blocks(spec.block_size));
  job.codes = buffers.absmax_codes;
  job.nested_absmax = buffers.nested_absmax;
  job.run_bounds = buffers.run_bounds;
  job.certain = buffers.certain;
  job.reduction = worker.reduction(buffers.correction);
  worker.launch("quantize_scales", divide_up(divide_up(blocks, kRun), kBlockThreads / 32), kScaleBlocksThatFit,
                kBlockThreads, job);
}

void launch_largest_error(Worker& worker, const Tables& tables, const void* source, WeightType type,
                          std::uint64_t weights, const FourBitSpec& spec, const std::uint8_t* codes,
                          const NestedBuffers& buffers, const std::uint32_t* listed, std::uint64_t runs) {
  LargestError job{};
  job.source = source;
  job.codes = codes;
  job.type = source_type(type);
  job.block_shift = static_cast<unsigned>(std::countr_zero(spec.block_size));
  job.weights = weights;
  job.absmax_codes = buffers.absmax_codes;
  job.nested_absmax = buffers.nested_absmax;
  job.offset = buffers.offset;
  job.map = tables.map.as<float>();
  job.run_bounds = buffers.run_bounds;
  job.certain = buffers.certain;
  job.runs = runs;
  job.listed = listed;
  job.largest = buffers.largest;
  std::copy_n(four_bit_values(spec.type), 16, job.values);
  worker.launch("largest_error", runs, kBlocksThatFit * 2, kBlockThreads, job);
}

void launch_dequantize_4bit(Worker& worker, const Tables& tables, const std::uint8_t* codes, const float* absmax,
                            const NestedBuffers& nested, float offset, std::uint64_t weights, const FourBitSpec& spec,
                            float* out) {
  DequantizeBlocks job{};
  job.codes = codes;
  job.absmax = absmax;
  job.absmax_codes = nested.absmax_codes;
  job.nested_absmax = nested.nested_absmax;
  job.map = tables.map.as<float>();
  job.values = tables.values.as<float>() + (spec.type == FourBitType::nf4 ? 0 : 16);
  job.offset = offset;
  job.block_shift = static_cast<unsigned>(std::countr_zero(spec.block_size));
  job.weights = weights;
  job.out = out;
  worker.launch(absmax == nullptr ? "dequantize_blocks_nested" : "dequantize_blocks",
                divide_up(weights, kWarpWeights * kBlockThreads / 32), kUnbounded, kBlockThreads, job);
}

bool needs_unpacked_codes(const GroupSpec& spec, WeightType type) {
  return spec.bits == 4 && kernel_for(spec, type) == GroupKernel::any;
}

void launch_quantize_groups(Worker& worker, const void* source, WeightType type, const GroupSpec& spec, void* codes,
                            std::int8_t* unpacked, float* scales, std::int8_t* zero_points, Sums* sums) {
  const bool packs = needs_unpacked_codes(spec, type);
  QuantizeGroups job{};
  job.source = source;
  job.type = source_type(type);
  job.mode = spec.mode;
  job.bits = spec.bits;
  job.groups = spec.groups();
  job.width = spec.width;
  job.width_shift = static_cast<unsigned>(std::countr_zero(spec.width));
  job.row_width = spec.columns;
  job.codes = packs ? unpacked : codes;
  job.scales = scales;
  job.zero_points = zero_points;
  job.reduction = worker.reduction(sums);
  switch (kernel_for(spec, type)) {
    case GroupKernel::small:
      worker.launch(std::string("quantize_small_groups") + suffix(type) + suffix(spec.mode),
                    divide_up(divide_up(spec.rows * spec.columns, kTileWeights), kBlockThreads / 32), kBlocksInTurn,
                    kBlockThreads, job);
      return;
    case GroupKernel::wide: {
      const unsigned threads = threads_for(spec.width, type);
      worker.launch(std::string("quantize_wide_groups") + suffix(type) + suffix(spec.mode), job.groups,
                    std::min(1024 / threads, kMostBlocks), threads, job);
      return;
    }
    case GroupKernel::any:
      worker.launch(std::string("quantize_any_groups") + suffix(spec.mode), divide_up(job.groups, kBlockThreads / 32),
                    kBlocksThatFit, kBlockThreads, job);
      break;
  }
  if (!packs) return;
  const PackCodes pack{unpacked, spec.rows * spec.columns, static_cast<std::uint8_t*>(codes)};
  worker.launch("pack_codes", divide_up(divide_up(pack.count, 2), kBlockThreads), kBlocksThatFit * 2, kBlockThreads,
                pack);
}

void launch_dequantize_groups(Worker& worker, const GroupSpec& spec, const void* codes, const float* scales,
                              const std::int8_t* zero_points, float* out) {
  DequantizeGroups job{};
  job.codes = codes;
  job.scales = scales;
  job.zero_points = zero_points;
  job.mode = spec.mode;
  job.bits = spec.bits;
  job.weights = spec.rows * spec.columns;
  job.width = spec.width;
  job.row_width = spec.columns;
  job.out = out;
  const std::string bits = std::to_string(spec.bits);
  const bool fills = spec.columns % spec.width == 0;
  if (fills && spec.width >= 4 && spec.width <= kTileWeights && std::has_single_bit(spec.width)) {
    job.row_width = static_cast<std::uint64_t>(std::countr_zero(spec.width));
    worker.launch("dequantize_small_groups_" + bits, divide_up(job.weights, kDequantized), kUnbounded, kBlockThreads,
                  job);
  } else if (fills && spec.width % 4 == 0 && spec.width > kTileWeights) {
    worker.launch("dequantize_wide_groups_" + bits, spec.groups(), kUnbounded, kBlockThreads, job);
  } else {
    worker.launch("dequantize_any_groups_" + bits, divide_up(job.weights, kBlockThreads), kBlocksThatFit * 2,
                  kBlockThreads, job);
  }
}

void add_sums(Statistics& statistics, const Sums& sums) {
  statistics.error_squares += sums.error_squares;
  statistics.source_squares += sums.error_squares + 2 * sums.error_values + sums.value_squares;
  statistics.dequantized_squares += sums.value_squares;
  statistics.dot += sums.error_values + sums.value_squares;
  statistics.max_error = std::max(statistics.max_error, sums.max_error);
}

bool is_invalid(const Sums& sums) { return std::isnan(sums.error_squares); }

}  // namespace nibble::cuda

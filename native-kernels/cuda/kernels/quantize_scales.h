#pragma once

// Double quantization: the mean of the scales, their codes, and what the new scales do to the error statistics.

#include "quantize_blocks.h"

namespace nibble::cuda {

constexpr unsigned kNestedBlockSize = 256;

/// Most threads of a block of the grid, unless a kernel says otherwise.
constexpr unsigned kMostThreads = 256;

/// float32 roundings of a block's sums, relative.
constexpr float kSlack = 1e-5f;

/// Scales that are added side by side: PyTorch's eight lanes of four rows.
constexpr unsigned kLanes = 8;
constexpr unsigned kRows = 4;
constexpr unsigned kGroup = kLanes * kRows;

/// Adds up every kGroup-th value from `at` on, in order. Loads come 32 at a time: one alone takes as long.
static __device__ __forceinline__ float sum_in_order(const float* at, std::uint64_t count, float sum) {
  constexpr unsigned kLoads = 32;
  for (std::uint64_t i = 0; i < count; i += kLoads) {
    float values[kLoads];
#pragma unroll
    for (unsigned k = 0; k < kLoads; ++k) values[k] = i + k < count ? __ldcg(at + (i + k) * kGroup) : 0.0f;
#pragma unroll
    for (unsigned k = 0; k < kLoads; ++k) {
      if (i + k < count) sum += values[k];
    }
  }
  return sum;
}

/// Adds up the scales in the order of mean_as_pytorch (cpu/quantize_nested.cpp). A warp is a group of 32 values: lane l
/// of it keeps its own sum. Groups are added in leaves of `step`, leaves in nodes of `step`, those again, and the rest
/// in order; so leaves and nodes can be added up apart without changing a bit.
///
/// A block of the grid adds up one node; the last block adds up the nodes. blockDim.x is a multiple of 32, 96 or more.
static __device__ __forceinline__ void mean_of_scales(const MeanOfScales& job) {
  __shared__ float leaf_sums[64][kGroup];
  const unsigned lane = threadIdx.x % 32;
  const unsigned warp = threadIdx.x / 32;
  const unsigned warps = blockDim.x / 32;
  const std::uint64_t step = 1ull << job.power;
  const std::uint64_t groups = job.count < kLanes ? 0 : job.count / kLanes / kRows;
  const std::uint64_t leaves = groups / step;
  const std::uint64_t nodes = (leaves + step - 1) / step;

  // From the end: what the kernel before wrote last is still in the cache, and the kernel after begins at the front.
  for (std::uint64_t back = blockIdx.x; back < nodes; back += gridDim.x) {
    const std::uint64_t node = nodes - 1 - back;
    float sum = 0;
    for (std::uint64_t base = node * step; base < leaves && base < (node + 1) * step; base += 64) {
      const std::uint64_t end = smaller(leaves, (node + 1) * step);
      const auto here = static_cast<unsigned>(smaller(end - base, 64));
      for (unsigned leaf = warp; leaf < here; leaf += warps) {
        if (base + leaf < job.summed) {
          leaf_sums[leaf][lane] = job.leaf_sums[(base + leaf) * kGroup + lane];
          continue;
        }
        const float* at = job.values + (base + leaf) * step * kGroup + lane;
        float leaf_sum = 0;
#pragma unroll 2
        for (std::uint64_t i = 0; i < step; i += 16) {
          float values[16];
#pragma unroll
          for (unsigned k = 0; k < 16; ++k) values[k] = at[(i + k) * kGroup];
#pragma unroll
          for (unsigned k = 0; k < 16; ++k) leaf_sum += values[k];
        }
        leaf_sums[leaf][lane] = leaf_sum;
      }
      __syncthreads();
      if (warp == 0) {
        for (unsigned leaf = 0; leaf < here; ++leaf) sum += leaf_sums[leaf][lane];
      }
      __syncthreads();
    }
    if (warp == 0) job.nodes[node * kGroup + lane] = sum;
  }
  if (!is_last_block(job.arrived)) return;

  // Nodes that are complete are folded once more; the last may not be.
  const float* sums = job.nodes;
  float* folded = job.nodes + nodes * kGroup;
  const std::uint64_t complete = leaves / step;
  const std::uint64_t upper = complete / step;
  for (std::uint64_t i = warp; i < upper; i += warps) {
    folded[i * kGroup + lane] = sum_in_order(sums + i * step * kGroup + lane, step, 0);
  }
  // What is left on every level, each by another warp.
  __shared__ float levels[4][kGroup];
  if (warp == 0) levels[0][lane] = sum_in_order(job.values + leaves * step * kGroup + lane, groups - leaves * step, 0);
  if (warp == 1) levels[1][lane] = complete < nodes ? __ldcg(sums + complete * kGroup + lane) : 0.0f;
  if (warp == 2) levels[2][lane] = sum_in_order(sums + upper * step * kGroup + lane, complete - upper * step, 0);
  __threadfence();
  __syncthreads();
  if (warp != 0) return;
  levels[3][lane] = sum_in_order(folded + lane, upper, 0);
  float total = levels[0][lane] + levels[1][lane];
  total += levels[2][lane];
  total += levels[3][lane];

  // Vectors beyond the last whole group go to the first row.
  std::uint64_t done = groups * kGroup;
  if (job.count >= kLanes) {
    for (; done + kLanes <= job.count; done += kLanes) {
      if (lane < kLanes) total += job.values[done + lane];
    }
  }
  float row = total;
  for (unsigned i = 1; i < kRows; ++i) row += __shfl_sync(kAllLanes, total, lane % kLanes + i * kLanes);
  float rest = 0;
  if (job.count >= kLanes) {
    for (; done < job.count; ++done) rest += job.values[done];
    for (unsigned i = 0; i < kLanes; ++i) rest += __shfl_sync(kAllLanes, row, i);
  } else {
    // Fewer values than a vector has lanes are added one by one, in the same pattern of rows.
    float rows[kRows] = {0, 0, 0, 0};
    const auto count = static_cast<unsigned>(job.count);
    const unsigned whole = count / kRows * kRows;
    for (unsigned i = 0; i < whole; ++i) rows[i % kRows] += job.values[i];
    for (unsigned i = whole; i < count; ++i) rows[0] += job.values[i];
    for (unsigned i = 1; i < kRows; ++i) rows[0] += rows[i];
    rest += rows[0];
  }
  if (lane == 0) {
    *job.mean = __fdiv_rn(rest, static_cast<float>(job.count));
    *job.certain = 0;
    *job.largest = 0;
  }
}

/// Code of a step: the first whose last step is not below it.
static __device__ __forceinline__ unsigned code_of_step(const StepTables& tables, unsigned step) {
  const unsigned part = tables.parts[step / kPartSteps];
  unsigned low = part & 0xffu;
  if (part >> 8 != kRisesOften) return low + (step % kPartSteps >= part >> 8);
  unsigned high = 255;
  while (low < high) {
    const unsigned middle = (low + high) / 2;
    if (step > tables.last[middle]) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

constexpr unsigned kScalesPerLane = kNestedBlockSize / 32;

/// Eight neighbouring scales of a lane and their moments.
struct LaneScales {
  float absmax[kScalesPerLane];
  unsigned moments[kScalesPerLane];

  /// @param count scales of the run from this lane's first one on; where there are none, `offset` changes nothing
  __device__ __forceinline__ void load(const QuantizeScales& job, std::uint64_t first, std::uint64_t count,
                                       float offset) {
    if (count >= kScalesPerLane) {
#pragma unroll
      for (unsigned i = 0; i < kScalesPerLane / 4; ++i) {
        const float4 scales = reinterpret_cast<const float4*>(job.absmax + first)[i];
        const uint4 sums = reinterpret_cast<const uint4*>(job.moments + first)[i];
        absmax[i * 4] = scales.x, absmax[i * 4 + 1] = scales.y, absmax[i * 4 + 2] = scales.z;
        absmax[i * 4 + 3] = scales.w;
        moments[i * 4] = sums.x, moments[i * 4 + 1] = sums.y, moments[i * 4 + 2] = sums.z, moments[i * 4 + 3] = sums.w;
      }
      return;
    }
#pragma unroll
    for (unsigned i = 0; i < kScalesPerLane; ++i) {
      absmax[i] = i < count ? job.absmax[first + i] : offset;
      moments[i] = i < count ? job.moments[first + i] : 0;
    }
  }
};

/// A warp quantizes runs of 256 scales, eight to a lane.
static __device__ __forceinline__ void quantize_scales(const QuantizeScales& job) {
  __shared__ float map[256];
  __shared__ StepTables steps;
  for (unsigned i = threadIdx.x; i < 256; i += blockDim.x) {
    map[i] = job.map[i];
    steps.last[i] = job.steps->last[i];
  }
  constexpr unsigned kParts = 65536 / kPartSteps;
  for (unsigned i = threadIdx.x; i < kParts; i += blockDim.x) steps.parts[i] = job.steps->parts[i];
  __syncthreads();
  const unsigned lane = threadIdx.x % 32;
  const auto runs = static_cast<unsigned>((job.blocks + kNestedBlockSize - 1) / kNestedBlockSize);
  const unsigned stride = gridDim.x * (blockDim.x / 32);
  const unsigned run_tiles = (kNestedBlockSize << job.block_shift) / kTileWeights;
  const float offset = *job.offset;
  float certain = 0;
  ThreadSums sums;
  for (unsigned run = blockIdx.x * (blockDim.x / 32) + threadIdx.x / 32; run < runs; run += stride) {
    const std::uint64_t first = static_cast<std::uint64_t>(run) * kNestedBlockSize + lane * kScalesPerLane;
    const std::uint64_t count = first < job.blocks ? job.blocks - first : 0;
    LaneScales scales;
    scales.load(job, first, count, offset);
    const std::uint64_t first_tile = static_cast<std::uint64_t>(run) * run_tiles;
    float error = 0;
    for (unsigned i = lane; i < run_tiles && first_tile + i < job.tiles; i += 32) {
      error = fmaxf(error, job.tile_errors[first_tile + i]);
    }
    float largest = 0;
    float reference = kSmallestAbsmax;
#pragma unroll
    for (unsigned i = 0; i < kScalesPerLane; ++i) {
      largest = fmaxf(largest, fabsf(scales.absmax[i] - offset));
      reference = fmaxf(reference, scales.absmax[i]);
    }
    largest = warp_max_magnitude(largest);
    reference = warp_max_magnitude(reference);
    error = warp_max_magnitude(error);
    const float inverse = __fdiv_rn(1.0f, largest);
    // The sums are in units of the run's largest scale: float32 neither over- nor underflows.
    const float per_reference = __fdiv_rn(1.0f, reference);
    float errors = 0, dots = 0, squares = 0, drift_bound = 0;
    unsigned packed[2] = {0, 0};
#pragma unroll
    for (unsigned i = 0; i < kScalesPerLane; ++i) {
      // 0 * infinity, in a run of equal scales, is no number; the comparison sends it to code 0.
      float position = (scales.absmax[i] - offset) * inverse;
      position = position > -1.0f ? fminf(position, 1.0f) : -1.0f;
      const unsigned code = code_of_step(steps, static_cast<unsigned>((position + 1.0f) * 0.5f * 65535.0f + 0.5f));
      packed[i / 4] |= code << (i % 4 * 8);
      const float scale = map[code] * largest + offset;
      __half2 halves;
      memcpy(&halves, &scales.moments[i], sizeof(halves));
      const float eu = __low2float(halves);
      const float uu = __high2float(halves);
      const float unit = fmaxf(scales.absmax[i], kSmallestAbsmax);
      const float drift = unit - scale;
      const float small_unit = unit * per_reference;
      const float small_drift = drift * per_reference;
      const float drifted = small_drift * uu;
      errors = __fmaf_rn(small_drift, __fmaf_rn(2.0f * small_unit, eu, drifted), errors);
      dots = __fmaf_rn(-small_unit * small_drift, eu + uu, dots);
      squares = __fmaf_rn(-drifted, __fmaf_rn(2.0f, small_unit, -small_drift), squares);
      drift_bound = fmaxf(drift_bound, fabsf(drift));
    }
    if (count >= kScalesPerLane) {
      *reinterpret_cast<uint2*>(job.codes + first) = make_uint2(packed[0], packed[1]);
    } else {
      for (unsigned i = 0; i < count; ++i) {
        job.codes[first + i] = static_cast<std::uint8_t>((i < 4 ? packed[0] : packed[1]) >> (i % 4 * 8));
      }
    }
    const double squared = static_cast<double>(reference) * reference;
    sums.error_squares = __fma_rn(squared, static_cast<double>(errors), sums.error_squares);
    sums.error_values = __fma_rn(squared, static_cast<double>(dots), sums.error_values);
    sums.value_squares = __fma_rn(squared, static_cast<double>(squares), sums.value_squares);
    drift_bound = warp_max_magnitude(drift_bound);
    if (lane == 0) {
      job.nested_absmax[run] = largest;
      job.run_bounds[run] = (error + drift_bound) * (1 + kSlack);
      certain = fmaxf(certain, error * (1 - kSlack) - drift_bound);
    }
  }
  // Once per warp: thousands of runs would wait for each other here.
  if (lane == 0) atomicMax(job.certain, __float_as_uint(certain));
  finish_tally(job.tally, sums);
}

/// Largest error of eight neighbouring weights.
template <SourceType type>
__device__ __forceinline__ double error_of_eight(const LargestError& job, std::uint64_t at, float scale,
                                                 const float* values) {
  Weights<type, 8> weights;
  weights.load(advance<type>(job.source, at));
  const unsigned codes = *reinterpret_cast<const unsigned*>(job.codes + at / 2);
  double largest = 0;
#pragma unroll
  for (unsigned i = 0; i < 8; ++i) {
    const float value = values[codes >> (i * 4 ^ 4) & 15u] * scale;
    largest = fmax(largest, fabs(static_cast<double>(weights.get(i)) - value));
  }
  return largest;
}

/// Largest error of a run that lies at `start` of the source. Every thread of the block takes a share.
template <SourceType type>
__device__ __forceinline__ double error_of_run(const LargestError& job, std::uint64_t run, std::uint64_t start,
                                               std::uint64_t weights, float offset, const float* values) {
  const float nested = job.nested_absmax[run];
  const auto scale_at = [&](std::uint64_t k) {
    return job.map[job.absmax_codes[run * kNestedBlockSize + (k >> job.block_shift)]] * nested + offset;
  };
  double largest = 0;
  const std::uint64_t eighths = weights / 8;
#pragma unroll 4
  for (std::uint64_t i = threadIdx.x; i < eighths; i += blockDim.x) {
    largest = fmax(largest, error_of_eight<type>(job, start + i * 8, scale_at(i * 8), values));
  }
  const std::uint64_t k = eighths * 8 + threadIdx.x;
  if (k < weights) {
    const unsigned code = job.codes[(start + k) / 2] >> (k % 2 == 0 ? 4 : 0) & 15u;
    const double weight = load_weight(job.source, type, start + k);
    largest = fmax(largest, fabs(weight - values[code] * scale_at(k)));
  }
  return largest;
}

/// The runs are dealt out to the blocks of the grid one by one: those that can hold the largest error lie together.
static __device__ __forceinline__ void largest_error(const LargestError& job) {
  __shared__ float values[16];
  __shared__ unsigned candidates[kMostThreads];
  __shared__ unsigned count;
  if (threadIdx.x < 16) values[threadIdx.x] = job.values[threadIdx.x];
  const float at_least = __uint_as_float(*job.certain);
  const float offset = *job.offset;
  const std::uint64_t run_weights = static_cast<std::uint64_t>(kNestedBlockSize) << job.block_shift;
  const std::uint64_t stride = static_cast<std::uint64_t>(gridDim.x) * blockDim.x;
  double largest = 0;
  for (std::uint64_t base = 0; base < job.runs; base += stride) {
    __syncthreads();
    if (threadIdx.x == 0) count = 0;
    __syncthreads();
    const std::uint64_t mine = base + static_cast<std::uint64_t>(threadIdx.x) * gridDim.x + blockIdx.x;
    if (mine < job.runs && job.run_bounds[job.listed == nullptr ? mine : job.listed[mine]] >= at_least) {
      candidates[atomicAdd(&count, 1u)] = static_cast<unsigned>(mine);
    }
    __syncthreads();
    for (unsigned c = 0; c < count; ++c) {
      const std::uint64_t place = candidates[c];
      const std::uint64_t run = job.listed == nullptr ? place : job.listed[place];
      const std::uint64_t weights = smaller(run_weights, job.weights - run * run_weights);
      const std::uint64_t start = place * run_weights;
      const double error =
          job.type == SourceType::bf16  ? error_of_run<SourceType::bf16>(job, run, start, weights, offset, values)
          : job.type == SourceType::f16 ? error_of_run<SourceType::f16>(job, run, start, weights, offset, values)
                                        : error_of_run<SourceType::f32>(job, run, start, weights, offset, values);
      largest = fmax(largest, error);
    }
  }
  largest = warp_max(largest);
  // No magnitude is below 0: the order of bits is the order of values, and the largest does not depend on who came
  // last.
  if (threadIdx.x % 32 == 0 && largest > 0) {
    atomicMax(job.largest, static_cast<unsigned long long>(__double_as_longlong(largest)));
  }
}

}  // namespace nibble::cuda

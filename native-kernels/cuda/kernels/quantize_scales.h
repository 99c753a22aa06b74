#pragma once

// Double quantization: the mean of the scales, their codes, and what the new scales do to the error statistics.

#include "quantize_blocks.h"

namespace nibble::cuda {

/// Most threads of a block of the grid, unless a kernel says otherwise.
constexpr unsigned kMostThreads = 256;

/// float32 roundings of a block's sums, relative.
constexpr float kSlack = 1e-5f;

/// Scales that are added side by side: PyTorch's eight lanes of four rows.
constexpr unsigned kLanes = 8;
constexpr unsigned kRows = 4;
constexpr unsigned kGroup = kLanes * kRows;

/// Adds up every kGroup-th value from `at` on, in order. Loads come 32 at a time: one alone takes as long.
/// @tparam Bits of scale_bits, float32 where they are
template <typename Bits>
static __device__ __forceinline__ float sum_in_order(const Bits* at, SourceType type, std::uint64_t count) {
  float sum = 0;
  constexpr unsigned kLoads = 32;
  for (std::uint64_t i = 0; i < count; i += kLoads) {
    Bits values[kLoads];
#pragma unroll
    for (unsigned k = 0; k < kLoads; ++k) values[k] = i + k < count ? __ldcg(at + (i + k) * kGroup) : Bits{0};
#pragma unroll
    for (unsigned k = 0; k < kLoads; ++k) {
      if (i + k < count) sum += scale_of_bits(type, values[k]);
    }
  }
  return sum;
}

/// Adds up the scales in the order of mean_as_pytorch (cpu/quantize_nested.cpp). A warp is a group of 32 values: lane l
/// of it keeps its own sum. Groups are added in leaves of `step`, leaves in nodes of `step`, those again, and the rest
/// in order; so leaves and nodes can be added up apart without changing a bit.
///
/// A warp adds up one node; the last block of the grid adds up the nodes. blockDim.x is a multiple of 32, 96 or more.
static __device__ __forceinline__ void mean_of_scales(const MeanOfScales& job) {
  const unsigned lane = threadIdx.x % 32;
  const unsigned warp = threadIdx.x / 32;
  const unsigned warps = blockDim.x / 32;
  const std::uint64_t step = 1ull << job.power;
  const std::uint64_t groups = job.count < kLanes ? 0 : job.count / kLanes / kRows;
  const std::uint64_t leaves = groups / step;
  const std::uint64_t nodes = (leaves + step - 1) / step;
  const auto value_at = [&](std::uint64_t i) { return load_scale(job.values, job.type, i); };
  const auto sum_of_scales = [&](std::uint64_t group, std::uint64_t count) {
    const std::uint64_t at = group * kGroup + lane;
    if (job.type == SourceType::f32) {
      return sum_in_order(static_cast<const unsigned*>(job.values) + at, SourceType::f32, count);
    }
    return sum_in_order(static_cast<const unsigned short*>(job.values) + at, job.type, count);
  };
  const auto sum_of = [&](const float* from, std::uint64_t group, std::uint64_t count) {
    return sum_in_order(reinterpret_cast<const unsigned*>(from) + group * kGroup + lane, SourceType::f32, count);
  };

  for (std::uint64_t node = blockIdx.x * warps + warp; node < nodes; node += gridDim.x * warps) {
    const std::uint64_t first = node * step;
    const std::uint64_t end = smaller(leaves, first + step);
    float sum = 0;
    if (end <= job.summed) {
      sum = sum_of(job.leaf_sums, first, end - first);
    } else {
      for (std::uint64_t leaf = first; leaf < end; ++leaf) sum += sum_of_scales(leaf * step, step);
    }
    job.nodes[node * kGroup + lane] = sum;
  }
  if (!is_last_block(job.arrived)) return;

  // Nodes that are complete are folded once more; the last may not be.
  const float* sums = job.nodes;
  float* folded = job.nodes + nodes * kGroup;
  const std::uint64_t complete = leaves / step;
  const std::uint64_t upper = complete / step;
  for (std::uint64_t i = warp; i < upper; i += warps) {
    folded[i * kGroup + lane] = sum_of(sums, i * step, step);
  }
  // What is left on every level, each by another warp.
  __shared__ float levels[4][kGroup];
  if (warp == 0) levels[0][lane] = sum_of_scales(leaves * step, groups - leaves * step);
  if (warp == 1) levels[1][lane] = complete < nodes ? __ldcg(sums + complete * kGroup + lane) : 0.0f;
  if (warp == 2) levels[2][lane] = sum_of(sums, upper * step, complete - upper * step);
  __threadfence();
  __syncthreads();
  if (warp != 0) return;
  levels[3][lane] = sum_of(folded, 0, upper);
  float total = levels[0][lane] + levels[1][lane];
  total += levels[2][lane];
  total += levels[3][lane];

  // Vectors beyond the last whole group go to the first row.
  std::uint64_t done = groups * kGroup;
  if (job.count >= kLanes) {
    for (; done + kLanes <= job.count; done += kLanes) {
      if (lane < kLanes) total += value_at(done + lane);
    }
  }
  float row = total;
  for (unsigned i = 1; i < kRows; ++i) row += __shfl_sync(kAllLanes, total, lane % kLanes + i * kLanes);
  float rest = 0;
  if (job.count >= kLanes) {
    for (; done < job.count; ++done) rest += value_at(done);
    for (unsigned i = 0; i < kLanes; ++i) rest += __shfl_sync(kAllLanes, row, i);
  } else {
    // Fewer values than a vector has lanes are added one by one, in the same pattern of rows.
    float rows[kRows] = {0, 0, 0, 0};
    const auto count = static_cast<unsigned>(job.count);
    const unsigned whole = count / kRows * kRows;
    for (unsigned i = 0; i < whole; ++i) rows[i % kRows] += value_at(i);
    for (unsigned i = whole; i < count; ++i) rows[0] += value_at(i);
    for (unsigned i = 1; i < kRows; ++i) rows[0] += rows[i];
    rest += rows[0];
  }
  if (lane == 0) {
    *job.mean = __fdiv_rn(rest, static_cast<float>(job.count));
    *job.certain = 0;
    *job.largest = 0;
  }
}

/// Adding it, rounded towards zero, leaves the whole part of a number in the low bits: 2^23.
constexpr float kWhole = 8388608.0f;

/// No branch, which would keep the lookups of a lane's scales from running side by side.
static __device__ __forceinline__ unsigned code_of_step(const StepTables& tables, unsigned step) {
  const unsigned part = tables.parts[step / kPartSteps];
  unsigned code = (part & 0xffu) + (step % kPartSteps >= part >> 8);
  const unsigned dense = step - kFirstDense;
  asm volatile("{.reg .pred near; setp.lt.u32 near, %2, %3; @near ld.shared.u8 %0, [%1];}"
               : "+r"(code)
               : "r"(static_cast<unsigned>(__cvta_generic_to_shared(tables.dense)) + dense), "r"(dense),
                 "n"(kDenseSteps));
  return code;
}

constexpr unsigned kScalesPerLane = kNestedBlockSize / 32;

/// Eight neighbouring scales of a lane and their moments.
struct LaneScales {
  float absmax[kScalesPerLane];
  unsigned moments[kScalesPerLane];

  /// @param count scales of the run from this lane's first one on; where there are none, `offset` changes nothing
  __device__ __forceinline__ void load(const QuantizeScales& job, std::uint64_t first, std::uint64_t count,
                                       float offset) {
    // The last scale of all may be of an incomplete block.
    if (count > kScalesPerLane) {
      Weights<SourceType::f32, kScalesPerLane> sums;
      sums.load(job.moments + first);
#pragma unroll
      for (unsigned i = 0; i < kScalesPerLane; ++i) moments[i] = sums.word(i);
      if (job.type == SourceType::f32) {
        Weights<SourceType::f32, kScalesPerLane> scales;
        scales.load(static_cast<const float*>(job.absmax) + first);
#pragma unroll
        for (unsigned i = 0; i < kScalesPerLane; ++i) absmax[i] = scales.get(i);
        return;
      }
      Weights<SourceType::bf16, kScalesPerLane> scales;
      scales.load(static_cast<const unsigned short*>(job.absmax) + first);
#pragma unroll
      for (unsigned i = 0; i < kScalesPerLane; ++i) {
        if (job.type == SourceType::bf16) absmax[i] = scales.get(i);
      }
      if (job.type == SourceType::bf16) return;
#pragma unroll
      for (unsigned i = 0; i < kScalesPerLane; ++i) {
        absmax[i] = scale_of_bits(SourceType::f16, scales.word(i / 2) >> i % 2 * 16 & 0xffffu);
      }
      return;
    }
#pragma unroll
    for (unsigned i = 0; i < kScalesPerLane; ++i) {
      absmax[i] = i < count ? load_scale(job.absmax, job.type, first + i) : offset;
      moments[i] = i < count ? job.moments[first + i] : 0;
    }
  }
};

/// A warp quantizes runs of 256 scales, eight to a lane.
static __device__ __forceinline__ void quantize_scales(const QuantizeScales& job) {
  __shared__ float map[256];
  __shared__ alignas(16) StepTables steps;
  for (unsigned i = threadIdx.x; i < 256; i += blockDim.x) map[i] = job.map[i];
  // 16 bytes at a time, all on their way at once: a block of the grid waits for them before it begins.
  constexpr unsigned kQuads = sizeof(StepTables) / sizeof(uint4);
  static_assert(sizeof(StepTables) % sizeof(uint4) == 0);
#pragma unroll
  for (unsigned base = 0; base < kQuads; base += kMostThreads) {
    const unsigned i = base + threadIdx.x;
    if (i < kQuads) reinterpret_cast<uint4*>(&steps)[i] = reinterpret_cast<const uint4*>(job.steps)[i];
  }
  __syncthreads();
  const unsigned lane = threadIdx.x % 32;
  const auto runs = static_cast<unsigned>((job.blocks + kNestedBlockSize - 1) / kNestedBlockSize);
  const unsigned stride = gridDim.x * (blockDim.x / 32);
  const float offset = *job.offset;
  float certain = 0;
  ThreadSums sums;
  // From the end: what was written last is still in the cache.
  for (unsigned back = blockIdx.x * (blockDim.x / 32) + threadIdx.x / 32; back < runs; back += stride) {
    const unsigned run = runs - 1 - back;
    const std::uint64_t first = static_cast<std::uint64_t>(run) * kNestedBlockSize + lane * kScalesPerLane;
    const std::uint64_t count = first < job.blocks ? job.blocks - first : 0;
    LaneScales scales;
    scales.load(job, first, count, offset);
    const std::uint64_t first_error = static_cast<std::uint64_t>(run) * job.run_errors;
    float error = 0;
    for (unsigned i = lane; i < job.run_errors && first_error + i < job.all_errors; i += 32) {
      error = fmaxf(error, job.errors[first_error + i]);
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
    const float inverse = __frcp_rn(largest);
    // The sums are in units of the run's largest scale: float32 neither over- nor underflows.
    const float per_reference = __frcp_rn(reference);
    float errors = 0, dots = 0, squares = 0, drift_bound = 0;
    unsigned packed[2] = {0, 0};
#pragma unroll
    for (unsigned i = 0; i < kScalesPerLane; ++i) {
      // 0 * infinity, in a run of equal scales, is no number; the comparison sends it to code 0.
      float position = (scales.absmax[i] - offset) * inverse;
      position = position > -1.0f ? fminf(position, 1.0f) : -1.0f;
      const float whole = __fadd_rz((position + 1.0f) * 0.5f * 65535.0f + 0.5f, kWhole);
      const unsigned code = code_of_step(steps, __float_as_uint(whole) & 0xffffu);
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
  finish_reduction(job.reduction, sums);
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

#pragma once

// Adds up error sums over a grid in an order that depends on the grid's size alone.

#include "weights.h"

namespace nibble::cuda {

/// What one thread adds up over its blocks.
struct ThreadSums {
  double error_squares = 0;
  double error_values = 0;
  double value_squares = 0;
  float max_error = 0;

  /// @param unit weights are (u + e) * unit
  __device__ __forceinline__ void add(float unit, float ee, float eu, float uu) {
    const double squared = static_cast<double>(unit) * unit;
    error_squares = __fma_rn(squared, static_cast<double>(ee), error_squares);
    error_values = __fma_rn(squared, static_cast<double>(eu), error_values);
    value_squares = __fma_rn(squared, static_cast<double>(uu), value_squares);
  }
};

static __device__ __forceinline__ double warp_sum(double value) {
  for (unsigned mask = 16; mask > 0; mask /= 2) value += __shfl_xor_sync(kAllLanes, value, mask);
  return value;
}

static __device__ __forceinline__ double warp_max(double value) {
  for (unsigned mask = 16; mask > 0; mask /= 2) value = fmax(value, __shfl_xor_sync(kAllLanes, value, mask));
  return value;
}

/// True in every thread of the last block of the grid that comes here. What other blocks wrote before is then visible.
static __device__ __forceinline__ bool is_last_block(unsigned* arrived) {
  __shared__ bool last;
  __threadfence();
  __syncthreads();
  if (threadIdx.x == 0) {
    last = atomicAdd(arrived, 1u) == gridDim.x - 1;
    if (last) *arrived = 0;
  }
  __syncthreads();
  __threadfence();
  return last;
}

/// Sums of a thread block, in thread 0. Every thread of the block calls it.
static __device__ __forceinline__ Sums block_sums(double ee, double eu, double uu, double largest) {
  __shared__ Sums warps[32];
  const unsigned lane = threadIdx.x % 32;
  const unsigned warp = threadIdx.x / 32;
  const Sums sums{warp_sum(ee), warp_sum(eu), warp_sum(uu), warp_max(largest)};
  __syncthreads();
  if (lane == 0) warps[warp] = sums;
  __syncthreads();
  Sums total = warps[0];
  if (threadIdx.x == 0) {
    for (unsigned i = 1; i < blockDim.x / 32; ++i) {
      total.error_squares += warps[i].error_squares;
      total.error_values += warps[i].error_values;
      total.value_squares += warps[i].value_squares;
      total.max_error = fmax(total.max_error, warps[i].max_error);
    }
  }
  return total;
}

/// Ends a kernel: adds up the sums of all blocks. Every thread calls it once. A call, not a copy in every kernel: that
/// halves the time to compile.
static __device__ __noinline__ void finish_reduction(BlockReduction reduction, ThreadSums sums) {
  const Sums mine = block_sums(sums.error_squares, sums.error_values, sums.value_squares, sums.max_error);
  if (threadIdx.x == 0) reduction.partials[blockIdx.x] = mine;
  if (!is_last_block(reduction.arrived)) return;
  Sums total{0, 0, 0, 0};
  for (unsigned i = threadIdx.x; i < gridDim.x; i += blockDim.x) {
    const volatile Sums& part = reduction.partials[i];
    total.error_squares += part.error_squares;
    total.error_values += part.error_values;
    total.value_squares += part.value_squares;
    total.max_error = fmax(total.max_error, part.max_error);
  }
  total = block_sums(total.error_squares, total.error_values, total.value_squares, total.max_error);
  if (threadIdx.x == 0) {
    *reduction.result = total;
    if (reduction.cleared != nullptr) *reduction.cleared = {0, 0, 0, 0};
  }
}

}  // namespace nibble::cuda

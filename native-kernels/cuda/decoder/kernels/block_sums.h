#pragma once

// Sums and maxima over the threads of a block.

namespace nibble::cuda {

__device__ __forceinline__ float warp_sum(float value) {
#pragma unroll
  for (int offset = 16; offset != 0; offset >>= 1) value += __shfl_xor_sync(~0u, value, offset);
  return value;
}

__device__ __forceinline__ float warp_max(float value) {
#pragma unroll
  for (int offset = 16; offset != 0; offset >>= 1) value = fmaxf(value, __shfl_xor_sync(~0u, value, offset));
  return value;
}

/// The sum of `sum` and the maximum of `maximum` over all threads, given to all. `room` holds two floats per warp, and
/// is free again after the next barrier.
__device__ __forceinline__ void block_sum_and_max(float& sum, float& maximum, float2* room) {
  const unsigned warps = blockDim.x / 32;
  const float2 mine = make_float2(warp_sum(sum), warp_max(maximum));
  if (threadIdx.x % 32 == 0) room[threadIdx.x / 32] = mine;
  __syncthreads();
  sum = 0;
  maximum = 0;
  for (unsigned warp = 0; warp < warps; ++warp) {
    sum += room[warp].x;
    maximum = fmaxf(maximum, room[warp].y);
  }
}

}  // namespace nibble::cuda

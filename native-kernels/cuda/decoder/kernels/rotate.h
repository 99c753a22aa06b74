#pragma once

// Heads on their way into attention: RMS norm where the model has one, then the rotation.

#include "arguments.h"
#include "block_sums.h"
#include "tensor_core.h"

namespace nibble::cuda {

constexpr unsigned kMaxHeadDim = 256;
/// Most heads are no larger: kernels for them ask for half of the shared memory.
constexpr unsigned kNarrowHeadDim = 128;

__device__ __forceinline__ float capped(const AttentionShape& shape, float score) {
  return shape.softcap == 0 ? score : shape.softcap * tanhf(score / shape.softcap);
}

/// Copies a head to `to`, normalized and rotated. Called by a whole warp; `to` is ready after __syncwarp().
__device__ __forceinline__ void prepare_head(const AttentionShape& shape, const float* from, const float* norm,
                                             float position, float* to) {
  const unsigned lane = threadIdx.x % 32;
  float factor = 1.0f;
  if (norm != nullptr) {
    float squares = 0;
    for (unsigned i = lane; i < shape.head_dim; i += 32) squares += from[i] * from[i];
    factor = 1.0f / sqrtf(warp_sum(squares) / static_cast<float>(shape.head_dim) + shape.epsilon);
  }
  const auto element = [&](unsigned i) { return norm == nullptr ? from[i] : from[i] * factor * norm[i]; };
  for (unsigned i = lane; i < shape.rotary_pairs; i += 32) {
    // The angle is rounded to float32 first, as in transformers.
    const float angle = position * shape.frequency[i];
    float sine;
    float cosine;
    sincosf(angle, &sine, &cosine);
    sine *= shape.rotary_scaling;
    cosine *= shape.rotary_scaling;
    const float a = element(i);
    const float b = element(i + shape.rotary_pairs);
    to[i] = a * cosine - b * sine;
    to[i + shape.rotary_pairs] = b * cosine + a * sine;
  }
  for (unsigned i = 2 * shape.rotary_pairs + lane; i < shape.head_dim; i += 32) to[i] = element(i);
}

__device__ __forceinline__ std::uint64_t cache_index(const AttentionShape& shape, unsigned position, unsigned kv_head) {
  return (std::uint64_t{position} * shape.kv_heads + kv_head) * shape.head_dim;
}

/// One block per token, one warp per head.
__device__ __forceinline__ void rotate_rows(const RotateRows& job) {
  __shared__ float room[kMatrixThreads / 32][kMaxHeadDim];
  const AttentionShape& shape = job.shape;
  const unsigned warp = threadIdx.x / 32;
  const unsigned lane = threadIdx.x % 32;
  const unsigned token = blockIdx.x;
  const unsigned position = job.position + token;
  const unsigned all = shape.heads + 2 * shape.kv_heads;
  const float* row = job.qkv + std::uint64_t{token} * all * shape.head_dim;
  for (unsigned head = warp; head < all; head += kMatrixThreads / 32) {
    const float* from = row + head * shape.head_dim;
    __half* to;
    float* mine = room[warp];
    if (head < shape.heads) {
      prepare_head(shape, from, shape.q_norm, static_cast<float>(position), mine);
      to = static_cast<__half*>(job.queries) + (std::uint64_t{token} * shape.heads + head) * shape.head_dim;
    } else if (head < shape.heads + shape.kv_heads) {
      prepare_head(shape, from, shape.k_norm, static_cast<float>(position), mine);
      to = static_cast<__half*>(shape.keys) + cache_index(shape, position, head - shape.heads);
    } else {
      for (unsigned i = lane; i < shape.head_dim; i += 32) mine[i] = from[i];
      to = static_cast<__half*>(shape.values) + cache_index(shape, position, head - shape.heads - shape.kv_heads);
    }
    __syncwarp();
    for (unsigned i = lane; i < shape.head_dim; i += 32) to[i] = __float2half_rn(mine[i]);
    __syncwarp();
  }
}

}  // namespace nibble::cuda

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

/// What brings a head to a root mean square of 1. Called by a whole warp.
__device__ __forceinline__ float head_factor(const AttentionShape& shape, const float* head) {
  float squares = 0;
  for (unsigned i = threadIdx.x % 32; i < shape.head_dim; i += 32) squares += head[i] * head[i];
  return 1.0f / sqrtf(warp_sum(squares) / static_cast<float>(shape.head_dim) + shape.epsilon);
}

/// Copies a head to `to`, normalized and rotated. Called by a whole warp; `to` is ready after __syncwarp().
__device__ __forceinline__ void prepare_head(const AttentionShape& shape, const float* from, const float* norm,
                                             float position, float* to) {
  const unsigned lane = threadIdx.x % 32;
  const bool first = norm != nullptr && !shape.norms_rotated;
  const float factor = first ? head_factor(shape, from) : 1.0f;
  const auto element = [&](unsigned i) { return first ? from[i] * factor * norm[i] : from[i]; };
  for (unsigned i = lane; i < shape.rotary_pairs; i += 32) {
    // The angle is rounded to float32 first, as in transformers.
    const float angle = position * shape.frequency[i];
    float sine;
    float cosine;
    sincosf(angle, &sine, &cosine);
    sine *= shape.rotary_scaling;
    cosine *= shape.rotary_scaling;
    const unsigned at = shape.interleaved ? 2 * i : i;
    const unsigned pair = shape.interleaved ? at + 1 : at + shape.rotary_pairs;
    const float a = element(at);
    const float b = element(pair);
    to[at] = a * cosine - b * sine;
    to[pair] = b * cosine + a * sine;
  }
  for (unsigned i = 2 * shape.rotary_pairs + lane; i < shape.head_dim; i += 32) to[i] = element(i);
  if (norm == nullptr || first) return;
  __syncwarp();
  const float behind = head_factor(shape, to);
  for (unsigned i = lane; i < shape.head_dim; i += 32) to[i] *= behind * norm[i];
}

/// The factor of queries at a position.
__device__ __forceinline__ float query_growth(const AttentionShape& shape, float position) {
  if (shape.temperature == 0) return 1.0f;
  const float passed = floorf((position + shape.temperature_offset) / shape.temperature_length);
  return 1.0f + shape.temperature * logf(1.0f + passed);
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
  const unsigned all = shape.heads + (shape.reads_others ? 0 : 2 * shape.kv_heads);
  const float* row = job.qkv + std::uint64_t{token} * all * shape.head_dim;
  for (unsigned head = warp; head < all; head += kMatrixThreads / 32) {
    const float* from = row + head * shape.head_dim;
    __half* to;
    float* mine = room[warp];
    float factor = 1;
    if (head < shape.heads) {
      prepare_head(shape, from, shape.q_norm, static_cast<float>(position), mine);
      factor = query_growth(shape, static_cast<float>(position));
      to = static_cast<__half*>(job.queries) + (std::uint64_t{token} * shape.heads + head) * shape.head_dim;
    } else if (head < shape.heads + shape.kv_heads) {
      prepare_head(shape, from, shape.k_norm, static_cast<float>(position), mine);
      to = static_cast<__half*>(shape.keys) + cache_index(shape, position, head - shape.heads);
    } else {
      if (shape.normalizes_values) factor = head_factor(shape, from);
      for (unsigned i = lane; i < shape.head_dim; i += 32) mine[i] = from[i];
      to = static_cast<__half*>(shape.values) + cache_index(shape, position, head - shape.heads - shape.kv_heads);
    }
    __syncwarp();
    for (unsigned i = lane; i < shape.head_dim; i += 32) to[i] = __float2half_rn(mine[i] * factor);
    __syncwarp();
  }
}

}  // namespace nibble::cuda

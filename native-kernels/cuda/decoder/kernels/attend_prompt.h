#pragma once

// Many tokens attend to the cache: 64 queries of a head in a block, 64 keys (of wide heads 32) at a time, the softmax
// carried along (Dao et al., "FlashAttention", 2022), so that scores never leave the registers.

#include "rotate.h"

namespace nibble::cuda {

/// @tparam dim of a head, rounded up to 32, 64, 96, 128 or 256; what is beyond the head's own is zeros
template <unsigned dim>
struct PromptRoom {
  __half keys[kPromptKeys<dim>][dim + 8];
  __half values[kPromptKeys<dim>][dim + 8];
};

template <unsigned dim>
__device__ __forceinline__ void load_rows(__half (&to)[kPromptKeys<dim>][dim + 8], const void* cache,
                                          const AttentionShape& shape, unsigned kv_head, unsigned first, unsigned end) {
  constexpr unsigned kPieces = dim / 8;
  for (unsigned i = threadIdx.x; i < kPromptKeys<dim> * kPieces; i += kPromptThreads) {
    const unsigned key = i / kPieces;
    const unsigned at = i % kPieces * 8;
    const bool valid = first + key < end && at < shape.head_dim;
    copy_ahead(&to[key][at],
               static_cast<const __half*>(cache) + (valid ? cache_index(shape, first + key, kv_head) + at : 0), valid);
  }
}

template <unsigned dim>
__device__ __forceinline__ void attend_prompt(const AttendPrompt& job) {
  constexpr unsigned kKeys = kPromptKeys<dim>;
  __shared__ __align__(16) PromptRoom<dim> room;
  const AttentionShape& shape = job.shape;
  const unsigned warp = threadIdx.x / 32;
  const unsigned lane = threadIdx.x % 32;
  const unsigned g = lane / 4;
  const unsigned t = lane % 4;
  const unsigned head = blockIdx.y;
  const unsigned kv_head = head / (shape.heads / shape.kv_heads);
  const unsigned first_token = blockIdx.x * kPromptRows + warp * 16;
  // Rows g and g + 8 of the warp's 16 queries.
  const unsigned tokens[2] = {first_token + g, first_token + g + 8};

  unsigned query[dim / 16][4];
#pragma unroll
  for (unsigned k = 0; k < dim / 16; ++k) {
#pragma unroll
    for (unsigned i = 0; i < 4; ++i) {
      const unsigned token = tokens[i % 2];
      const unsigned at = k * 16 + i / 2 * 8 + t * 2;
      const bool valid = token < job.tokens && at < shape.head_dim;
      query[k][i] =
          valid ? *reinterpret_cast<const unsigned*>(static_cast<const __half*>(job.queries) +
                                                     (std::uint64_t{token} * shape.heads + head) * shape.head_dim + at)
                : 0;
    }
  }

  const unsigned block_first = job.position + blockIdx.x * kPromptRows;
  const unsigned end = min(block_first + kPromptRows, job.position + job.tokens);
  const unsigned start = shape.window != 0 && block_first + 1 > shape.window ? block_first + 1 - shape.window : 0;
  float out[dim / 8][4] = {};
  float largest[2] = {-INFINITY, -INFINITY};
  float sum[2] = {0, 0};
  for (unsigned first = start / kKeys * kKeys; first < end; first += kKeys) {
    __syncthreads();
    load_rows<dim>(room.keys, shape.keys, shape, kv_head, first, end);
    load_rows<dim>(room.values, shape.values, shape, kv_head, first, end);
    wait_for_copies();
    __syncthreads();

    float scores[kKeys / 8][4] = {};
#pragma unroll
    for (unsigned k = 0; k < dim / 16; ++k) {
#pragma unroll
      for (unsigned n = 0; n < kKeys / 16; ++n) {
        unsigned b[4];
        load_tiles(b, &room.keys[n * 16 + lane / 16 * 8 + lane % 8][k * 16 + lane / 8 % 2 * 8]);
        multiply_fragments(scores[2 * n], query[k][0], query[k][1], query[k][2], query[k][3], b[0], b[1]);
        multiply_fragments(scores[2 * n + 1], query[k][0], query[k][1], query[k][2], query[k][3], b[2], b[3]);
      }
    }
    float now[2] = {largest[0], largest[1]};
#pragma unroll
    for (unsigned n = 0; n < kKeys / 8; ++n) {
#pragma unroll
      for (unsigned i = 0; i < 4; ++i) {
        const unsigned key = first + n * 8 + t * 2 + i % 2;
        const unsigned position = job.position + tokens[i / 2];
        const bool seen = key <= position && (shape.window == 0 || key + shape.window > position);
        scores[n][i] = seen ? capped(shape, scores[n][i] * shape.scale) : -INFINITY;
        now[i / 2] = fmaxf(now[i / 2], scores[n][i]);
      }
    }
    float keep[2];
#pragma unroll
    for (unsigned r = 0; r < 2; ++r) {
      now[r] = fmaxf(now[r], __shfl_xor_sync(~0u, now[r], 1));
      now[r] = fmaxf(now[r], __shfl_xor_sync(~0u, now[r], 2));
      keep[r] = now[r] == -INFINITY ? 0.0f : __expf(largest[r] - now[r]);
      largest[r] = now[r];
      sum[r] *= keep[r];
    }
#pragma unroll
    for (unsigned n = 0; n < kKeys / 8; ++n) {
#pragma unroll
      for (unsigned i = 0; i < 4; ++i) {
        const float weight = now[i / 2] == -INFINITY ? 0.0f : __expf(scores[n][i] - now[i / 2]);
        scores[n][i] = weight;
        sum[i / 2] += weight;
      }
    }
#pragma unroll
    for (unsigned n = 0; n < dim / 8; ++n) {
#pragma unroll
      for (unsigned i = 0; i < 4; ++i) out[n][i] *= keep[i / 2];
    }
#pragma unroll
    for (unsigned k = 0; k < kKeys / 16; ++k) {
      const unsigned a[4] = {bits_of(__floats2half2_rn(scores[2 * k][0], scores[2 * k][1])),
                             bits_of(__floats2half2_rn(scores[2 * k][2], scores[2 * k][3])),
                             bits_of(__floats2half2_rn(scores[2 * k + 1][0], scores[2 * k + 1][1])),
                             bits_of(__floats2half2_rn(scores[2 * k + 1][2], scores[2 * k + 1][3]))};
#pragma unroll
      for (unsigned n = 0; n < dim / 16; ++n) {
        unsigned b[4];
        load_tiles_transposed(b, &room.values[k * 16 + lane % 16][n * 16 + lane / 16 * 8]);
        multiply_fragments(out[2 * n], a[0], a[1], a[2], a[3], b[0], b[1]);
        multiply_fragments(out[2 * n + 1], a[0], a[1], a[2], a[3], b[2], b[3]);
      }
    }
  }
#pragma unroll
  for (unsigned r = 0; r < 2; ++r) {
    sum[r] += __shfl_xor_sync(~0u, sum[r], 1);
    sum[r] += __shfl_xor_sync(~0u, sum[r], 2);
    float factor = 1.0f;
    if (shape.sinks != nullptr) {
      const float sink = shape.sinks[head];
      const float most = fmaxf(largest[r], sink);
      factor = __expf(largest[r] - most);
      sum[r] = sum[r] * factor + __expf(sink - most);
    }
    if (tokens[r] >= job.tokens) continue;
    __half* to = static_cast<__half*>(job.out) + (std::uint64_t{tokens[r]} * shape.heads + head) * shape.head_dim;
#pragma unroll
    for (unsigned n = 0; n < dim / 8; ++n) {
      const unsigned at = n * 8 + t * 2;
      if (at >= shape.head_dim) continue;
      *reinterpret_cast<unsigned*>(to + at) =
          bits_of(__floats2half2_rn(out[n][2 * r] * factor / sum[r], out[n][2 * r + 1] * factor / sum[r]));
    }
  }
}

}  // namespace nibble::cuda

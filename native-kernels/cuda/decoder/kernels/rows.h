#pragma once

// Embedding, norm, and the choice of the next token.

#include "arguments.h"
#include "block_sums.h"
#include "stored_weights.h"

namespace nibble::cuda {

/// A block per token.
__device__ __forceinline__ void embed_tokens(const EmbedTokens& job) {
  let_next_start();
  wait_for_input();
  const std::uint64_t from = static_cast<std::uint64_t>(job.ids[blockIdx.x]) * job.width;
  float* out = job.out + std::uint64_t{blockIdx.x} * job.width;
  for (unsigned i = threadIdx.x; i < job.width; i += blockDim.x) {
    if (job.format == Format::f32) {
      out[i] = static_cast<const float*>(job.table)[from + i];
    } else if (job.format == Format::f16) {
      out[i] = __half2float(static_cast<const __half*>(job.table)[from + i]);
    } else {
      out[i] = low_bf16(static_cast<const unsigned short*>(job.table)[from + i]);
    }
  }
}

/// A block per token.
__device__ __forceinline__ void normalize_rows(const NormalizeRows& job) {
  __shared__ float2 room[kMatrixThreads / 32];
  const float* x = job.x + std::uint64_t{blockIdx.x} * job.width;
  auto* out = static_cast<__half*>(job.out) + std::uint64_t{blockIdx.x} * job.width;
  float squares = 0;
  float unused = 0;
  for (unsigned i = threadIdx.x; i < job.width; i += blockDim.x) squares += x[i] * x[i];
  block_sum_and_max(squares, unused, room);
  const float factor = 1.0f / sqrtf(squares / static_cast<float>(job.width) + job.epsilon);
  for (unsigned i = threadIdx.x; i < job.width; i += blockDim.x) {
    out[i] = __float2half_rn(limit(x[i] * factor * job.weight[i]));
  }
}

/// The better of two candidates: of equal logits the lower id. NaN wins, so that it is seen.
__device__ __forceinline__ bool is_better(float logit, int id, float than, int than_id) {
  if (isnan(than)) return false;
  return isnan(logit) || logit > than || (logit == than && id < than_id);
}

/// The largest logit, its id, and the sum of exponentials relative to it.
struct Candidate {
  float logit;
  int id;
  float sum;
};

__device__ __forceinline__ Candidate join_candidates(const Candidate& a, const Candidate& b) {
  const bool first = !is_better(b.logit, b.id, a.logit, a.id);
  const Candidate& best = first ? a : b;
  const Candidate& other = first ? b : a;
  const float factor = other.logit == -INFINITY ? 0.0f : expf(other.logit - best.logit);
  return {best.logit, best.id, best.sum + other.sum * factor};
}

__device__ __forceinline__ Candidate join_warp(Candidate mine) {
#pragma unroll
  for (int offset = 16; offset != 0; offset >>= 1) {
    const Candidate other{__shfl_xor_sync(~0u, mine.logit, offset), __shfl_xor_sync(~0u, mine.id, offset),
                          __shfl_xor_sync(~0u, mine.sum, offset)};
    mine = join_candidates(mine, other);
  }
  return mine;
}

/// Joins the candidates of all threads; thread 0 has the outcome.
__device__ __forceinline__ Candidate join_block(Candidate mine, Candidate* room) {
  mine = join_warp(mine);
  if (threadIdx.x % 32 == 0) room[threadIdx.x / 32] = mine;
  __syncthreads();
  if (threadIdx.x < 32) {
    mine = threadIdx.x < blockDim.x / 32 ? room[threadIdx.x] : Candidate{-INFINITY, 0x7fffffff, 0};
    mine = join_warp(mine);
  }
  return mine;
}

__device__ __forceinline__ void choose_token(const ChooseToken& job) {
  __shared__ Candidate room[kChooseThreads / 32];
  __shared__ bool is_last;
  let_next_start();
  wait_for_input();
  const unsigned share = (job.vocabulary + gridDim.x - 1) / gridDim.x;
  const unsigned begin = min(blockIdx.x * share, job.vocabulary);
  const unsigned end = min(begin + share, job.vocabulary);
  Candidate mine{-INFINITY, 0x7fffffff, 0};
  for (unsigned i = begin + threadIdx.x; i < end; i += blockDim.x) {
    mine = join_candidates(mine, {job.logits[i], static_cast<int>(i), 1.0f});
  }
  mine = join_block(mine, room);
  if (threadIdx.x == 0) {
    job.partials[blockIdx.x * 3] = mine.logit;
    job.partials[blockIdx.x * 3 + 1] = __int_as_float(mine.id);
    job.partials[blockIdx.x * 3 + 2] = mine.sum;
    __threadfence();
    is_last = atomicAdd(job.arrived, 1) == gridDim.x - 1;
  }
  __syncthreads();
  if (!is_last) return;
  __threadfence();
  const volatile float* partials = job.partials;
  mine = {-INFINITY, 0x7fffffff, 0};
  if (threadIdx.x < gridDim.x) {
    mine = {partials[threadIdx.x * 3], __float_as_int(partials[threadIdx.x * 3 + 1]), partials[threadIdx.x * 3 + 2]};
  }
  mine = join_block(mine, room);
  if (threadIdx.x != 0) return;
  *job.arrived = 0;
  const unsigned step = job.state->step + 1;
  const bool is_number =
      mine.id >= 0 && mine.id < static_cast<int>(job.vocabulary) && isfinite(mine.logit) && isfinite(mine.sum);
  job.state->step = step;
  job.state->token = is_number ? mine.id : 0;
  job.state->position += 1;
  volatile StepResult* result = job.results + step % kResults;
  result->token = is_number ? mine.id : 0;
  result->logprob = is_number ? -logf(mine.sum) : NAN;
  __threadfence_system();
  result->step = step;
}

}  // namespace nibble::cuda

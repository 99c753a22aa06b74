#pragma once

// Mixtures of experts: routing, and products with chosen matrices.

#include "multiply_matrix.h"
#include "multiply_vector.h"
#include "rows.h"

namespace nibble::cuda {

/// A block per token.
__device__ __forceinline__ void route_tokens(const RouteTokens& job) {
  __shared__ float scores[kMostExperts];
  __shared__ float ranks[kMostExperts];
  __shared__ float2 room[kMatrixThreads / 32];
  __shared__ Candidate candidates[kMatrixThreads / 32];
  __shared__ float weights[kMostChosen];
  let_next_start();
  wait_for_input();
  const float* logits = row_of(job.logits);
  float largest = -INFINITY;
  float unused = 0;
  for (unsigned i = threadIdx.x; i < job.experts; i += blockDim.x) largest = fmaxf(largest, logits[i]);
  block_sum_and_max(unused, largest, room);
  float sum = 0;
  for (unsigned i = threadIdx.x; i < job.experts; i += blockDim.x) {
    const float score = job.sigmoid ? 1.0f / (1.0f + expf(-logits[i])) : expf(logits[i] - largest);
    scores[i] = score;
    sum += score;
  }
  __syncthreads();
  float no_maximum = 0;
  block_sum_and_max(sum, no_maximum, room);
  for (unsigned i = threadIdx.x; i < job.experts; i += blockDim.x) {
    if (!job.sigmoid) scores[i] /= sum;
    const float rank = scores[i] + (job.correction == nullptr ? 0.0f : job.correction[i]);
    ranks[i] = isnan(rank) ? -INFINITY : rank;
  }
  int* ids = job.ids + std::uint64_t{blockIdx.x} * job.chosen;
  for (unsigned choice = 0; choice < job.chosen; ++choice) {
    __syncthreads();
    // Of equal ones the first; what was chosen has no rank any more.
    Candidate mine{-INFINITY, 0x7fffffff, 0};
    for (unsigned i = threadIdx.x; i < job.experts; i += blockDim.x) {
      if (!isnan(ranks[i]) &&
          (mine.id == 0x7fffffff || is_better(ranks[i], static_cast<int>(i), mine.logit, mine.id))) {
        mine = {ranks[i], static_cast<int>(i), 0};
      }
    }
    for (int offset = 16; offset != 0; offset >>= 1) {
      const float rank = __shfl_xor_sync(~0u, mine.logit, offset);
      const int id = __shfl_xor_sync(~0u, mine.id, offset);
      if (rank > mine.logit || (rank == mine.logit && id < mine.id)) mine = {rank, id, 0};
    }
    if (threadIdx.x % 32 == 0) candidates[threadIdx.x / 32] = mine;
    __syncthreads();
    if (threadIdx.x == 0) {
      for (unsigned warp = 1; warp < blockDim.x / 32; ++warp) {
        const Candidate& other = candidates[warp];
        if (other.logit > mine.logit || (other.logit == mine.logit && other.id < mine.id)) mine = other;
      }
      ids[choice] = mine.id;
      weights[choice] = scores[mine.id];
      ranks[mine.id] = NAN;
    }
  }
  if (threadIdx.x != 0) return;
  float total = 0;
  for (unsigned choice = 0; choice < job.chosen; ++choice) total += weights[choice];
  const float divisor = job.normalized ? fmaxf(total, job.least_sum) + job.sum_epsilon : 1.0f;
  for (unsigned choice = 0; choice < job.chosen; ++choice) {
    const float own = job.expert_scales == nullptr ? 1.0f : job.expert_scales[ids[choice]];
    job.weights[std::uint64_t{blockIdx.x} * job.chosen + choice] = weights[choice] / divisor * job.scale * own;
  }
}

/// One block; a warp takes an expert at a time.
__device__ __forceinline__ void sort_choices(const SortChoices& job) {
  __shared__ int counts[kMostExperts + 1];
  const unsigned warp = threadIdx.x / 32;
  const unsigned lane = threadIdx.x % 32;
  const auto each_match = [&](unsigned expert, const auto& found) {
    int before = 0;
    for (unsigned base = 0; base < job.count; base += 32) {
      const unsigned at = base + lane;
      const bool matches = at < job.count && job.ids[at] == static_cast<int>(expert);
      const unsigned mask = __ballot_sync(~0u, matches);
      if (matches) found(at, before + __popc(mask & ((1u << lane) - 1)));
      before += __popc(mask);
    }
    return before;
  };
  for (unsigned expert = warp; expert < job.experts; expert += kSortThreads / 32) {
    const int count = each_match(expert, [](unsigned, int) {});
    if (lane == 0) counts[expert] = count;
  }
  __syncthreads();
  if (threadIdx.x == 0) {
    int start = 0;
    for (unsigned expert = 0; expert < job.experts; ++expert) {
      const int count = counts[expert];
      counts[expert] = start;
      job.starts[expert] = start;
      start += count;
    }
    job.starts[job.experts] = start;
  }
  __syncthreads();
  for (unsigned expert = warp; expert < job.experts; expert += kSortThreads / 32) {
    const int start = counts[expert];
    each_match(expert, [&](unsigned at, int index) {
      job.order[start + index] = static_cast<int>(at);
      job.positions[at] = start + index;
    });
  }
}

template <Format format>
__device__ __forceinline__ void multiply_vector_experts(const MultiplyVectorExperts& job) {
  let_next_start();
  wait_for_input();
  MultiplyVector own = job.products;
  const Matrix* matrices = job.matrices + job.ids[blockIdx.y] * kExpertMatrices + job.first;
  own.matrices[0] = matrices[0];
  if (own.outcome == Outcome::gated) own.matrices[1] = matrices[1];
  own.x += blockIdx.y * job.x_stride;
  own.out += blockIdx.y * job.out_stride;
  multiply_vector<format>(own);
}

template <Format format>
__device__ __forceinline__ void multiply_matrix_experts(const MultiplyMatrixExperts& job) {
  const int start = job.starts[blockIdx.z];
  const auto tokens = static_cast<unsigned>(job.starts[blockIdx.z + 1] - start);
  if (blockIdx.y * kTileTokens >= tokens) return;
  MultiplyMatrix own = job.products;
  const Matrix* matrices = job.matrices + blockIdx.z * kExpertMatrices + job.first;
  own.matrices[0] = matrices[0];
  if (own.outcome == Outcome::gated) own.matrices[1] = matrices[1];
  own.tokens = tokens;
  const unsigned columns = own.matrices[0].columns;
  if (own.outcome == Outcome::gated) {
    own.gated = static_cast<__half*>(own.gated) + std::uint64_t(start) * own.matrices[0].rows;
  } else {
    own.out += std::uint64_t(start) * own.out_stride;
  }
  if (job.chosen == 0) {
    own.x = static_cast<const __half*>(own.x) + std::uint64_t(start) * columns;
    multiply_matrix<format>(own);
  } else {
    multiply_matrix<format>(own,
                            [&](unsigned row) { return static_cast<unsigned>(job.order[start + row]) / job.chosen; });
  }
}

/// Blocks in x share the columns of the token in y.
__device__ __forceinline__ void join_experts(const JoinExperts& job) {
  let_next_start();
  wait_for_input();
  const std::uint64_t token = blockIdx.y;
  for (unsigned i = blockIdx.x * blockDim.x + threadIdx.x; i < job.width; i += gridDim.x * blockDim.x) {
    float sum = 0;
    for (unsigned choice = 0; choice < job.chosen; ++choice) {
      const std::uint64_t at = token * job.chosen + choice;
      const std::uint64_t row = job.positions == nullptr ? at : static_cast<std::uint64_t>(job.positions[at]);
      sum += job.weights[at] * job.products[row * job.width + i];
    }
    job.out[token * job.width + i] = sum;
  }
}

}  // namespace nibble::cuda

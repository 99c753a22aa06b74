#pragma once

// Mixtures of experts: routing, and products with chosen matrices.

#include "multiply_matrix.h"
#include "multiply_vector.h"
#include "rows.h"

namespace nibble::cuda {

/// Takes their ranks from the experts of all groups but the best.
__device__ __forceinline__ void leave_groups(const Routing& job, float* ranks) {
  __shared__ float values[kMostGroups];
  const unsigned size = job.experts / job.groups;
  for (unsigned group = threadIdx.x; group < job.groups; group += blockDim.x) {
    float best = -INFINITY;
    float second = -INFINITY;
    for (unsigned i = group * size; i < (group + 1) * size; ++i) {
      second = fmaxf(second, fminf(best, ranks[i]));
      best = fmaxf(best, ranks[i]);
    }
    values[group] = job.two_best ? best + second : best;
  }
  __syncthreads();
  for (unsigned i = threadIdx.x; i < job.experts; i += blockDim.x) {
    const unsigned own = i / size;
    unsigned before = 0;
    for (unsigned group = 0; group < job.groups; ++group) {
      before += values[group] > values[own] || (values[group] == values[own] && group < own) ? 1 : 0;
    }
    if (before >= job.chosen_groups) ranks[i] = -INFINITY;
  }
  __syncthreads();
}

/// What experts are chosen by, the largest first. @param ranks [experts, rounded up to fours], shared
__device__ __forceinline__ void rank_experts(const Routing& job, const float* logits, float* ranks, float2* room) {
  const bool needs_softmax = !job.sigmoid && job.correction != nullptr;
  float largest = -INFINITY;
  float sum = 0;
  if (needs_softmax) {
    float unused = 0;
    for (unsigned i = threadIdx.x; i < job.experts; i += blockDim.x) largest = fmaxf(largest, logits[i]);
    block_sum_and_max(unused, largest, room);
    for (unsigned i = threadIdx.x; i < job.experts; i += blockDim.x) sum += expf(logits[i] - largest);
    float no_maximum = 0;
    block_sum_and_max(sum, no_maximum, room);
  }
  for (unsigned i = threadIdx.x; i < (job.experts + 3) / 4 * 4; i += blockDim.x) {
    float rank = -INFINITY;
    if (i < job.experts) {
      // Without a correction the softmax has the order of its logits.
      rank = job.sigmoid     ? 1.0f / (1.0f + expf(-logits[i]))
             : needs_softmax ? expf(logits[i] - largest) / sum
                             : logits[i];
      if (job.correction != nullptr) rank += job.correction[i];
      if (isnan(rank)) rank = -INFINITY;
    }
    ranks[i] = rank;
  }
  __syncthreads();
  if (job.groups > 0) leave_groups(job, ranks);
}

/// How many experts come before expert `i`: those of a larger rank, and of an equal one the earlier.
__device__ __forceinline__ unsigned place_of(const float* ranks, unsigned experts, unsigned i) {
  const float own = ranks[i];
  unsigned place = 0;
  for (unsigned at = 0; at < experts; at += 4) {
    const float4 four = *reinterpret_cast<const float4*>(ranks + at);
    const float others[4] = {four.x, four.y, four.z, four.w};
#pragma unroll
    for (unsigned j = 0; j < 4; ++j) {
      place += others[j] > own || (others[j] == own && at + j < i) ? 1 : 0;
    }
  }
  return place;
}

/// The weight of choice `lane` of a token, for a whole warp; 0 in the lanes behind.
__device__ __forceinline__ float weight_of_choice(const Routing& job, const float* logits, const int* ids) {
  static_assert(kMostChosen <= 32);
  const unsigned lane = threadIdx.x % 32;
  float largest = -INFINITY;
  float sum = 0;
  if (!job.sigmoid) {
    for (unsigned i = lane; i < job.experts; i += 32) largest = fmaxf(largest, logits[i]);
#pragma unroll
    for (int offset = 16; offset != 0; offset >>= 1) largest = fmaxf(largest, __shfl_xor_sync(~0u, largest, offset));
    for (unsigned i = lane; i < job.experts; i += 32) sum += expf(logits[i] - largest);
#pragma unroll
    for (int offset = 16; offset != 0; offset >>= 1) sum += __shfl_xor_sync(~0u, sum, offset);
  }
  float score = 0;
  int id = 0;
  if (lane < job.chosen) {
    id = ids[lane];
    score = job.sigmoid ? 1.0f / (1.0f + expf(-logits[id])) : expf(logits[id] - largest) / sum;
  }
  float total = score;
#pragma unroll
  for (int offset = 16; offset != 0; offset >>= 1) total += __shfl_xor_sync(~0u, total, offset);
  const float divisor = job.normalized ? fmaxf(total, job.least_sum) + job.sum_epsilon : 1.0f;
  const float own = job.expert_scales == nullptr || lane >= job.chosen ? 1.0f : job.expert_scales[id];
  return score / divisor * job.scale * own;
}

/// A block per token.
__device__ __forceinline__ void route_tokens(const Routing& job) {
  __shared__ __align__(16) float ranks[kMostExperts];
  __shared__ float2 room[kMatrixThreads / 32];
  let_next_start();
  wait_for_input();
  const float* logits = row_of(job.logits);
  int* ids = job.ids + std::uint64_t{blockIdx.x} * job.chosen;
  rank_experts(job, logits, ranks, room);
  for (unsigned i = threadIdx.x; i < job.experts; i += blockDim.x) {
    const unsigned place = place_of(ranks, job.experts, i);
    if (place < job.chosen) ids[place] = static_cast<int>(i);
  }
  __syncthreads();
  if (threadIdx.x >= 32) return;
  const float weight = weight_of_choice(job, logits, ids);
  if (threadIdx.x < job.chosen) job.weights[std::uint64_t{blockIdx.x} * job.chosen + threadIdx.x] = weight;
}

/// One block; a warp takes a part of the choices. Shared memory: [warps, experts] counts.
__device__ __forceinline__ void sort_choices(const SortChoices& job) {
  constexpr unsigned kWarps = kSortThreads / 32;
  extern __shared__ __align__(16) unsigned char memory[];
  __shared__ int starts[kMostExperts + 1];
  const unsigned warp = threadIdx.x / 32;
  const unsigned lane = threadIdx.x % 32;
  auto* const counts = reinterpret_cast<int*>(memory);
  int* const own = counts + warp * job.experts;
  const unsigned share = (job.count + kSortThreads - 1) / kSortThreads * 32;
  const unsigned begin = min(warp * share, job.count);
  const unsigned end = min(begin + share, job.count);
  for (unsigned i = threadIdx.x; i < kWarps * job.experts; i += kSortThreads) counts[i] = 0;
  __syncthreads();
  // Calls found(choice, expert, how many of the same expert the warp had before).
  const auto each_choice = [&](const auto& found) {
    for (unsigned base = begin; base < end; base += 32) {
      const unsigned at = base + lane;
      const int expert = at < end ? job.ids[at] : -1;
      const unsigned same = __match_any_sync(~0u, expert);
      const int before = expert < 0 ? 0 : own[expert];
      __syncwarp();
      if (expert >= 0) {
        if (lane == 31 - __clz(same)) own[expert] = before + __popc(same);
        found(at, expert, before + __popc(same & ((1u << lane) - 1)));
      }
      __syncwarp();
    }
  };
  each_choice([](unsigned, int, int) {});
  __syncthreads();
  for (unsigned expert = threadIdx.x; expert < job.experts; expert += kSortThreads) {
    int sum = 0;
    for (unsigned i = 0; i < kWarps; ++i) {
      const int count = counts[i * job.experts + expert];
      counts[i * job.experts + expert] = sum;
      sum += count;
    }
    starts[expert] = sum;
  }
  __syncthreads();
  if (threadIdx.x == 0) {
    int start = 0;
    unsigned tile = 0;
    for (unsigned expert = 0; expert < job.experts; ++expert) {
      const int count = starts[expert];
      starts[expert] = start;
      for (int first = 0; first < count; first += static_cast<int>(kNarrowTileTokens)) {
        job.tiles[tile++] = {static_cast<int>(expert), first};
      }
      start += count;
    }
    starts[job.experts] = start;
    for (; tile < job.most_tiles; ++tile) job.tiles[tile] = {-1, 0};
  }
  __syncthreads();
  for (unsigned i = threadIdx.x; i <= job.experts; i += kSortThreads) job.starts[i] = starts[i];
  each_choice([&](unsigned at, int expert, int before) {
    const int position = starts[expert] + before;
    job.order[position] = static_cast<int>(at);
    job.positions[at] = position;
  });
}

/// The job of a block, in shared memory: what differs from block to block are the matrices of its expert.
template <typename Products>
__device__ __forceinline__ void share_products(const Products& products, Products& own) {
  static_assert(sizeof(Products) % 4 == 0);
  for (unsigned i = threadIdx.x; i < sizeof(Products) / 4; i += blockDim.x) {
    reinterpret_cast<unsigned*>(&own)[i] = reinterpret_cast<const unsigned*>(&products)[i];
  }
}

/// Puts the matrices of an expert into the job, for the whole block.
template <typename Products>
__device__ __forceinline__ void take_matrices(const Matrix* matrices, Products& own) {
  const unsigned count = own.outcome == Outcome::gated ? 2 : 1;
  for (unsigned i = threadIdx.x; i < count * sizeof(Matrix) / 4; i += blockDim.x) {
    reinterpret_cast<unsigned*>(own.matrices)[i] = reinterpret_cast<const unsigned*>(matrices)[i];
  }
}

/// Which expert the block multiplies with, found as soon as the router's logits are there.
struct ChooseExpert {
  static constexpr bool is_choice = true;
  const MultiplyVectorExperts& job;
  MultiplyVector& own;  // shared

  __device__ __forceinline__ void operator()() const {
    __shared__ __align__(16) float ranks[kMostExperts];
    __shared__ float2 room[kVectorWarps];
    __shared__ int chosen;
    if (job.chooses) {
      rank_experts(job.routing, job.routing.logits.first, ranks, room);
      for (unsigned i = threadIdx.x; i < job.routing.experts; i += blockDim.x) {
        if (place_of(ranks, job.routing.experts, i) == blockIdx.y) chosen = static_cast<int>(i);
      }
    } else if (threadIdx.x == 0) {
      chosen = job.routing.ids[blockIdx.y];
    }
    __syncthreads();
    if (job.chooses && blockIdx.x == 0 && threadIdx.x == 0) job.routing.ids[blockIdx.y] = chosen;
    take_matrices(job.matrices + chosen * kExpertMatrices + job.first, own);
    __syncthreads();
  }
};

template <Format format>
__device__ __forceinline__ void multiply_vector_experts(const MultiplyVectorExperts& job) {
  __shared__ MultiplyVector own;
  share_products(job.products, own);
  __syncthreads();
  if (threadIdx.x == 0) {
    own.x += blockIdx.y * job.x_stride;
    own.out += blockIdx.y * job.out_stride;
  }
  __syncthreads();
  multiply_vector<format>(own, ChooseExpert{job, own});
}

template <Format format>
__device__ __forceinline__ void multiply_matrix_experts(const MultiplyMatrixExperts& job) {
  __shared__ MultiplyMatrix own;
  const ExpertTile tile = job.tiles[blockIdx.y];
  if (tile.expert < 0) return;
  const int start = job.starts[tile.expert] + tile.first;
  share_products(job.products, own);
  __syncthreads();
  take_matrices(job.matrices + tile.expert * kExpertMatrices + job.first, own);
  __syncthreads();
  if (threadIdx.x == 0) {
    own.tokens = static_cast<unsigned>(job.starts[tile.expert + 1] - start);
    if (own.outcome == Outcome::gated) {
      own.gated = static_cast<__half*>(own.gated) + std::uint64_t(start) * own.matrices[0].rows;
    } else {
      own.out += std::uint64_t(start) * own.out_stride;
    }
    if (job.chosen == 0) own.x = static_cast<const __half*>(own.x) + std::uint64_t(start) * own.matrices[0].columns;
  }
  __syncthreads();
  if (job.chosen == 0) {
    multiply_matrix<format, kNarrowTileTokens>(own, 0);
  } else {
    multiply_matrix<format, kNarrowTileTokens>(
        own, 0, [&](unsigned row) { return static_cast<unsigned>(job.order[start + row]) / job.chosen; });
  }
}

/// Blocks in x share the columns of the token in y.
__device__ __forceinline__ void join_experts(const JoinExperts& job) {
  let_next_start();
  wait_for_input();
  const std::uint64_t token = blockIdx.y;
  const Routing& routing = job.routing;
  const unsigned lane = threadIdx.x % 32;
  const std::uint64_t first = token * routing.chosen;
  float own = 0;
  if (job.positions == nullptr) {
    own = weight_of_choice(routing, routing.logits.first, routing.ids);
  } else if (lane < routing.chosen) {
    own = routing.weights[first + lane];
  }
  const unsigned step = gridDim.x * blockDim.x;
  // All lanes go on together: each holds a weight that all need.
  for (unsigned start = blockIdx.x * blockDim.x + threadIdx.x - lane; start < job.width; start += step) {
    const unsigned i = start + lane;
    float sum = 0;
    for (unsigned choice = 0; choice < routing.chosen; ++choice) {
      const float weight = __shfl_sync(~0u, own, static_cast<int>(choice));
      const std::uint64_t at = first + choice;
      const std::uint64_t row = job.positions == nullptr ? at : static_cast<std::uint64_t>(job.positions[at]);
      if (i < job.width) sum += weight * job.products[row * job.width + i];
    }
    if (i >= job.width) continue;
    float* out = job.out.first + token * job.out.stride + i;
    *out = job.adds ? *out + sum : sum;
  }
}

}  // namespace nibble::cuda

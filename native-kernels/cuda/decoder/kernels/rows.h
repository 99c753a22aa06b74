#pragma once

// Embedding, norm, and the choice of the next token.

#include "activation.h"
#include "arguments.h"
#include "block_sums.h"
#include "stored_weights.h"

namespace nibble::cuda {

/// The row of this block.
template <typename T>
__device__ __forceinline__ T* row_of(const Rows<T>& rows) {
  return rows.first + std::uint64_t{blockIdx.x} * rows.stride;
}

/// A block per token.
__device__ __forceinline__ void embed_tokens(const EmbedTokens& job) {
  let_next_start();
  wait_for_input();
  const unsigned position =
      job.state != nullptr ? static_cast<unsigned>(job.state->position) : job.position + blockIdx.x;
  const std::uint64_t row = job.ids != nullptr ? static_cast<unsigned>(job.ids[blockIdx.x]) : position;
  const std::uint64_t from = row * job.width;
  float* out = row_of(job.out);
  for (unsigned i = threadIdx.x; i < job.width; i += blockDim.x) {
    float value;
    if (job.format == Format::f32) {
      value = static_cast<const float*>(job.table)[from + i];
    } else if (job.format == Format::f16) {
      value = __half2float(static_cast<const __half*>(job.table)[from + i]);
    } else {
      value = low_bf16(static_cast<const unsigned short*>(job.table)[from + i]);
    }
    out[i] = job.adds ? out[i] + job.scale * value : job.scale * value;
  }
}

/// A block per token.
__device__ __forceinline__ void regroup_rows(const RegroupRows& job) {
  let_next_start();
  wait_for_input();
  const float* x = row_of(job.x);
  float* out = row_of(job.out);
  unsigned group_width = 0;
  for (unsigned part = 0; part < job.parts; ++part) group_width += job.widths[part] / job.groups;
  unsigned first = 0;   // of the part
  unsigned before = 0;  // of the part, in a group
  for (unsigned part = 0; part < job.parts; ++part) {
    const unsigned own = job.widths[part] / job.groups;
    for (unsigned i = threadIdx.x; i < job.widths[part]; i += blockDim.x) {
      out[first + i] = x[i / own * group_width + before + i % own];
    }
    first += job.widths[part];
    before += own;
  }
}

/// What brings a row to a root mean square of 1.
__device__ __forceinline__ float norm_factor(const float* x, unsigned width, float epsilon) {
  __shared__ float2 room[kMatrixThreads / 32];
  float squares = 0;
  float unused = 0;
  for (unsigned i = threadIdx.x; i < width; i += blockDim.x) squares += x[i] * x[i];
  block_sum_and_max(squares, unused, room);
  return 1.0f / sqrtf(squares / static_cast<float>(width) + epsilon);
}

/// A block per token and group. Input and output may be the same.
__device__ __forceinline__ void normalize_rows(const NormalizeRows& job) {
  __shared__ float2 room[kMatrixThreads / 32];
  let_next_start();
  wait_for_input();
  const unsigned first = blockIdx.y * job.width;
  const float* x = row_of(job.x) + first;
  const float* weight = job.weight == nullptr ? nullptr : job.weight + blockIdx.y * job.group_weights;
  float mean = 0;
  float factor = 1;
  if (job.centered) {
    float unused = 0;
    for (unsigned i = threadIdx.x; i < job.width; i += blockDim.x) mean += x[i];
    block_sum_and_max(mean, unused, room);
    mean /= static_cast<float>(job.width);
    float squares = 0;
    for (unsigned i = threadIdx.x; i < job.width; i += blockDim.x) squares += (x[i] - mean) * (x[i] - mean);
    __syncthreads();
    block_sum_and_max(squares, unused, room);
    factor = 1.0f / sqrtf(squares / static_cast<float>(job.width) + job.epsilon);
  } else if (job.epsilon >= 0) {
    factor = norm_factor(x, job.width, job.epsilon);
  }
  auto* halves = static_cast<__half*>(job.halves) + std::uint64_t{blockIdx.x} * job.width;
  for (unsigned i = threadIdx.x; i < job.width; i += blockDim.x) {
    const float value =
        (x[i] - mean) * factor * (weight == nullptr ? 1.0f : weight[i]) + (job.bias == nullptr ? 0.0f : job.bias[i]);
    if (job.halves == nullptr) {
      row_of(job.out)[first + i] = value;
    } else {
      halves[i] = __float2half_rn(limit(value));
    }
  }
}

/// A block per token.
__device__ __forceinline__ void add_rows(const AddRows& job) {
  let_next_start();
  wait_for_input();
  const float* x = row_of(job.x);
  float* to = row_of(job.to);
  const float factor = job.weight == nullptr ? 1.0f : norm_factor(x, job.width, job.epsilon);
  for (unsigned i = threadIdx.x; i < job.width; i += blockDim.x) {
    const float value = job.weight == nullptr ? x[i] : x[i] * factor * job.weight[i];
    to[i] += value * job.factor;
  }
}

/// Blocks in x share the columns of the token in y.
__device__ __forceinline__ void gate_rows(const GateRows& job) {
  let_next_start();
  wait_for_input();
  const std::uint64_t token = blockIdx.y;
  const float* gate = job.gate.first + token * job.gate.stride;
  const float* up = job.up.first == nullptr ? nullptr : job.up.first + token * job.up.stride;
  for (unsigned i = blockIdx.x * blockDim.x + threadIdx.x; i < job.width; i += gridDim.x * blockDim.x) {
    const float value = job.xielu[0] != nullptr ? xielu(job.xielu, gate[i])
                        : up != nullptr         ? gated(job.activation, gate[i], up[i])
                                                : activate(job.activation, gate[i]);
    if (job.halves == nullptr) {
      job.out[token * job.width + i] = value;
    } else {
      static_cast<__half*>(job.halves)[token * job.width + i] = __float2half_rn(limit(value * (1.0f / kGatedDivisor)));
    }
  }
}

/// A block per token.
__device__ __forceinline__ void sigmoid_gate_rows(const SigmoidGateRows& job) {
  let_next_start();
  wait_for_input();
  const float open = 1.0f / (1.0f + expf(-*row_of(job.gate)));
  const float* x = row_of(job.x);
  const float* added = row_of(job.added);
  float* to = row_of(job.to);
  for (unsigned i = threadIdx.x; i < job.width; i += blockDim.x) to[i] = x[i] * open + added[i];
}

__device__ __forceinline__ void scale_numbers(const ScaleNumbers& job) {
  let_next_start();
  wait_for_input();
  const float factor = job.stored_factor == nullptr ? job.factor : job.factor * *job.stored_factor;
  const unsigned long long step = static_cast<unsigned long long>(gridDim.x) * blockDim.x;
  for (unsigned long long i = blockIdx.x * blockDim.x + threadIdx.x; i < job.count; i += step) {
    const float scaled = job.x[i] * factor;
    job.x[i] = job.cap == 0 ? scaled : job.cap * tanhf(scaled / job.cap);
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

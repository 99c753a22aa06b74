#pragma once

// One token attends to the cache. The positions are split over blocks of the grid; the last block of a group of heads
// to finish joins the parts, in order, so that the outcome does not depend on which one that was.

#include "rotate.h"

namespace nibble::cuda {

/// Rounds of positions whose keys and values a warp asks for at a time.
constexpr unsigned kAhead = 2;

/// A softmax on its way: the largest score, the sum of exponentials relative to it, and so the weighted values.
struct Softmax {
  float largest;
  float sum;
};

__device__ __forceinline__ void unpack8(uint4 packed, float (&out)[8]) {
  const unsigned words[4] = {packed.x, packed.y, packed.z, packed.w};
#pragma unroll
  for (int i = 0; i < 4; ++i) {
    const float2 pair = __half22float2(pair_of(words[i]));
    out[2 * i] = pair.x;
    out[2 * i + 1] = pair.y;
  }
}

/// What a lane knows of one head: eight elements of its query and of the weighted values.
struct LaneHead {
  float query[8];
  float values[8];
  Softmax softmax;
};

__device__ __forceinline__ void add_position(LaneHead& head, float score, const float (&value)[8]) {
  const float largest = fmaxf(head.softmax.largest, score);
  const float keep = __expf(head.softmax.largest - largest);
  const float weight = __expf(score - largest);
  head.softmax.largest = largest;
  head.softmax.sum = head.softmax.sum * keep + weight;
#pragma unroll
  for (int i = 0; i < 8; ++i) head.values[i] = head.values[i] * keep + weight * value[i];
}

/// Joins another lane's part, `offset` lanes away. Parts without positions have -infinity as their largest score.
__device__ __forceinline__ void join_lanes(LaneHead& head, unsigned offset) {
  const float other_largest = __shfl_xor_sync(~0u, head.softmax.largest, offset);
  const float other_sum = __shfl_xor_sync(~0u, head.softmax.sum, offset);
  const float largest = fmaxf(head.softmax.largest, other_largest);
  const float mine = largest == -INFINITY ? 0.0f : __expf(head.softmax.largest - largest);
  const float other = largest == -INFINITY ? 0.0f : __expf(other_largest - largest);
  head.softmax.largest = largest;
  head.softmax.sum = head.softmax.sum * mine + other_sum * other;
#pragma unroll
  for (int i = 0; i < 8; ++i) {
    head.values[i] = head.values[i] * mine + __shfl_xor_sync(~0u, head.values[i], offset) * other;
  }
}

/// Joins `parts` of a head, `stride` floats apart: [largest, sum, values…]. @returns element `i` of the weighted values
__device__ __forceinline__ float join_parts(const volatile float* part, unsigned parts, std::uint64_t stride,
                                            unsigned i, Softmax& joined) {
  float largest = -INFINITY;
  for (unsigned p = 0; p < parts; ++p) largest = fmaxf(largest, part[p * stride]);
  float sum = 0;
  float value = 0;
  for (unsigned p = 0; p < parts; ++p) {
    const float mine = part[p * stride];
    const float weight = mine == -INFINITY ? 0.0f : __expf(mine - largest);
    sum += part[p * stride + 1] * weight;
    value += part[p * stride + 2 + i] * weight;
  }
  joined = {largest, sum};
  return value;
}

/// @tparam group query heads of a KV head that are computed together
/// @tparam dim_limit largest head_dim
/// What weighted values are multiplied by in the end; a sink takes its share of the sum.
__device__ __forceinline__ float share_of_sum(const AttentionShape& shape, unsigned head, const Softmax& softmax) {
  if (shape.sinks == nullptr) return 1.0f / softmax.sum;
  const float most = fmaxf(softmax.largest, shape.sinks[head]);
  const float factor = expf(softmax.largest - most);
  return factor / (softmax.sum * factor + expf(shape.sinks[head] - most));
}

template <unsigned group, unsigned dim_limit>
__device__ __forceinline__ void attend_token(const AttendToken& job) {
  constexpr unsigned kWarps = kAttendThreads / 32;
  constexpr unsigned kPart = dim_limit + 2;
  __shared__ __align__(16) float queries[group][dim_limit];
  __shared__ __align__(16) float newest[2][dim_limit];  // key and value, as they are in the cache
  __shared__ float parts[kWarps][group][kPart];
  __shared__ bool is_last;
  const AttentionShape& shape = job.shape;
  const unsigned dim = shape.head_dim;
  const unsigned warp = threadIdx.x / 32;
  const unsigned lane = threadIdx.x % 32;
  const unsigned first_head = blockIdx.x / job.splits * group;
  const unsigned kv_head = first_head / (shape.heads / shape.kv_heads);

  let_next_start();
  wait_for_input();
  const auto position = static_cast<unsigned>(job.state->position);
  const unsigned start = shape.window != 0 && position + 1 > shape.window ? position + 1 - shape.window : 0;
  const unsigned count = position + 1 - start;
  const unsigned wanted = min(job.splits, (count + kSplitPositions - 1) / kSplitPositions);
  const unsigned share = (count + wanted - 1) / wanted;
  const unsigned splits = (count + share - 1) / share;
  const unsigned split = blockIdx.x % job.splits;
  if (split >= splits) return;
  const unsigned begin = start + split * share;
  const unsigned end = min(begin + share, position + 1);
  const bool has_newest = end == position + 1 && !shape.reads_others;

  for (unsigned head = warp; head < group; head += kWarps) {
    prepare_head(shape, job.qkv + (first_head + head) * dim, shape.q_norm, static_cast<float>(position), queries[head]);
  }
  const float* key = job.qkv + (shape.heads + kv_head) * dim;
  const float* value = key + shape.kv_heads * dim;
  if (has_newest && warp == kWarps - 1) {
    prepare_head(shape, key, shape.k_norm, static_cast<float>(position), newest[0]);
    __syncwarp();
    // The first group of a KV head writes the cache; the others compute the same and use it from here.
    const bool writes = first_head % (shape.heads / shape.kv_heads) == 0;
    const float factor = shape.normalizes_values ? head_factor(shape, value) : 1.0f;
    for (unsigned i = lane; i < dim; i += 32) {
      const __half k = __float2half_rn(newest[0][i]);
      const __half v = __float2half_rn(value[i] * factor);
      newest[0][i] = __half2float(k);
      newest[1][i] = __half2float(v);
      if (writes) {
        static_cast<__half*>(shape.keys)[cache_index(shape, position, kv_head) + i] = k;
        static_cast<__half*>(shape.values)[cache_index(shape, position, kv_head) + i] = v;
      }
    }
  }
  __syncthreads();

  // Lanes that share a position: a power of two of them, eight elements each.
  unsigned lanes = 1;
  while (lanes * 8 < dim) lanes *= 2;
  const unsigned at = lane % lanes * 8;
  const bool has_elements = at < dim;
  const unsigned per_warp = 32 / lanes;
  const float query_factor = shape.scale * query_growth(shape, static_cast<float>(position));
  LaneHead heads[group];
#pragma unroll
  for (unsigned h = 0; h < group; ++h) {
#pragma unroll
    for (int i = 0; i < 8; ++i) {
      heads[h].query[i] = has_elements ? queries[h][at + i] * query_factor : 0.0f;
      heads[h].values[i] = 0;
    }
    heads[h].softmax = {-INFINITY, 0};
  }
  const auto attend = [&](const float(&k)[8], const float(&v)[8], bool counts) {
#pragma unroll
    for (unsigned h = 0; h < group; ++h) {
      float score = 0;
#pragma unroll
      for (int i = 0; i < 8; ++i) score += heads[h].query[i] * k[i];
      for (unsigned offset = 1; offset < lanes; offset <<= 1) score += __shfl_xor_sync(~0u, score, offset);
      if (counts) add_position(heads[h], capped(shape, score), v);
    }
  };
  const auto* keys = static_cast<const __half*>(shape.keys);
  const auto* values = static_cast<const __half*>(shape.values);
  const unsigned cached_end = has_newest ? end - 1 : end;
  // All lanes take part in every round: they exchange sums.
  for (unsigned base = begin + warp * per_warp; base < cached_end; base += kAhead * kWarps * per_warp) {
    uint4 packed_k[kAhead];
    uint4 packed_v[kAhead];
#pragma unroll
    for (unsigned i = 0; i < kAhead; ++i) {
      const unsigned p = base + i * kWarps * per_warp + lane / lanes;
      packed_k[i] = packed_v[i] = make_uint4(0, 0, 0, 0);
      if (p < cached_end && has_elements) {
        const std::uint64_t index = cache_index(shape, p, kv_head) + at;
        packed_k[i] = *reinterpret_cast<const uint4*>(keys + index);
        packed_v[i] = *reinterpret_cast<const uint4*>(values + index);
      }
    }
#pragma unroll
    for (unsigned i = 0; i < kAhead; ++i) {
      if (base + i * kWarps * per_warp >= cached_end) break;
      float k[8];
      float v[8];
      unpack8(packed_k[i], k);
      unpack8(packed_v[i], v);
      attend(k, v, base + i * kWarps * per_warp + lane / lanes < cached_end);
    }
  }
  if (has_newest && warp == 0) {
    float k[8];
    float v[8];
#pragma unroll
    for (int i = 0; i < 8; ++i) {
      k[i] = has_elements ? newest[0][at + i] : 0.0f;
      v[i] = has_elements ? newest[1][at + i] : 0.0f;
    }
    attend(k, v, lane < lanes);
  }
#pragma unroll
  for (unsigned h = 0; h < group; ++h) {
    for (unsigned offset = lanes; offset < 32; offset <<= 1) join_lanes(heads[h], offset);
    if (lane < lanes && has_elements) {
#pragma unroll
      for (int i = 0; i < 8; ++i) parts[warp][h][2 + at + i] = heads[h].values[i];
    }
    if (lane == 0) {
      parts[warp][h][0] = heads[h].softmax.largest;
      parts[warp][h][1] = heads[h].softmax.sum;
    }
  }
  __syncthreads();
  const std::uint64_t part = dim + 2;
  for (unsigned i = threadIdx.x; i < group * dim; i += kAttendThreads) {
    const unsigned h = i / dim;
    const unsigned element = i % dim;
    Softmax joined;
    const float joined_value = join_parts(&parts[0][h][0], kWarps, group * kPart, element, joined);
    if (splits == 1) {
      job.out[(first_head + h) * dim + element] = joined_value * share_of_sum(shape, first_head + h, joined);
    } else {
      float* to = job.partials + ((first_head + h) * std::uint64_t{job.splits} + split) * part;
      to[2 + element] = joined_value;
      if (element == 0) {
        to[0] = joined.largest;
        to[1] = joined.sum;
      }
    }
  }
  if (splits == 1) return;
  __threadfence();
  __syncthreads();
  unsigned* arrived = job.arrived + blockIdx.x / job.splits;
  if (threadIdx.x == 0) is_last = atomicAdd(arrived, 1) == splits - 1;
  __syncthreads();
  if (!is_last) return;
  __threadfence();
  for (unsigned i = threadIdx.x; i < group * dim; i += kAttendThreads) {
    const unsigned h = i / dim;
    Softmax joined;
    const float* from = job.partials + (first_head + h) * std::uint64_t{job.splits} * part;
    const float joined_value = join_parts(from, splits, part, i % dim, joined);
    job.out[(first_head + h) * dim + i % dim] = joined_value * share_of_sum(shape, first_head + h, joined);
  }
  if (threadIdx.x == 0) *arrived = 0;
}

}  // namespace nibble::cuda

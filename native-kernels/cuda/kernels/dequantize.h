#pragma once

// From codes back to float32 weights: four to a thread at a time, so that a warp stores 512 bytes in a row.

#include "quantize_blocks.h"

namespace nibble::cuda {

/// 1/127 in float32, as bitsandbytes multiplies.
constexpr float kInverse127 = 7.874015718698502e-3f;

/// Quads of weights that a thread of the integer kernels has in flight: more would cost them registers.
constexpr unsigned kUnrolled = 4;

/// Times that a thread does so: a block of the grid works on one stretch, and there are many blocks, so that none ends
/// long after the others.
constexpr unsigned kRounds = 4;

/// The 4-bit kernels. The table lies in the lanes of a warp, 16 values twice: nothing has to be set up before a block
/// of the grid begins. A warp reads the codes of kWarpWeights weights as 512 bytes in a row and deals them out in
/// shared memory, so that it reads in long stretches and still stores 512 bytes in a row: 16-bit loads of the codes,
/// which need no dealing out, are two hundredths slower.
template <bool nested>
__device__ __forceinline__ void dequantize_blocks(const DequantizeBlocks& job) {
  constexpr unsigned kQuads = kWarpWeights / 4 / 32;
  __shared__ uint4 codes[kBlockWarps][32];
  const float mine = __ldg(job.values + threadIdx.x % 16);
  const auto value_of = [&](unsigned code) { return __shfl_sync(kAllLanes, mine, static_cast<int>(code & 15u)); };
  const auto scale_of = [&](std::uint64_t weight) {
    const std::uint64_t block = weight >> job.block_shift;
    if constexpr (!nested) return __ldg(job.absmax + block);
    return __ldg(job.map + __ldg(job.absmax_codes + block)) * __ldg(job.nested_absmax + block / 256) + job.offset;
  };
  const unsigned lane = threadIdx.x % 32;
  const unsigned warp = threadIdx.x / 32;
  const std::uint64_t first = (static_cast<std::uint64_t>(blockIdx.x) * kBlockWarps + warp) * kWarpWeights;
  if (first + kWarpWeights > job.weights) {
    for (std::uint64_t at = first + lane; at < job.weights; at += 32) {
      job.out[at] = __ldg(job.values + (job.codes[at / 2] >> (at % 2 == 0 ? 4 : 0) & 15)) * scale_of(at);
    }
    return;
  }
  codes[warp][lane] = __ldcs(reinterpret_cast<const uint4*>(job.codes + first / 2) + lane);
  float scales[kQuads];
#pragma unroll
  for (unsigned i = 0; i < kQuads; ++i) scales[i] = scale_of(first + (i * 32 + lane) * 4);
  __syncwarp();
#pragma unroll
  for (unsigned i = 0; i < kQuads; ++i) {
    const unsigned four = reinterpret_cast<const unsigned short*>(codes[warp])[i * 32 + lane];
    const float4 values = make_float4(value_of(four >> 4), value_of(four), value_of(four >> 12), value_of(four >> 8));
    __stcs(reinterpret_cast<float4*>(job.out + first) + i * 32 + lane,
           make_float4(values.x * scales[i], values.y * scales[i], values.z * scales[i], values.w * scales[i]));
  }
}

/// Weights from the codes of one group.
struct GroupDecoder {
  float scale;
  float zero;
  bool llm_int8;

  __device__ __forceinline__ GroupDecoder(const DequantizeGroups& job, std::uint64_t group)
      : scale(__ldg(job.scales + group)),
        zero(job.zero_points == nullptr ? 0.0f : static_cast<float>(__ldg(job.zero_points + group))),
        llm_int8(job.mode == IntegerMode::llm_int8) {}

  __device__ __forceinline__ float operator()(int code) const {
    const float value = (static_cast<float>(code) - zero) * scale;
    return llm_int8 ? value * kInverse127 : value;
  }
};

template <unsigned bits>
__device__ __forceinline__ int code_at(const void* codes, std::uint64_t at) {
  if constexpr (bits == 8) return static_cast<const std::int8_t*>(codes)[at];
  return (static_cast<const std::uint8_t*>(codes)[at / 2] >> (at % 2 == 0 ? 4 : 0) & 15) - 8;
}

/// Four codes of a group, of which the first lies at a multiple of four.
template <unsigned bits>
struct Quad {
  unsigned raw;
  __device__ __forceinline__ void load(const void* codes, std::uint64_t quad) {
    if constexpr (bits == 8) {
      raw = __ldcs(static_cast<const unsigned*>(codes) + quad);
    } else {
      raw = __ldcs(static_cast<const unsigned short*>(codes) + quad);
    }
  }
  __device__ __forceinline__ int code(unsigned i) const {
    if constexpr (bits == 8) return static_cast<std::int8_t>(raw >> i * 8 & 0xffu);
    return static_cast<int>(raw >> (i * 4 ^ 4) & 15u) - 8;
  }
  __device__ __forceinline__ void store(const GroupDecoder& decode, float* out, std::uint64_t quad) const {
    __stcs(reinterpret_cast<float4*>(out) + quad,
           make_float4(decode(code(0)), decode(code(1)), decode(code(2)), decode(code(3))));
  }
};

/// Groups of a power of two, at least 4, that fill the tensor; `row_width` is its logarithm.
template <unsigned bits>
__device__ __forceinline__ void dequantize_small_groups(const DequantizeGroups& job) {
  const std::uint64_t quads = job.weights / 4;
  const std::uint64_t span = static_cast<std::uint64_t>(blockDim.x) * kUnrolled;
  const auto shift = static_cast<unsigned>(job.row_width);
  const std::uint64_t end = smaller(quads, (blockIdx.x + 1ull) * span * kRounds);
  for (std::uint64_t base = blockIdx.x * span * kRounds; base < end; base += span) {
    Quad<bits> codes[kUnrolled];
#pragma unroll
    for (unsigned i = 0; i < kUnrolled; ++i) {
      const std::uint64_t quad = base + threadIdx.x + i * blockDim.x;
      if (quad < quads) codes[i].load(job.codes, quad);
    }
#pragma unroll
    for (unsigned i = 0; i < kUnrolled; ++i) {
      const std::uint64_t quad = base + threadIdx.x + i * blockDim.x;
      if (quad < quads) codes[i].store(GroupDecoder(job, quad * 4 >> shift), job.out, quad);
    }
  }
}

/// Groups of a multiple of 4 that fill the tensor, one to a block of the grid.
template <unsigned bits>
__device__ __forceinline__ void dequantize_wide_groups(const DequantizeGroups& job) {
  const std::uint64_t quads = job.width / 4;
  const std::uint64_t span = static_cast<std::uint64_t>(blockDim.x) * kUnrolled;
  for (std::uint64_t group = blockIdx.x; group < job.weights / job.width; group += gridDim.x) {
    const GroupDecoder decode(job, group);
    for (std::uint64_t base = 0; base < quads; base += span) {
      Quad<bits> codes[kUnrolled];
#pragma unroll
      for (unsigned i = 0; i < kUnrolled; ++i) {
        const std::uint64_t quad = base + threadIdx.x + i * blockDim.x;
        if (quad < quads) codes[i].load(job.codes, group * quads + quad);
      }
#pragma unroll
      for (unsigned i = 0; i < kUnrolled; ++i) {
        const std::uint64_t quad = base + threadIdx.x + i * blockDim.x;
        if (quad < quads) codes[i].store(decode, job.out, group * quads + quad);
      }
    }
  }
}

/// Groups of any width within rows of any width.
template <unsigned bits>
__device__ __forceinline__ void dequantize_any_groups(const DequantizeGroups& job) {
  const std::uint64_t in_row = (job.row_width + job.width - 1) / job.width;
  const std::uint64_t stride = static_cast<std::uint64_t>(gridDim.x) * blockDim.x;
  std::uint64_t i = static_cast<std::uint64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  for (; i < job.weights; i += stride) {
    const std::uint64_t group = i / job.row_width * in_row + i % job.row_width / job.width;
    job.out[i] = GroupDecoder(job, group)(code_at<bits>(job.codes, i));
  }
}

}  // namespace nibble::cuda

#pragma once

// Sixteen weights of a lane in registers, and the few operations that differ by their type.

#include <cuda_bf16.h>
#include <cuda_fp16.h>

#include "arguments.h"

namespace nibble::cuda {

constexpr unsigned kAllLanes = 0xffffffffu;

template <SourceType type>
constexpr unsigned kWeightBytes = type == SourceType::f32 ? 4 : 2;

/// `count` weights, 16 bytes to a register quadruple.
template <SourceType type, unsigned count>
struct Weights {
  static constexpr unsigned kQuads = count * kWeightBytes<type> / 16;
  uint4 raw[kQuads];

  /// Loads from 16-byte aligned memory that will not be read again soon.
  __device__ __forceinline__ void stream(const void* from) {
#pragma unroll
    for (unsigned i = 0; i < kQuads; ++i) raw[i] = __ldcs(static_cast<const uint4*>(from) + i);
  }

  __device__ __forceinline__ void load(const void* from) {
#pragma unroll
    for (unsigned i = 0; i < kQuads; ++i) raw[i] = static_cast<const uint4*>(from)[i];
  }

  __device__ __forceinline__ void clear() {
#pragma unroll
    for (unsigned i = 0; i < kQuads; ++i) raw[i] = make_uint4(0, 0, 0, 0);
  }

  __device__ __forceinline__ unsigned word(unsigned i) const {
    const uint4& quad = raw[i / 4];
    return i % 4 == 0 ? quad.x : i % 4 == 1 ? quad.y : i % 4 == 2 ? quad.z : quad.w;
  }

  __device__ __forceinline__ float get(unsigned i) const {
    if constexpr (type == SourceType::f32) return __uint_as_float(word(i));
    const unsigned pair = word(i / 2);
    if constexpr (type == SourceType::bf16) return __uint_as_float(i % 2 == 0 ? pair << 16 : pair & 0xffff0000u);
    return __half2float(__ushort_as_half(static_cast<unsigned short>(i % 2 == 0 ? pair & 0xffffu : pair >> 16)));
  }

  /// Smallest and largest weight. NaN may be dropped: the error sums find it.
  __device__ __forceinline__ void extent(float& min, float& max) const {
#if __CUDA_ARCH__ >= 800
    // Two weights to an instruction.
    if constexpr (type == SourceType::bf16) return packed_extent<__nv_bfloat162>(min, max);
    if constexpr (type == SourceType::f16) return packed_extent<__half2>(min, max);
#endif
    min = max = get(0);
#pragma unroll
    for (unsigned i = 1; i < count; ++i) {
      min = fminf(min, get(i));
      max = fmaxf(max, get(i));
    }
  }

  /// Largest magnitude.
  __device__ __forceinline__ float absmax() const {
    if constexpr (type == SourceType::f32) {
      float largest = fabsf(get(0));
#pragma unroll
      for (unsigned i = 1; i < count; ++i) largest = fmaxf(largest, fabsf(get(i)));
      return largest;
    }
    float min, max;
    extent(min, max);
    return fmaxf(-min, max);
  }

 private:
  template <typename Pair>
  __device__ __forceinline__ void packed_extent(float& min, float& max) const {
    Pair smallest = as<Pair>(word(0));
    Pair largest = smallest;
#pragma unroll
    for (unsigned i = 1; i < count / 2; ++i) {
      smallest = __hmin2(smallest, as<Pair>(word(i)));
      largest = __hmax2(largest, as<Pair>(word(i)));
    }
    min = fminf(__low2float(smallest), __high2float(smallest));
    max = fmaxf(__low2float(largest), __high2float(largest));
  }
  template <typename Pair>
  static __device__ __forceinline__ Pair as(unsigned pair) {
    Pair value;
    memcpy(&value, &pair, sizeof(value));
    return value;
  }
};

/// Weight `index` of a source whose type is known at run time, at the price of a branch.
static __device__ __forceinline__ float load_weight(const void* source, SourceType type, std::uint64_t index) {
  if (type == SourceType::f32) return static_cast<const float*>(source)[index];
  const unsigned short bits = static_cast<const unsigned short*>(source)[index];
  if (type == SourceType::bf16) return __uint_as_float(static_cast<unsigned>(bits) << 16);
  return __half2float(__ushort_as_half(bits));
}

/// bitsandbytes' bound on a block's absmax before it divides.
constexpr float kSmallestAbsmax = 1e-38f;

/// Bits of a scale that is kSmallestAbsmax, which no weight of 16 bits is: those of the negative zero that no absmax
/// is.
constexpr unsigned kSmallestBits = 0x8000;

/// A block's absmax as it is kept until it is quantized itself: it is one of the weights, so the bits of their type
/// hold it.
static __device__ __forceinline__ unsigned short scale_bits(SourceType type, float absmax) {
  if (absmax == kSmallestAbsmax) return kSmallestBits;
  return type == SourceType::bf16 ? static_cast<unsigned short>(__float_as_uint(absmax) >> 16)
                                  : __half_as_ushort(__float2half_rn(absmax));
}
static __device__ __forceinline__ float scale_of_bits(SourceType type, unsigned bits) {
  if (type == SourceType::f32) return __uint_as_float(bits);
  if (bits == kSmallestBits) return kSmallestAbsmax;
  if (type == SourceType::bf16) return __uint_as_float(bits << 16);
  return __half2float(__ushort_as_half(static_cast<unsigned short>(bits)));
}
static __device__ __forceinline__ void store_scale(void* scales, SourceType type, std::uint64_t index, float absmax) {
  if (type == SourceType::f32) {
    static_cast<float*>(scales)[index] = absmax;
  } else {
    static_cast<unsigned short*>(scales)[index] = scale_bits(type, absmax);
  }
}
static __device__ __forceinline__ float load_scale(const void* scales, SourceType type, std::uint64_t index) {
  if (type == SourceType::f32) return static_cast<const float*>(scales)[index];
  return scale_of_bits(type, static_cast<const unsigned short*>(scales)[index]);
}

static __device__ __forceinline__ std::uint64_t smaller(std::uint64_t a, std::uint64_t b) { return a < b ? a : b; }

template <SourceType type>
__device__ __forceinline__ const void* advance(const void* source, std::uint64_t index) {
  return static_cast<const unsigned char*>(source) + index * kWeightBytes<type>;
}

static __device__ __forceinline__ float warp_max(float value) {
  for (unsigned mask = 16; mask > 0; mask /= 2) value = fmaxf(value, __shfl_xor_sync(kAllLanes, value, mask));
  return value;
}

/// The largest of a warp's values, none below 0: there the order of bits is the order of values.
static __device__ __forceinline__ float warp_max_magnitude(float value) {
#if __CUDA_ARCH__ >= 800
  return __uint_as_float(__reduce_max_sync(kAllLanes, __float_as_uint(value)));
#else
  return warp_max(value);
#endif
}

}  // namespace nibble::cuda

#pragma once

// LLM.int8 rows, and linear int8 and int4 in rows and blocks.

#include "quantize_blocks.h"

namespace nibble::cuda {

/// Largest weights that float16 rounds to zero: 2^-25.
constexpr float kHalfVanishes = 2.98023223876953125e-8f;

/// Smallest normal float32, unit of the statistics where a scale is 0.
constexpr float kTiny = 1.17549435082228751e-38f;

constexpr float kLargest = 3.402823466e38f;

/// How a group's weights become codes: IntegerCoding of base/quantize_kernels.h.
struct Coding {
  float inverse;
  float per_unit;  // 1 / unit, as a float32: `inverse`, unless that is 0
  float unit;      // of the statistics
  float scale;
  int zero_point;
  // Upper bound of code - zero_point. Nothing can fall below the lower bound: the smallest weight is rounded to it.
  float high;
};

/// Every lane of the warp calls it.
/// @param min, max for absmax and llm_int8 the largest magnitude and its negative
template <IntegerMode mode>
__device__ __forceinline__ Coding coding_of(float min, float max, unsigned bits) {
  const float high = bits == 8 ? 127.0f : 7.0f;
  const float low = -high - 1;
  if constexpr (mode == IntegerMode::llm_int8) {
    const float absmax = __half2float(__float2half_rn(max));
    if (absmax == 0) return {0, 1 / kHalfVanishes, kHalfVanishes, 0, 0, 127};
    const float inverse = __frcp_rn(absmax) * 127.0f;
    return {inverse, inverse, __fdiv_rn(absmax, 127.0f), absmax, 0, 127};
  }
  min = fminf(min, 0.0f);
  max = fmaxf(max, 0.0f);
  const float absmax = fmaxf(-min, max);
  if constexpr (mode == IntegerMode::absmax) {
    if (static_cast<double>(absmax) * kLargest < high) return {0, 1 / kTiny, kTiny, 0, 0, high};
    // One division in float32 equals one in float64 that is rounded: 53 bits are more than twice 24 and 2.
    const float inverse = __fdiv_rn(high, absmax);
    const float scale = __fdiv_rn(absmax, high);
    return {inverse, inverse, scale, scale, 0, high};
  }
  const bool symmetric = min == -max;
  const double span = symmetric ? absmax : static_cast<double>(max) - min;
  const double steps = symmetric ? high : high - low;
  // Every second lane divides the other way round, and they exchange the quotients: half the divisions. Both lanes of a
  // pair are of one group.
  const bool odd = threadIdx.x % 2 != 0;
  const auto mine = static_cast<float>((odd ? span : steps) / (odd ? steps : span));
  const float other = __shfl_xor_sync(kAllLanes, mine, 1);
  const float inverse = odd ? other : mine;
  const float scale = odd ? mine : other;
  if (span * kLargest < steps) return {0, 1 / kTiny, kTiny, 0, 0, high};
  if (symmetric) return {inverse, inverse, scale, scale, 0, high};
  const float zero = low - rintf(min * inverse);
  return {inverse, inverse, scale, scale, static_cast<int>(zero), high - zero};
}

/// Error sums of one lane in units of a group's scale.
struct LaneErrors {
  float error_squares = 0, error_values = 0, value_squares = 0, max_error = 0;

  __device__ __forceinline__ void add(float error, float value) {
    error_squares = __fmaf_rn(error, error, error_squares);
    error_values = __fmaf_rn(error, value, error_values);
    value_squares = __fmaf_rn(value, value, value_squares);
    max_error = fmaxf(max_error, fabsf(error));
  }
};

/// Code of a weight plus `bias`, added to the bits of kShift.
/// @param bias 0 or 8
template <IntegerMode mode>
__device__ __forceinline__ unsigned code_of(float weight, const Coding& coding, int bias, LaneErrors& errors) {
  float rounded = weight;
  if constexpr (mode == IntegerMode::llm_int8) rounded = __half2float(__float2half_rn(weight));
  // The addition rounds, ties to even, and leaves the whole number in the low bits.
  const float scaled = rounded * coding.inverse;
  float value = scaled + kShift - kShift;
  if constexpr (mode == IntegerMode::zero_point) value = fminf(value, coding.high);
  errors.add((mode == IntegerMode::llm_int8 ? weight * coding.per_unit : scaled) - value, value);
  return __float_as_uint(value + (kShift + static_cast<float>(coding.zero_point + bias)));
}

/// The errors of weights whose group has no scale: all of them are lost.
template <IntegerMode mode>
__device__ __forceinline__ bool is_lost(const Coding& coding) {
  return mode != IntegerMode::llm_int8 && coding.inverse == 0;
}

/// Codes of `count` weights as they are stored.
template <IntegerMode mode, SourceType type, unsigned count>
__device__ __forceinline__ void store_codes(const Weights<type, count>& weights, const Coding& coding, unsigned bits,
                                            void* codes, std::uint64_t at, LaneErrors& errors) {
  unsigned raw[count];
#pragma unroll
  for (unsigned i = 0; i < count; ++i) raw[i] = code_of<mode>(weights.get(i), coding, bits == 8 ? 0 : 8, errors);
  if (is_lost<mode>(coding)) {
#pragma unroll
    for (unsigned i = 0; i < count; ++i) errors.add(weights.get(i) * coding.per_unit, 0);
  }
  if (bits == 8) {
    unsigned words[count / 4];
#pragma unroll
    for (unsigned i = 0; i < count / 4; ++i) {
      const unsigned low = __byte_perm(raw[i * 4], raw[i * 4 + 1], 0x0040);
      const unsigned high = __byte_perm(raw[i * 4 + 2], raw[i * 4 + 3], 0x0040);
      words[i] = __byte_perm(low, high, 0x5410);
    }
    auto* to = reinterpret_cast<unsigned*>(static_cast<std::uint8_t*>(codes) + at);
    if constexpr (count == 16) {
      __stcs(reinterpret_cast<uint4*>(to), make_uint4(words[0], words[1], words[2], words[3]));
    } else if constexpr (count == 8) {
      __stcs(reinterpret_cast<uint2*>(to), make_uint2(words[0], words[1]));
    } else {
      __stcs(to, words[0]);
    }
    return;
  }
  // Code + 8, the first of a pair in the high nibble; what kShift adds to all of them comes off at the end.
  constexpr unsigned kShiftBits = 0x4b400000u;
  unsigned packed[(count + 7) / 8];
#pragma unroll
  for (unsigned i = 0; i < (count + 7) / 8; ++i) packed[i] = kShiftBits * -0x11111111u;
#pragma unroll
  for (unsigned i = 0; i < count; ++i) packed[i / 8] += raw[i] << (i % 8 * 4 ^ 4);
  auto* to = static_cast<std::uint8_t*>(codes) + at / 2;
  if constexpr (count == 16) {
    __stcs(reinterpret_cast<uint2*>(to), make_uint2(packed[0], packed[1]));
  } else if constexpr (count == 8) {
    __stcs(reinterpret_cast<unsigned*>(to), packed[0]);
  } else {
    __stcs(reinterpret_cast<unsigned short*>(to), static_cast<unsigned short>(packed[0]));
  }
}

/// Smallest and largest weight; for symmetric modes the largest magnitude and its negative.
struct Extent {
  float min, max;

  template <IntegerMode mode, SourceType type, unsigned count>
  __device__ __forceinline__ void include(const Weights<type, count>& weights) {
    if constexpr (mode != IntegerMode::zero_point) {
      max = fmaxf(max, weights.absmax());
    } else {
      float smallest, largest;
      weights.extent(smallest, largest);
      min = fminf(min, smallest);
      max = fmaxf(max, largest);
    }
  }

  template <IntegerMode mode>
  __device__ __forceinline__ void fold(unsigned mask) {
    max = fmaxf(max, __shfl_xor_sync(kAllLanes, max, mask));
    if constexpr (mode == IntegerMode::zero_point) min = fminf(min, __shfl_xor_sync(kAllLanes, min, mask));
  }

  __device__ __forceinline__ bool finite() const { return max < INFINITY && min > -INFINITY; }
};

static __device__ __forceinline__ void store_scale(const QuantizeGroups& job, std::uint64_t group,
                                                   const Coding& coding) {
  job.scales[group] = coding.scale;
  if (job.zero_points != nullptr) job.zero_points[group] = static_cast<std::int8_t>(coding.zero_point);
}

/// Infinity and what float16 makes of large weights; the error sums find NaN.
template <IntegerMode mode>
__device__ __forceinline__ bool can_be_coded(const Extent& extent) {
  constexpr float kHalfOverflows = 65520.0f;
  return mode == IntegerMode::llm_int8 ? extent.max < kHalfOverflows : extent.finite();
}

static __device__ __forceinline__ void add_errors(ThreadSums& sums, const Coding& coding, const LaneErrors& errors,
                                                  bool valid) {
  sums.add(coding.unit, valid ? errors.error_squares : NAN, errors.error_values, errors.value_squares);
  sums.max_error = fmaxf(sums.max_error, coding.unit * errors.max_error);
}

/// Groups of 32 to 512 weights, a power of two, that fill the tensor: 16 weights to a lane.
template <SourceType type, IntegerMode mode>
__device__ __forceinline__ void quantize_small_groups(const QuantizeGroups& job) {
  const auto lanes = static_cast<unsigned>(job.width / kLaneWeights);
  const unsigned lane = threadIdx.x % 32;
  const std::uint64_t weights_of_all = job.groups * job.width;
  const std::uint64_t tiles = (weights_of_all + kTileWeights - 1) / kTileWeights;
  const std::uint64_t stride = static_cast<std::uint64_t>(gridDim.x) * (blockDim.x / 32);
  std::uint64_t tile = static_cast<std::uint64_t>(blockIdx.x) * (blockDim.x / 32) + threadIdx.x / 32;
  const auto fetch = [&](std::uint64_t of, Weights<type, kLaneWeights>& to) {
    const std::uint64_t start = of * kTileWeights + lane * kLaneWeights;
    if (start < weights_of_all) {
      to.stream(advance<type>(job.source, start));
    } else {
      to.clear();
    }
  };
  ThreadSums sums;
  Weights<type, kLaneWeights> next;
  if (tile < tiles) fetch(tile, next);
  for (; tile < tiles; tile += stride) {
    const Weights<type, kLaneWeights> weights = next;
    if (tile + stride < tiles) fetch(tile + stride, next);
    const std::uint64_t start = tile * kTileWeights + lane * kLaneWeights;
    Extent extent{0, 0};
    extent.include<mode>(weights);
    for (unsigned mask = 1; mask < lanes; mask *= 2) extent.fold<mode>(mask);
    const Coding coding =
        coding_of<mode>(mode == IntegerMode::zero_point ? extent.min : -extent.max, extent.max, job.bits);
    if (start >= weights_of_all) continue;
    LaneErrors errors;
    store_codes<mode>(weights, coding, job.bits, job.codes, start, errors);
    add_errors(sums, coding, errors, can_be_coded<mode>(extent));
    if (lane % lanes == 0) store_scale(job, start >> job.width_shift, coding);
  }
  finish_reduction(job.reduction, sums);
}

/// One group (a row, or a long block) to a block of the grid. Its weights stay in registers, as far as they fit.
/// `width` is a multiple of what 16 bytes hold.
template <SourceType type, IntegerMode mode>
__device__ __forceinline__ void quantize_wide_groups(const QuantizeGroups& job) {
  constexpr unsigned kQuad = 16 / kWeightBytes<type>;
  constexpr unsigned kHeld = type == SourceType::f32 ? 8 : 4;
  __shared__ Extent warps[32];
  const unsigned lane = threadIdx.x % 32;
  const unsigned warp = threadIdx.x / 32;
  const std::uint64_t quads = job.width / kQuad;
  ThreadSums sums;
  for (std::uint64_t group = blockIdx.x; group < job.groups; group += gridDim.x) {
    const std::uint64_t start = group * job.width;
    const auto place = [&](std::uint64_t quad) { return advance<type>(job.source, start + quad * kQuad); };
    Weights<type, kQuad> held[kHeld];
#pragma unroll
    for (unsigned i = 0; i < kHeld; ++i) {
      const std::uint64_t quad = threadIdx.x + i * blockDim.x;
      if (quad < quads) {
        held[i].stream(place(quad));
      } else {
        held[i].clear();
      }
    }
    Extent extent{0, 0};
#pragma unroll
    for (unsigned i = 0; i < kHeld; ++i) extent.include<mode>(held[i]);
    for (std::uint64_t quad = threadIdx.x + kHeld * blockDim.x; quad < quads; quad += blockDim.x) {
      Weights<type, kQuad> more;
      more.load(place(quad));
      extent.include<mode>(more);
    }
    for (unsigned mask = 16; mask > 0; mask /= 2) extent.fold<mode>(mask);
    if (blockDim.x > 32) {
      __syncthreads();
      if (lane == 0) warps[warp] = extent;
      __syncthreads();
      extent = warps[lane < blockDim.x / 32 ? lane : 0];
      for (unsigned mask = 16; mask > 0; mask /= 2) extent.fold<mode>(mask);
    }
    const Coding coding =
        coding_of<mode>(mode == IntegerMode::zero_point ? extent.min : -extent.max, extent.max, job.bits);
    LaneErrors errors;
#pragma unroll
    for (unsigned i = 0; i < kHeld; ++i) {
      const std::uint64_t quad = threadIdx.x + i * blockDim.x;
      if (quad < quads) store_codes<mode>(held[i], coding, job.bits, job.codes, start + quad * kQuad, errors);
    }
    for (std::uint64_t quad = threadIdx.x + kHeld * blockDim.x; quad < quads; quad += blockDim.x) {
      Weights<type, kQuad> more;
      more.load(place(quad));
      store_codes<mode>(more, coding, job.bits, job.codes, start + quad * kQuad, errors);
    }
    add_errors(sums, coding, errors, can_be_coded<mode>(extent));
    if (threadIdx.x == 0) store_scale(job, group, coding);
  }
  finish_reduction(job.reduction, sums);
}

/// Groups of any width within rows of any width: a warp to a group, weight by weight, one code to a byte.
template <IntegerMode mode>
__device__ __forceinline__ void quantize_any_groups(const QuantizeGroups& job) {
  const unsigned lane = threadIdx.x % 32;
  const std::uint64_t in_row = (job.row_width + job.width - 1) / job.width;
  const std::uint64_t stride = static_cast<std::uint64_t>(gridDim.x) * (blockDim.x / 32);
  ThreadSums sums;
  std::uint64_t group = static_cast<std::uint64_t>(blockIdx.x) * (blockDim.x / 32) + threadIdx.x / 32;
  for (; group < job.groups; group += stride) {
    const std::uint64_t column = group % in_row * job.width;
    const std::uint64_t start = group / in_row * job.row_width + column;
    const std::uint64_t count = smaller(job.width, job.row_width - column);
    Extent extent{0, 0};
    for (std::uint64_t i = lane; i < count; i += 32) {
      const float weight = load_weight(job.source, job.type, start + i);
      extent.min = fminf(extent.min, weight);
      extent.max = fmaxf(extent.max, mode == IntegerMode::zero_point ? weight : fabsf(weight));
    }
    for (unsigned mask = 16; mask > 0; mask /= 2) extent.fold<mode>(mask);
    const Coding coding =
        coding_of<mode>(mode == IntegerMode::zero_point ? extent.min : -extent.max, extent.max, job.bits);
    LaneErrors errors;
    for (std::uint64_t i = lane; i < count; i += 32) {
      const float weight = load_weight(job.source, job.type, start + i);
      const unsigned code = code_of<mode>(weight, coding, 0, errors);
      if (is_lost<mode>(coding)) errors.add(weight * coding.per_unit, 0);
      static_cast<std::uint8_t*>(job.codes)[start + i] = static_cast<std::uint8_t>(code);
    }
    add_errors(sums, coding, errors, can_be_coded<mode>(extent));
    if (lane == 0) store_scale(job, group, coding);
  }
  finish_reduction(job.reduction, sums);
}

/// Two codes to a byte, code + 8; a last odd one is paired with code 0.
static __device__ __forceinline__ void pack_codes(const PackCodes& job) {
  const std::uint64_t stride = static_cast<std::uint64_t>(gridDim.x) * blockDim.x;
  std::uint64_t pair = static_cast<std::uint64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  for (; pair < (job.count + 1) / 2; pair += stride) {
    const int high = job.codes[pair * 2] + 8;
    const int low = pair * 2 + 1 < job.count ? job.codes[pair * 2 + 1] + 8 : 8;
    job.packed[pair] = static_cast<std::uint8_t>(high << 4 | low);
  }
}

}  // namespace nibble::cuda

#pragma once

// NF4 and FP4. A lane holds 16 weights, a group of block_size / 16 lanes a block, a warp 512 weights at a time.

#include "tally.h"

namespace nibble::cuda {

/// bitsandbytes' bound on a block's absmax before it divides.
constexpr float kSmallestAbsmax = 1e-38f;

/// Adding it rounds to a whole number and leaves that in the low bits: 1.5 * 2^23.
constexpr float kShift = 12582912.0f;

/// CodeTables in shared memory. 32 entries of 4 bytes lie in the 32 banks: lookups never collide.
struct alignas(256) SharedTables {
  float cell_threshold[32];
  unsigned cell_value[32];  // address of the value of the lowest rank in the cell
  float values[16];         // by rank
  unsigned codes[16];

  /// Every thread of the block calls it. @returns the address of the tables
  __device__ __forceinline__ unsigned fill(const CodeTables& from) {
    const auto base = static_cast<unsigned>(__cvta_generic_to_shared(this));
    if (threadIdx.x < 32) {
      cell_threshold[threadIdx.x] = from.cell_threshold[threadIdx.x];
      cell_value[threadIdx.x] = base + 256 + from.cell_rank[threadIdx.x] * 4;
    }
    if (threadIdx.x < 16) {
      values[threadIdx.x] = from.values[threadIdx.x];
      codes[threadIdx.x] = from.codes[threadIdx.x];
    }
    __syncthreads();
    return base;
  }
};

// Shared memory by address. The compiler, left to itself, spends three instructions on what is one.
template <int offset>
__device__ __forceinline__ float shared_float(unsigned address) {
  float value;
  asm volatile("ld.shared.f32 %0, [%1+%2];" : "=f"(value) : "r"(address), "n"(offset));
  return value;
}
template <int offset>
__device__ __forceinline__ unsigned shared_word(unsigned address) {
  unsigned value;
  asm volatile("ld.shared.u32 %0, [%1+%2];" : "=r"(value) : "r"(address), "n"(offset));
  return value;
}

/// Address of the value that a scaled weight takes: that of the number of thresholds below it.
/// @param tables address of SharedTables
template <bool fp4>
__device__ __forceinline__ unsigned value_address(float scaled, unsigned tables) {
  const float quarters =
      fp4 ? __fmaf_ru(scaled, kFp4Cells, kQuarters + kFp4Start) : __fmaf_rn(scaled, kNf4Cells, kQuarters);
  const unsigned cell = (__float_as_uint(quarters) & kCellOffset) | tables;
  unsigned address = shared_word<128>(cell);
  asm("{.reg .pred above; setp.gt.f32 above, %1, %2; @above add.u32 %0, %0, 4;}"
      : "+r"(address)
      : "f"(scaled), "f"(shared_float<0>(cell)));
  return address;
}

/// Codes of 16 weights and their error sums in units of the block's scale.
template <bool fp4>
struct LaneCodes {
  unsigned packed[2];
  float error_squares, error_values, value_squares, max_error;

  template <SourceType type>
  __device__ __forceinline__ void make(const Weights<type, kLaneWeights>& weights, float inverse, unsigned tables) {
    error_squares = error_values = value_squares = max_error = 0;
    // NF4's codes are ranks, that is addresses less their start, in units of 4; so four at a time are put together.
    const unsigned start = (tables + 256) * 0x1111u;
#pragma unroll
    for (unsigned word = 0; word < 2; ++word) {
      unsigned half[2] = {0, 0};
#pragma unroll
      for (unsigned k = 0; k < 8; ++k) {
        const float scaled = __fmul_rn(weights.get(word * 8 + k), inverse);
        const unsigned address = value_address<fp4>(scaled, tables);
        const float value = shared_float<0>(address);
        // The first of a pair takes the high nibble.
        half[k / 4] += (fp4 ? shared_word<64>(address) : address) << (k % 4 * 4 ^ 4);
        const float error = scaled - value;
        error_squares = __fmaf_rn(error, error, error_squares);
        error_values = __fmaf_rn(error, value, error_values);
        value_squares = __fmaf_rn(value, value, value_squares);
        max_error = fmaxf(max_error, fabsf(error));
      }
      packed[word] = fp4 ? half[0] + (half[1] << 16) : (half[0] - start >> 2) + (half[1] - start << 14);
    }
  }

  __device__ __forceinline__ unsigned half_moments() const {
    const __half2 moments = __floats2half2_rn(error_values, value_squares);
    unsigned bits;
    memcpy(&bits, &moments, sizeof(bits));
    return bits;
  }
};

static __device__ __forceinline__ unsigned add_halves(unsigned a, unsigned b) {
  __half2 x, y;
  memcpy(&x, &a, sizeof(x));
  memcpy(&y, &b, sizeof(y));
  const __half2 sum = __hadd2(x, y);
  unsigned bits;
  memcpy(&bits, &sum, sizeof(bits));
  return bits;
}

/// Where a lane's share of a tile goes. Pointers are moved on from tile to tile: adding to them costs less than finding
/// them anew.
struct TilePlace {
  const unsigned char* source;
  std::uint8_t* codes;
  float* absmax;
  unsigned* moments;
  float* tile_error;

  template <SourceType type>
  static __device__ __forceinline__ TilePlace of(const QuantizeBlocks& job, std::uint64_t tile, unsigned lane) {
    const std::uint64_t start = tile * kTileWeights + lane * kLaneWeights;
    const std::uint64_t block = start >> job.block_shift;
    return {static_cast<const unsigned char*>(advance<type>(job.source, start)), job.codes + start / 2,
            job.absmax + block, job.moments + block, job.tile_errors + tile};
  }
};

/// Quantizes a lane's share of a tile, together with its warp.
/// @tparam nested whether the scales will be quantized as well
/// @param lanes of a block
/// @param present whether this lane has weights: blocks are whole, so it has all of its 16 or none
/// @returns the scale of the lane's block
template <SourceType type, bool fp4, bool nested>
__device__ __forceinline__ float quantize_tile(const Weights<type, kLaneWeights>& weights, const TilePlace& place,
                                               unsigned tables, unsigned lanes, bool present, ThreadSums& sums) {
  float absmax = weights.absmax();
  for (unsigned mask = 1; mask < lanes; mask *= 2) absmax = fmaxf(absmax, __shfl_xor_sync(kAllLanes, absmax, mask));
  const float unit = fmaxf(absmax, kSmallestAbsmax);
  LaneCodes<fp4> lane_codes;
  lane_codes.make(weights, __frcp_rn(unit), tables);
  sums.add(unit, lane_codes.error_squares, lane_codes.error_values, lane_codes.value_squares, lane_codes.max_error);
  if (present) {
    __stcs(reinterpret_cast<uint2*>(place.codes), make_uint2(lane_codes.packed[0], lane_codes.packed[1]));
  }
  const bool first = present && threadIdx.x % lanes == 0;
  if (first) *place.absmax = absmax;
  if constexpr (nested) {
    unsigned moments = lane_codes.half_moments();
    for (unsigned mask = 1; mask < lanes; mask *= 2) {
      moments = add_halves(moments, __shfl_xor_sync(kAllLanes, moments, mask));
    }
    if (first) *place.moments = moments;
    const float largest = warp_max_magnitude(unit * lane_codes.max_error);
    if (threadIdx.x % 32 == 0) *place.tile_error = largest;
  }
  return absmax;
}

/// Fewer weights than a tile, that begin with tile `whole`, by one warp.
template <SourceType type, bool fp4, bool nested>
__device__ __forceinline__ void quantize_rest(const QuantizeBlocks& job, std::uint64_t whole, unsigned tables,
                                              unsigned lanes, ThreadSums& sums) {
  const unsigned lane = threadIdx.x % 32;
  if (whole * kTileWeights >= job.weights) return;
  const TilePlace rest = TilePlace::of<type>(job, whole, lane);
  const bool present = whole * kTileWeights + lane * kLaneWeights < job.weights;
  Weights<type, kLaneWeights> weights;
  if (present) {
    weights.stream(rest.source);
  } else {
    weights.clear();
  }
  quantize_tile<type, fp4, nested>(weights, rest, tables, lanes, present, sums);
}

/// Whole blocks of at most 512 weights whose scales stay as they are.
/// @tparam fixed_lanes lanes of a block, or 0 when known at run time only
template <SourceType type, bool fp4, unsigned fixed_lanes>
__device__ __forceinline__ void quantize_blocks(const QuantizeBlocks& job) {
  __shared__ SharedTables shared;
  const unsigned tables = shared.fill(job.tables);
  const unsigned lanes = fixed_lanes != 0 ? fixed_lanes : (1u << job.block_shift) / kLaneWeights;
  const unsigned lane = threadIdx.x % 32;
  const auto whole = static_cast<unsigned>(job.weights / kTileWeights);
  const unsigned warps = gridDim.x * (blockDim.x / 32);
  unsigned tile = blockIdx.x * (blockDim.x / 32) + threadIdx.x / 32;
  const bool owns_rest = tile == whole % warps;

  ThreadSums sums;
  TilePlace place = TilePlace::of<type>(job, tile, lane);
  const std::uint64_t moved = static_cast<std::uint64_t>(warps) * kTileWeights;
  Weights<type, kLaneWeights> next;
  if (tile < whole) next.stream(place.source);
  for (; tile < whole; tile += warps) {
    const Weights<type, kLaneWeights> weights = next;
    place.source += moved * kWeightBytes<type>;
    if (tile + warps < whole) next.stream(place.source);
    quantize_tile<type, fp4, false>(weights, place, tables, lanes, true, sums);
    place.codes += moved / 2;
    place.absmax += moved >> job.block_shift;
  }
  if (owns_rest) quantize_rest<type, fp4, false>(job, whole, tables, lanes, sums);
  finish_tally(job.tally, sums);
}

/// The same where scales will be quantized: their mean must be known first, so its leaves (see mean_of_scales) are
/// added up here, while the scales are at hand. A block of the grid works on one leaf at a time, all its warps side by
/// side.
/// @tparam fixed_lanes lanes of a block, or 0 when known at run time only
template <SourceType type, bool fp4, unsigned fixed_lanes>
__device__ __forceinline__ void quantize_leaves(const QuantizeBlocks& job) {
  __shared__ SharedTables shared;
  // Two, so that one warp adds up a leaf while the others go on with the next.
  __shared__ float scales[2][kMostLeafGroups * 32];
  const unsigned tables = shared.fill(job.tables);
  const unsigned lanes = fixed_lanes != 0 ? fixed_lanes : (1u << job.block_shift) / kLaneWeights;
  const unsigned lane = threadIdx.x % 32;
  const unsigned warp = threadIdx.x / 32;
  const unsigned warps = blockDim.x / 32;
  const auto whole = static_cast<unsigned>(job.weights / kTileWeights);
  const unsigned leaf_tiles = 1u << job.leaf_shift;
  const unsigned leaves = (whole + leaf_tiles - 1) >> job.leaf_shift;
  const unsigned leaf_groups = leaf_tiles / lanes;
  const std::uint64_t moved = static_cast<std::uint64_t>(warps) * kTileWeights;

  ThreadSums sums;
  Weights<type, kLaneWeights> next;
  const unsigned first = (blockIdx.x << job.leaf_shift) + warp;
  if (first < whole) next.stream(TilePlace::of<type>(job, first, lane).source);
  unsigned turn = 0;
  for (unsigned leaf = blockIdx.x; leaf < leaves; leaf += gridDim.x, ++turn) {
    const unsigned start = leaf << job.leaf_shift;
    const auto end = static_cast<unsigned>(smaller(start + leaf_tiles, whole));
    float* leaf_scales = scales[turn % 2];
    TilePlace place = TilePlace::of<type>(job, start + warp, lane);
    for (unsigned tile = start + warp; tile < end; tile += warps) {
      const Weights<type, kLaneWeights> weights = next;
      place.source += moved * kWeightBytes<type>;
      if (tile + warps < end) {
        next.stream(place.source);
      } else {
        const unsigned after = (leaf + gridDim.x << job.leaf_shift) + warp;
        if (after < whole) next.stream(TilePlace::of<type>(job, after, lane).source);
      }
      const float absmax = quantize_tile<type, fp4, true>(weights, place, tables, lanes, true, sums);
      if (lane % lanes == 0) leaf_scales[(tile - start) * (32 / lanes) + lane / lanes] = absmax;
      place.codes += moved / 2;
      place.absmax += moved >> job.block_shift;
      place.moments += moved >> job.block_shift;
      place.tile_error += warps;
    }
    // No warp comes back to these scales before the next barrier, which the one that adds them up passes as well.
    __syncthreads();
    if (job.leaf_sums != nullptr && warp == turn % warps && start + leaf_tiles <= whole) {
      float sum = 0;
#pragma unroll 16
      for (unsigned group = 0; group < leaf_groups; ++group) sum += leaf_scales[group * 32 + lane];
      job.leaf_sums[leaf * 32ull + lane] = sum;
    }
  }
  if (warp == 0 && blockIdx.x == leaves % gridDim.x) quantize_rest<type, fp4, true>(job, whole, tables, lanes, sums);
  finish_tally(job.tally, sums);
}

/// Whole blocks of 1024 weights or more: a warp reads a block twice, the second time from a cache.
template <SourceType type, bool fp4>
__device__ __forceinline__ void quantize_large_blocks(const QuantizeBlocks& job) {
  __shared__ SharedTables shared;
  const unsigned tables = shared.fill(job.tables);
  const unsigned lane = threadIdx.x % 32;
  const unsigned tiles = (1u << job.block_shift) / kTileWeights;
  const std::uint64_t blocks = job.weights >> job.block_shift;
  const std::uint64_t stride = static_cast<std::uint64_t>(gridDim.x) * (blockDim.x / 32);
  std::uint64_t block = static_cast<std::uint64_t>(blockIdx.x) * (blockDim.x / 32) + threadIdx.x / 32;
  ThreadSums sums;
  for (; block < blocks; block += stride) {
    const std::uint64_t start = (block << job.block_shift) + lane * kLaneWeights;
    float absmax = 0;
    Weights<type, kLaneWeights> weights;
    for (unsigned tile = 0; tile < tiles; ++tile) {
      weights.load(advance<type>(job.source, start + tile * kTileWeights));
      absmax = fmaxf(absmax, weights.absmax());
    }
    absmax = warp_max(absmax);
    const float unit = fmaxf(absmax, kSmallestAbsmax);
    const float inverse = __frcp_rn(unit);
    unsigned moments = 0;
    for (unsigned tile = 0; tile < tiles; ++tile) {
      const std::uint64_t at = start + tile * kTileWeights;
      weights.load(advance<type>(job.source, at));
      LaneCodes<fp4> lane_codes;
      lane_codes.make(weights, inverse, tables);
      sums.add(unit, lane_codes.error_squares, lane_codes.error_values, lane_codes.value_squares, lane_codes.max_error);
      __stcs(reinterpret_cast<uint2*>(job.codes + at / 2), make_uint2(lane_codes.packed[0], lane_codes.packed[1]));
      if (job.moments != nullptr) {
        moments = add_halves(moments, lane_codes.half_moments());
        const float largest = warp_max_magnitude(unit * lane_codes.max_error);
        if (lane == 0) job.tile_errors[block * tiles + tile] = largest;
      }
    }
    for (unsigned mask = 1; mask < 32; mask *= 2) {
      moments = add_halves(moments, __shfl_xor_sync(kAllLanes, moments, mask));
    }
    if (lane == 0) {
      job.absmax[block] = absmax;
      if (job.moments != nullptr) job.moments[block] = moments;
    }
  }
  finish_tally(job.tally, sums);
}

/// The incomplete last block, by one warp: divided by its absmax, whose lower bound is stored as well. A last odd code
/// is paired with the code of 0.
/// @param job of the block alone: its pointers are those of the block, `weights` how many it has
template <bool fp4>
__device__ __forceinline__ void quantize_last_block(const QuantizeBlocks& job, SourceType type) {
  __shared__ SharedTables shared;
  const unsigned tables = shared.fill(job.tables);
  const auto count = static_cast<unsigned>(job.weights);
  float absmax = kSmallestAbsmax;
  for (unsigned i = threadIdx.x; i < count; i += 32) absmax = fmaxf(absmax, fabsf(load_weight(job.source, type, i)));
  absmax = warp_max(absmax);
  float ee = 0, eu = 0, uu = 0, largest = 0;
  const unsigned pairs = (count + 1) / 2;
  for (unsigned pair = threadIdx.x; pair < pairs; pair += 32) {
    unsigned byte = 0;
    for (unsigned k = 0; k < 2; ++k) {
      const unsigned i = pair * 2 + k;
      const float scaled = i < count ? __fdiv_rn(load_weight(job.source, type, i), absmax) : 0.0f;
      const unsigned address = value_address<fp4>(scaled, tables);
      byte = byte << 4 | shared_word<64>(address);
      if (i >= count) continue;
      const float value = shared_float<0>(address);
      const float error = scaled - value;
      ee = __fmaf_rn(error, error, ee);
      eu = __fmaf_rn(error, value, eu);
      uu = __fmaf_rn(value, value, uu);
      largest = fmaxf(largest, fabsf(error));
    }
    job.codes[pair] = static_cast<std::uint8_t>(byte);
  }
  ThreadSums sums;
  sums.add(absmax, ee, eu, uu, largest);
  const __half2 lane_moments = __floats2half2_rn(eu, uu);
  unsigned moments;
  memcpy(&moments, &lane_moments, sizeof(moments));
  for (unsigned mask = 1; mask < 32; mask *= 2) {
    moments = add_halves(moments, __shfl_xor_sync(kAllLanes, moments, mask));
  }
  const float tile_error = warp_max_magnitude(absmax * largest);
  if (threadIdx.x == 0) {
    job.absmax[0] = absmax;
    if (job.moments != nullptr) {
      job.moments[0] = moments;
      job.tile_errors[0] = job.shares_tile ? fmaxf(job.tile_errors[0], tile_error) : tile_error;
      for (unsigned i = 1; i < (count + kTileWeights - 1) / kTileWeights; ++i) job.tile_errors[i] = tile_error;
    }
  }
  finish_tally(job.tally, sums);
}

}  // namespace nibble::cuda

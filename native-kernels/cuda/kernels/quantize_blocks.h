#pragma once

// NF4 and FP4. A lane holds 16 weights, a group of block_size / 16 lanes a block, a warp 512 weights at a time.

#include "block_reduction.h"

namespace nibble::cuda {

/// Scales that one double-quantized block of scales holds: a run.
constexpr unsigned kNestedBlockSize = 256;

/// Warps of a block of the grid.
constexpr unsigned kBlockWarps = 8;

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

  template <SourceType type>
  static __device__ __forceinline__ TilePlace of(const QuantizeBlocks& job, std::uint64_t tile, unsigned lane) {
    const std::uint64_t start = tile * kTileWeights + lane * kLaneWeights;
    return {static_cast<const unsigned char*>(advance<type>(job.source, start)), job.codes + start / 2};
  }
};

/// What is left of a lane's share of a tile beside its codes and sums.
struct TileScale {
  float absmax;      // of the lane's block
  unsigned moments;  // of the lane's block; nested only
  float error;       // largest |unit * e| of the lane's weights
};

/// Quantizes a lane's share of a tile, together with its warp.
/// @tparam nested whether the scales will be quantized as well
/// @param lanes of a block
/// @param present whether this lane has weights: blocks are whole, so it has all of its 16 or none
template <SourceType type, bool fp4, bool nested>
__device__ __forceinline__ TileScale quantize_tile(const Weights<type, kLaneWeights>& weights, std::uint8_t* codes,
                                                   unsigned tables, unsigned lanes, bool present, ThreadSums& sums) {
  float absmax = weights.absmax();
  for (unsigned mask = 1; mask < lanes; mask *= 2) absmax = fmaxf(absmax, __shfl_xor_sync(kAllLanes, absmax, mask));
  const float unit = fmaxf(absmax, kSmallestAbsmax);
  LaneCodes<fp4> lane_codes;
  lane_codes.make(weights, __frcp_rn(unit), tables);
  sums.add(unit, lane_codes.error_squares, lane_codes.error_values, lane_codes.value_squares);
  if (present) __stcs(reinterpret_cast<uint2*>(codes), make_uint2(lane_codes.packed[0], lane_codes.packed[1]));
  unsigned moments = 0;
  if constexpr (nested) {
    moments = lane_codes.half_moments();
    for (unsigned mask = 1; mask < lanes; mask *= 2) {
      moments = add_halves(moments, __shfl_xor_sync(kAllLanes, moments, mask));
    }
  }
  return {absmax, moments, unit * lane_codes.max_error};
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
  float* absmax = static_cast<float*>(job.absmax) + tile * (32 / lanes) + lane / lanes;
  const std::uint64_t moved = static_cast<std::uint64_t>(warps) * kTileWeights;
  Weights<type, kLaneWeights> next;
  const auto quantize = [&](const Weights<type, kLaneWeights>& weights, bool present) {
    const TileScale scale = quantize_tile<type, fp4, false>(weights, place.codes, tables, lanes, present, sums);
    sums.max_error = fmaxf(sums.max_error, scale.error);
    if (present && lane % lanes == 0) *absmax = scale.absmax;
  };
  if (tile < whole) next.stream(place.source);
  for (; tile < whole; tile += warps) {
    const Weights<type, kLaneWeights> weights = next;
    place.source += moved * kWeightBytes<type>;
    if (tile + warps < whole) next.stream(place.source);
    quantize(weights, true);
    place.codes += moved / 2;
    absmax += moved >> job.block_shift;
  }
  if (owns_rest && whole * static_cast<std::uint64_t>(kTileWeights) < job.weights) {
    const bool present = whole * static_cast<std::uint64_t>(kTileWeights) + lane * kLaneWeights < job.weights;
    next.clear();
    if (present) next.stream(place.source);
    quantize(next, present);
  }
  finish_reduction(job.reduction, sums);
}

/// What the scales of a leaf wait in, until they are written side by side.
struct LeafScales {
  struct Block {
    float absmax;
    unsigned moments;
  };
  static constexpr unsigned kMost = kMostLeafGroups * 32;
  Block blocks[kMost];
  unsigned errors[kMost / kNestedBlockSize];  // bits of those of a run

  /// Writes blocks and errors. Every thread of the block calls it.
  template <SourceType type>
  __device__ __forceinline__ void store(const QuantizeBlocks& job, std::uint64_t first, unsigned count) {
    for (unsigned i = threadIdx.x * 4; i < count; i += kBlockWarps * 32 * 4) {
      if (i + 4 > count) {
        for (unsigned k = i; k < count; ++k) {
          store_scale(job.absmax, type, first + k, blocks[k].absmax);
          job.moments[first + k] = blocks[k].moments;
        }
        continue;
      }
      const Block* four = blocks + i;
      if constexpr (type == SourceType::f32) {
        *reinterpret_cast<float4*>(static_cast<float*>(job.absmax) + first + i) =
            make_float4(four[0].absmax, four[1].absmax, four[2].absmax, four[3].absmax);
      } else {
        const auto pair = [&](unsigned k) {
          return scale_bits(type, four[k].absmax) | static_cast<unsigned>(scale_bits(type, four[k + 1].absmax)) << 16;
        };
        *reinterpret_cast<uint2*>(static_cast<unsigned short*>(job.absmax) + first + i) = make_uint2(pair(0), pair(2));
      }
      *reinterpret_cast<uint4*>(job.moments + first + i) =
          make_uint4(four[0].moments, four[1].moments, four[2].moments, four[3].moments);
    }
    const unsigned runs = (count + kNestedBlockSize - 1) / kNestedBlockSize;
    if (threadIdx.x < runs) {
      job.errors[first / kNestedBlockSize + threadIdx.x] = __uint_as_float(errors[threadIdx.x]);
      errors[threadIdx.x] = 0;
    }
  }
};

/// The same where scales will be quantized: their mean must be known first, so its leaves (see mean_of_scales) are
/// added up here, while the scales are at hand. A block of the grid works on one leaf at a time, all its warps side by
/// side, a run of scales after another: every warp has as many tiles of a run as a block of weights has lanes.
/// @tparam fixed_lanes lanes of a block, or 0 when known at run time only
template <SourceType type, bool fp4, unsigned fixed_lanes>
__device__ __forceinline__ void quantize_leaves(const QuantizeBlocks& job) {
  __shared__ SharedTables shared;
  // Two, so that a leaf is written while some warps go on with the next.
  __shared__ alignas(16) LeafScales scales[2];
  if (threadIdx.x < 2) {
    for (unsigned& error : scales[threadIdx.x].errors) error = 0;
  }
  const unsigned tables = shared.fill(job.tables);
  const unsigned lanes = fixed_lanes != 0 ? fixed_lanes : (1u << job.block_shift) / kLaneWeights;
  const unsigned lane = threadIdx.x % 32;
  const unsigned warp = threadIdx.x / 32;
  const unsigned run_tiles = kBlockWarps * lanes;
  const unsigned leaf_runs = (1u << job.leaf_shift) / run_tiles;
  const auto whole_runs = static_cast<unsigned>(job.weights / (static_cast<std::uint64_t>(run_tiles) * kTileWeights));
  const auto tiles = static_cast<unsigned>((job.weights + kTileWeights - 1) / kTileWeights);
  const unsigned leaves = (tiles + (1u << job.leaf_shift) - 1) >> job.leaf_shift;
  // This lane's share of its warp's first tile of a run, in weights.
  const auto place_of = [&](unsigned run) {
    return (static_cast<std::uint64_t>(run) * run_tiles + warp) * kTileWeights + lane * kLaneWeights;
  };

  ThreadSums sums;
  Weights<type, kLaneWeights> next;
  if (blockIdx.x * leaf_runs < whole_runs) next.stream(advance<type>(job.source, place_of(blockIdx.x * leaf_runs)));
  unsigned turn = 0;
  for (unsigned leaf = blockIdx.x; leaf < leaves; leaf += gridDim.x, ++turn) {
    const unsigned first_run = leaf * leaf_runs;
    LeafScales& leaf_scales = scales[turn % 2];
    float error = 0;
    const auto quantize = [&](const Weights<type, kLaneWeights>& weights, std::uint64_t at, unsigned tile,
                              bool present) {
      const TileScale scale = quantize_tile<type, fp4, true>(weights, job.codes + at / 2, tables, lanes, present, sums);
      if (present && lane % lanes == 0) {
        leaf_scales.blocks[tile * (32 / lanes) + lane / lanes] = {scale.absmax, scale.moments};
      }
      error = fmaxf(error, scale.error);
    };
    const auto end_run = [&](unsigned run) {
      const float largest = warp_max_magnitude(error);
      if (lane == 0) atomicMax(leaf_scales.errors + run, __float_as_uint(largest));
      error = 0;
    };
    unsigned run = 0;
    for (; run < leaf_runs && first_run + run < whole_runs; ++run) {
      const std::uint64_t at = place_of(first_run + run);
      const unsigned after = run + 1 < leaf_runs ? first_run + run + 1 : (leaf + gridDim.x) * leaf_runs;
#pragma unroll 1
      for (unsigned step = 0; step < lanes; ++step) {
        const Weights<type, kLaneWeights> weights = next;
        if (step + 1 < lanes) {
          next.stream(advance<type>(job.source, at + (step + 1) * kBlockWarps * kTileWeights));
        } else if (after < whole_runs) {
          next.stream(advance<type>(job.source, place_of(after)));
        }
        quantize(weights, at + step * kBlockWarps * kTileWeights, run * run_tiles + step * kBlockWarps + warp, true);
      }
      end_run(run);
    }
    // The last leaf may end with less than a run, and that with less than a tile.
    if (run < leaf_runs) {
      const unsigned start = (first_run + run) * run_tiles;
      for (unsigned tile = start + warp; tile < tiles; tile += kBlockWarps) {
        const std::uint64_t at = static_cast<std::uint64_t>(tile) * kTileWeights + lane * kLaneWeights;
        Weights<type, kLaneWeights> weights;
        weights.clear();
        if (at < job.weights) weights.stream(advance<type>(job.source, at));
        quantize(weights, at, run * run_tiles + tile - start, at < job.weights);
      }
      end_run(run);
    }
    // No warp comes back to these scales before the next barrier, which all that read them here pass as well.
    __syncthreads();
    const std::uint64_t first_block = static_cast<std::uint64_t>(first_run) * kNestedBlockSize;
    const std::uint64_t left = (job.weights >> job.block_shift) - first_block;
    const unsigned leaf_blocks = leaf_runs * kNestedBlockSize;
    leaf_scales.template store<type>(job, first_block, static_cast<unsigned>(smaller(left, leaf_blocks)));
    if (job.leaf_sums != nullptr && warp == turn % kBlockWarps && run == leaf_runs) {
      float sum = 0;
#pragma unroll 16
      for (unsigned at = lane; at < leaf_blocks; at += 32) sum += leaf_scales.blocks[at].absmax;
      job.leaf_sums[leaf * 32ull + lane] = sum;
    }
  }
  finish_reduction(job.reduction, sums);
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
    float error = 0;
    for (unsigned tile = 0; tile < tiles; ++tile) {
      const std::uint64_t at = start + tile * kTileWeights;
      weights.load(advance<type>(job.source, at));
      LaneCodes<fp4> lane_codes;
      lane_codes.make(weights, inverse, tables);
      sums.add(unit, lane_codes.error_squares, lane_codes.error_values, lane_codes.value_squares);
      error = fmaxf(error, unit * lane_codes.max_error);
      __stcs(reinterpret_cast<uint2*>(job.codes + at / 2), make_uint2(lane_codes.packed[0], lane_codes.packed[1]));
      if (job.moments != nullptr) moments = add_halves(moments, lane_codes.half_moments());
    }
    sums.max_error = fmaxf(sums.max_error, error);
    error = warp_max_magnitude(error);
    for (unsigned mask = 1; mask < 32; mask *= 2) {
      moments = add_halves(moments, __shfl_xor_sync(kAllLanes, moments, mask));
    }
    if (lane == 0) {
      if (job.moments == nullptr) {
        static_cast<float*>(job.absmax)[block] = absmax;
      } else {
        store_scale(job.absmax, type, block, absmax);
        job.moments[block] = moments;
        job.errors[block] = error;
      }
    }
  }
  finish_reduction(job.reduction, sums);
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
  sums.add(absmax, ee, eu, uu);
  sums.max_error = absmax * largest;
  const __half2 lane_moments = __floats2half2_rn(eu, uu);
  unsigned moments;
  memcpy(&moments, &lane_moments, sizeof(moments));
  for (unsigned mask = 1; mask < 32; mask *= 2) {
    moments = add_halves(moments, __shfl_xor_sync(kAllLanes, moments, mask));
  }
  const float error = warp_max_magnitude(absmax * largest);
  if (threadIdx.x == 0) {
    if (job.moments == nullptr) {
      *static_cast<float*>(job.absmax) = absmax;
    } else {
      store_scale(job.absmax, type, 0, absmax);
      job.moments[0] = moments;
      job.errors[0] = job.shares_error ? fmaxf(job.errors[0], error) : error;
    }
  }
  finish_reduction(job.reduction, sums);
}

}  // namespace nibble::cuda

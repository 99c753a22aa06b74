#pragma once

// One token's products at the speed of memory. A warp takes 16 rows; each lane loads 16 bytes of two of them, which the
// tensor cores multiply: what matters is not their speed but that they leave the other units to unpack the weights.
//
// The activations are split into two float16, high + low / 2048, so nothing of float32's accuracy that could matter is
// lost. They fill two of a fragment's eight columns; the other six keep lanes apart: lane t's part of x stands only in
// columns 2t and 2t + 1, so that C's lane t receives the product of exactly the weights that it loaded itself, which
// belong to one block and have one scale.

#include "activation.h"
#include "arguments.h"
#include "block_sums.h"
#include "stored_weights.h"

namespace nibble::cuda {

constexpr float kLowLift = 2048.0f;

/// Columns of a lane's 16 bytes (f32: 32 bytes).
__device__ __forceinline__ constexpr unsigned lane_columns(Format format) {
  return is_four_bit(format) ? 32 : format == Format::int8 ? 16 : 8;
}

/// What a lane loads of its two rows for one step of four lanes' columns.
template <Format format>
struct VectorStep {
  uint4 a[format == Format::f32 ? 2 : 1];
  uint4 b[format == Format::f32 ? 2 : 1];
  RawScale scale_a;
  RawScale scale_b;
};

/// The two rows of a lane, each of its own matrix where a gate is paired with its product.
struct RowPair {
  RowView a;
  RowView b;
  float offset_a;  // of nested scales
  float offset_b;
};

template <Format format>
__device__ __forceinline__ VectorStep<format> load_step(const RowPair& rows, unsigned column, unsigned columns) {
  VectorStep<format> step;
  if (column >= columns) {
    step.a[0] = step.b[0] = make_uint4(0, 0, 0, 0);
    if constexpr (format == Format::f32) step.a[1] = step.b[1] = make_uint4(0, 0, 0, 0);
    step.scale_a = step.scale_b = {0.0f, 0, 0};
    return step;
  }
  const std::uint64_t at = is_four_bit(format)      ? column / 2
                           : format == Format::int8 ? column
                           : format == Format::f32  ? column * 4
                                                    : column * 2;
  step.a[0] = stream16(rows.a.codes + at);
  step.b[0] = stream16(rows.b.codes + at);
  if constexpr (format == Format::f32) {
    step.a[1] = stream16(rows.a.codes + at + 16);
    step.b[1] = stream16(rows.b.codes + at + 16);
  }
  step.scale_a = read_scale<format>(rows.a, column);
  step.scale_b = read_scale<format>(rows.b, column);
  return step;
}

/// Where the kernel finds things in shared memory.
struct VectorRoom {
  unsigned char* pairs;  // table formats
  float* nested_map;     // [256]
  __half* high;          // [columns]
  __half* low;
  float* sums;     // [kVectorWarps][16]
  float2* spread;  // [kVectorWarps]
};

template <Format format>
__device__ __forceinline__ VectorRoom vector_room(unsigned char* memory, unsigned columns) {
  VectorRoom room;
  room.pairs = memory;
  if constexpr (is_four_bit(format)) memory += 256 * 32 * 4;
  room.sums = reinterpret_cast<float*>(memory);
  memory += kVectorWarps * 16 * 4;
  room.spread = reinterpret_cast<float2*>(memory);
  memory += kVectorWarps * 8;
  room.nested_map = reinterpret_cast<float*>(memory);
  memory += 256 * 4;
  room.high = reinterpret_cast<__half*>(memory);
  room.low = room.high + columns;
  return room;
}

/// Puts x, normalized if so asked, into shared memory. @returns what sums must be multiplied by
__device__ __forceinline__ float stage_vector(const MultiplyVector& job, unsigned columns, const VectorRoom& room) {
  float squares = 0;
  float largest = 0;
  for (unsigned i = threadIdx.x * 4; i < columns; i += kVectorThreads * 4) {
    float4 x = *reinterpret_cast<const float4*>(job.x + i);
    if (job.norm_weight != nullptr) {
      squares += x.x * x.x + x.y * x.y + x.z * x.z + x.w * x.w;
      const float4 w = __ldg(reinterpret_cast<const float4*>(job.norm_weight + i));
      x = make_float4(x.x * w.x, x.y * w.y, x.z * w.z, x.w * w.w);
    }
    largest = fmaxf(fmaxf(fmaxf(largest, fabsf(x.x)), fmaxf(fabsf(x.y), fabsf(x.z))), fabsf(x.w));
  }
  block_sum_and_max(squares, largest, room.spread);
  float factor = 1.0f;
  if (job.norm_weight != nullptr) factor = 1.0f / sqrtf(squares / static_cast<float>(columns) + job.epsilon);
  // A power of two brings the largest value to 8192 or a little more: float16 ends at 65,504, and loses bits below
  // 2^-14.
  int exponent = 0;
  if (largest * factor > 0 && largest * factor < INFINITY) exponent = 14 - (ilogbf(largest * factor) + 1);
  exponent = min(max(exponent, -100), 100);
  const float lift = exp2f(static_cast<float>(exponent));
  for (unsigned i = threadIdx.x * 4; i < columns; i += kVectorThreads * 4) {
    const float4 x = *reinterpret_cast<const float4*>(job.x + i);
    float value[4] = {x.x, x.y, x.z, x.w};
    if (job.norm_weight != nullptr) {
      const float4 w = __ldg(reinterpret_cast<const float4*>(job.norm_weight + i));
      value[0] = value[0] * factor * w.x;
      value[1] = value[1] * factor * w.y;
      value[2] = value[2] * factor * w.z;
      value[3] = value[3] * factor * w.w;
    }
    __half high[4];
    __half low[4];
#pragma unroll
    for (int j = 0; j < 4; ++j) {
      const float lifted = value[j] * lift;
      high[j] = __float2half_rn(lifted);
      low[j] = __float2half_rn((lifted - __half2float(high[j])) * kLowLift);
    }
    *reinterpret_cast<uint2*>(room.high + i) =
        make_uint2(bits_of(__halves2half2(high[0], high[1])), bits_of(__halves2half2(high[2], high[3])));
    *reinterpret_cast<uint2*>(room.low + i) =
        make_uint2(bits_of(__halves2half2(low[0], low[1])), bits_of(__halves2half2(low[2], low[3])));
  }
  __syncthreads();
  return exp2f(static_cast<float>(-exponent));
}

/// Adds the products of a step to the lane's sums. @param x the lane's columns of high or low; null in the 24 lanes
/// whose columns of the fragment stay empty
template <Format format>
__device__ __forceinline__ void add_step(const VectorStep<format>& step, const __half* x, const unsigned char* pairs,
                                         const ScaleRule& rule_a, const ScaleRule& rule_b, float& sum_a, float& sum_b) {
  float c[4] = {};
  const unsigned lane_offset = threadIdx.x % 32 * 4;
  const unsigned wa[4] = {step.a[0].x, step.a[0].y, step.a[0].z, step.a[0].w};
  const unsigned wb[4] = {step.b[0].x, step.b[0].y, step.b[0].z, step.b[0].w};
  uint4 part = make_uint4(0, 0, 0, 0);
  if constexpr (is_four_bit(format)) {
    // 4-bit zero points: the table holds code - 8.
    const __half2 zero_a = __half2half2(__int2half_rn(step.scale_a.zero_point));
    const __half2 zero_b = __half2half2(__int2half_rn(step.scale_b.zero_point));
    const auto shift = [](unsigned pair, __half2 zero) {
      return format == Format::int4 ? bits_of(__hsub2(pair_of(pair), zero)) : pair;
    };
#pragma unroll
    for (int word = 0; word < 4; ++word) {
      if (x != nullptr) part = *reinterpret_cast<const uint4*>(x + word * 8);
      multiply_fragments(c, shift(look_up<32, 0>(pairs, wa[word], lane_offset), zero_a),
                         shift(look_up<32, 0>(pairs, wb[word], lane_offset), zero_b),
                         shift(look_up<32, 1>(pairs, wa[word], lane_offset), zero_a),
                         shift(look_up<32, 1>(pairs, wb[word], lane_offset), zero_b), part.x, part.y);
      multiply_fragments(c, shift(look_up<32, 2>(pairs, wa[word], lane_offset), zero_a),
                         shift(look_up<32, 2>(pairs, wb[word], lane_offset), zero_b),
                         shift(look_up<32, 3>(pairs, wa[word], lane_offset), zero_a),
                         shift(look_up<32, 3>(pairs, wb[word], lane_offset), zero_b), part.z, part.w);
    }
  } else if constexpr (format == Format::int8) {
    const __half2 magic_a = integer_magic(step.scale_a.zero_point);
    const __half2 magic_b = integer_magic(step.scale_b.zero_point);
#pragma unroll
    for (int word = 0; word < 4; ++word) {
      if (x != nullptr && word % 2 == 0) part = *reinterpret_cast<const uint4*>(x + word * 4);
      const unsigned a = wa[word] ^ 0x80808080u;
      const unsigned b = wb[word] ^ 0x80808080u;
      multiply_fragments(c, integer_pair<0>(a, magic_a), integer_pair<0>(b, magic_b), integer_pair<1>(a, magic_a),
                         integer_pair<1>(b, magic_b), word % 2 == 0 ? part.x : part.z, word % 2 == 0 ? part.y : part.w);
    }
  } else {
    if (x != nullptr) part = *reinterpret_cast<const uint4*>(x);
    unsigned pa[4];
    unsigned pb[4];
    if constexpr (format == Format::f32) {
      pa[0] = float_pair<format>(step.a[0].x, step.a[0].y);
      pa[1] = float_pair<format>(step.a[0].z, step.a[0].w);
      pa[2] = float_pair<format>(step.a[1].x, step.a[1].y);
      pa[3] = float_pair<format>(step.a[1].z, step.a[1].w);
      pb[0] = float_pair<format>(step.b[0].x, step.b[0].y);
      pb[1] = float_pair<format>(step.b[0].z, step.b[0].w);
      pb[2] = float_pair<format>(step.b[1].x, step.b[1].y);
      pb[3] = float_pair<format>(step.b[1].z, step.b[1].w);
    } else {
#pragma unroll
      for (int word = 0; word < 4; ++word) {
        pa[word] = float_pair<format>(wa[word], 0);
        pb[word] = float_pair<format>(wb[word], 0);
      }
    }
    multiply_fragments(c, pa[0], pb[0], pa[1], pb[1], part.x, part.y);
    multiply_fragments(c, pa[2], pb[2], pa[3], pb[3], part.z, part.w);
  }
  constexpr float kLow = 1.0f / kLowLift;
  sum_a += (c[0] + c[1] * kLow) * finish_scale<format>(rule_a, step.scale_a);
  sum_b += (c[2] + c[3] * kLow) * finish_scale<format>(rule_b, step.scale_b);
}

/// The matrix whose tile this is; `tile` becomes its number there, `first` the row of the output where the matrix
/// begins.
template <typename Job>
__device__ __forceinline__ const Matrix& matrix_of_tile(const Job& job, unsigned& tile, unsigned& first) {
  unsigned index = 0;
  unsigned begin = 0;
  first = 0;
  while (index + 1 < kMatrices && tile >= job.tile_ends[index]) {
    begin = job.tile_ends[index];
    first += job.matrices[index].rows;
    ++index;
  }
  tile -= begin;
  return job.matrices[index];
}

template <Format format>
__device__ __forceinline__ RowPair rows_of_tile(const MultiplyVector& job, unsigned tile, unsigned g) {
  // Rows beyond the end are read twice and written never.
  if (job.outcome == Outcome::gated) {
    const unsigned row = min(tile * 8 + g, job.matrices[0].rows - 1);
    return {row_view<format>(job.matrices[0], row), row_view<format>(job.matrices[1], row),
            job.matrices[0].nested_offset, job.matrices[1].nested_offset};
  }
  unsigned first = 0;
  const Matrix& matrix = matrix_of_tile(job, tile, first);
  return {row_view<format>(matrix, min(tile * 16 + g, matrix.rows - 1)),
          row_view<format>(matrix, min(tile * 16 + g + 8, matrix.rows - 1)), matrix.nested_offset,
          matrix.nested_offset};
}

/// Writes row `row` (0 to 15) of a tile, whose warps left their sums at `sums`.
__device__ __forceinline__ void write_row(const MultiplyVector& job, unsigned tile, unsigned row, const float* sums,
                                          float undo) {
  const auto total = [&](unsigned of) {
    float sum = 0;
    for (unsigned warp = 0; warp < job.split; ++warp) sum += sums[warp * 16 + of];
    return sum * undo;
  };
  if (job.outcome == Outcome::gated) {
    const unsigned at = tile * 8 + row;
    if (row >= 8 || at >= job.matrices[0].rows) return;
    const float gate = total(row) + bias_of(job.matrices[0], at);
    const float up = total(row + 8) + bias_of(job.matrices[1], at);
    job.out[at] = gated(job.activation, gate, up);
    return;
  }
  unsigned first = 0;
  const Matrix& matrix = matrix_of_tile(job, tile, first);
  const unsigned at = tile * 16 + row;
  if (at >= matrix.rows) return;
  const float value = total(row) + bias_of(matrix, at);
  float* out = job.out + first + at;
  *out = job.outcome == Outcome::add ? *out + value : value;
}

/// The matrices are those of the job.
struct OwnMatrices {
  static constexpr bool is_choice = false;
  __device__ __forceinline__ void operator()() const {}
};

/// @param choose called as soon as input may be read; where it is a choice, it puts matrices and places into the job,
/// of
///   the same shape and kind as those that are there
template <Format format, typename Choose = OwnMatrices>
__device__ __forceinline__ void multiply_vector(const MultiplyVector& job, const Choose& choose = {}) {
  extern __shared__ __align__(16) unsigned char memory[];
  const unsigned columns = job.matrices[0].columns;
  const VectorRoom room = vector_room<format>(memory, columns);
  const unsigned warp = threadIdx.x / 32;
  const unsigned lane = threadIdx.x % 32;
  const unsigned g = lane / 4;
  const unsigned t = lane % 4;
  constexpr unsigned kLane = lane_columns(format);
  constexpr unsigned kStep = 4 * kLane;
  const unsigned steps = (columns + kStep - 1) / kStep;
  // Warps of a tile take turns, so that they read neighbouring bytes of its rows at about the same time.
  const unsigned begin = warp % job.split;
  const unsigned tiles = job.outcome == Outcome::gated ? job.tile_ends[0] : job.tile_ends[kMatrices - 1];
  const unsigned tiles_at_once = kVectorWarps / job.split;
  const float factor = job.matrices[0].scale_factor;

  // Weights do not wait for the kernel before this one.
  unsigned first_tile = blockIdx.x * tiles_at_once;
  RowPair rows;
  VectorStep<format> step;
  const auto load_first = [&] {
    rows = rows_of_tile<format>(job, min(first_tile + warp / job.split, tiles - 1), g);
    step = load_step<format>(rows, begin * kStep + t * kLane, columns);
  };
  if constexpr (!Choose::is_choice) load_first();
  if constexpr (is_four_bit(format)) {
    fill_pair_table<format, 32>(reinterpret_cast<unsigned*>(room.pairs), job.matrices[0].table, kVectorThreads);
  }
  if constexpr (format == Format::levels4_nested) {
    if (threadIdx.x < 256) room.nested_map[threadIdx.x] = job.matrices[0].nested_map[threadIdx.x];
  }
  let_next_start();
  wait_for_input();
  if constexpr (Choose::is_choice) {
    choose();
    load_first();
  }
  const float undo = stage_vector(job, columns, room);

  const __half* x = g / 2 != t ? nullptr : g % 2 == 0 ? room.high : room.low;
  while (true) {
    float sum_a = 0;
    float sum_b = 0;
    for (unsigned s = begin; s < steps; s += job.split) {
      const VectorStep<format> current = step;
      const unsigned column = s * kStep + t * kLane;
      if (s + job.split < steps) step = load_step<format>(rows, column + job.split * kStep, columns);
      add_step<format>(current, x == nullptr || column >= columns ? nullptr : x + column, room.pairs,
                       {room.nested_map, rows.offset_a, factor}, {room.nested_map, rows.offset_b, factor}, sum_a,
                       sum_b);
    }
    const unsigned next_tile = first_tile + gridDim.x * tiles_at_once;
    if (next_tile < tiles) {
      rows = rows_of_tile<format>(job, min(next_tile + warp / job.split, tiles - 1), g);
      step = load_step<format>(rows, begin * kStep + t * kLane, columns);
    }
#pragma unroll
    for (int offset = 1; offset <= 2; offset <<= 1) {
      sum_a += __shfl_xor_sync(~0u, sum_a, offset);
      sum_b += __shfl_xor_sync(~0u, sum_b, offset);
    }
    if (t == 0) {
      room.sums[warp * 16 + g] = sum_a;
      room.sums[warp * 16 + g + 8] = sum_b;
    }
    __syncthreads();
    if (threadIdx.x < tiles_at_once * 16) {
      const unsigned slot = threadIdx.x / 16;
      if (first_tile + slot < tiles) {
        write_row(job, first_tile + slot, threadIdx.x % 16, room.sums + slot * job.split * 16, undo);
      }
    }
    if (next_tile >= tiles) return;
    first_tile = next_tile;
    __syncthreads();
  }
}

}  // namespace nibble::cuda

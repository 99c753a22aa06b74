#pragma once

// Products of many tokens on the tensor cores. A block makes 64 rows of 128 tokens, or of 64 where experts have few
// each; weights are unpacked tile by tile into shared memory while the next activations are on their way, and never
// exist anywhere else as numbers.

#include "arguments.h"
#include "multiply_vector.h"
#include "stored_weights.h"

namespace nibble::cuda {

// Rows of a tile lie 16 bytes further than their length, so that the eight rows of a load_tiles are in different banks.
constexpr unsigned kTileStride = kTileColumns + 8;
constexpr unsigned kPairCopies = 8;

template <unsigned tile_tokens>
struct MatrixRoom {
  __half x[2][tile_tokens][kTileStride];
  __half weights[2][kTileRows][kTileStride];
  float nested_map[256];
  unsigned pairs[256 * kPairCopies];
};

/// Weights that a thread unpacks per step: a quarter of a tile's row.
constexpr unsigned kUnitColumns = 16;

template <Format format>
struct Unit {
  static constexpr unsigned kWords = is_four_bit(format)      ? 2
                                     : format == Format::int8 ? 4
                                     : format == Format::f32  ? 16
                                                              : 8;
  unsigned words[kWords];
  RawScale scale;
};

template <Format format>
__device__ __forceinline__ Unit<format> load_unit(const RowView& row, unsigned column, unsigned columns, bool valid) {
  Unit<format> unit;
  if (!valid || column >= columns) {
#pragma unroll
    for (unsigned i = 0; i < Unit<format>::kWords; ++i) unit.words[i] = 0;
    unit.scale = {0.0f, 0, 0};
    return unit;
  }
  if constexpr (is_four_bit(format)) {
    const uint2 word = __ldg(reinterpret_cast<const uint2*>(row.codes + column / 2));
    unit.words[0] = word.x;
    unit.words[1] = word.y;
  } else {
    const std::uint64_t at = format == Format::int8 ? column : format == Format::f32 ? column * 4 : column * 2;
#pragma unroll
    for (unsigned i = 0; i < Unit<format>::kWords / 4; ++i) {
      const uint4 word = __ldg(reinterpret_cast<const uint4*>(row.codes + at) + i);
      unit.words[4 * i] = word.x;
      unit.words[4 * i + 1] = word.y;
      unit.words[4 * i + 2] = word.z;
      unit.words[4 * i + 3] = word.w;
    }
  }
  unit.scale = read_scale<format>(row, column);
  return unit;
}

/// Writes the 16 weights of a unit, times kWeightLift.
template <Format format>
__device__ __forceinline__ void unpack_unit(const Unit<format>& unit, const ScaleRule& rule, const unsigned char* pairs,
                                            __half* to) {
  unsigned out[8];
  if constexpr (is_float(format)) {
#pragma unroll
    for (int i = 0; i < 8; ++i) {
      out[i] = format == Format::f32 ? float_pair<format>(unit.words[2 * i % Unit<format>::kWords],
                                                          unit.words[(2 * i + 1) % Unit<format>::kWords])
                                     : float_pair<format>(unit.words[i], 0);
    }
  } else {
    const __half2 scale = __half2half2(__float2half_rn(limit(finish_scale<format>(rule, unit.scale) * kWeightLift)));
    if constexpr (is_four_bit(format)) {
      const unsigned lane_offset = threadIdx.x % kPairCopies * 4;
      const __half2 zero = __half2half2(__int2half_rn(unit.scale.zero_point));
#pragma unroll
      for (int word = 0; word < 2; ++word) {
        out[4 * word] = look_up<kPairCopies, 0>(pairs, unit.words[word], lane_offset);
        out[4 * word + 1] = look_up<kPairCopies, 1>(pairs, unit.words[word], lane_offset);
        out[4 * word + 2] = look_up<kPairCopies, 2>(pairs, unit.words[word], lane_offset);
        out[4 * word + 3] = look_up<kPairCopies, 3>(pairs, unit.words[word], lane_offset);
      }
#pragma unroll
      for (unsigned& pair : out) {
        if constexpr (format == Format::int4) pair = bits_of(__hsub2(pair_of(pair), zero));
        pair = bits_of(__hmul2(pair_of(pair), scale));
      }
    } else {
      const __half2 magic = integer_magic(unit.scale.zero_point);
#pragma unroll
      for (int word = 0; word < 4; ++word) {
        const unsigned flipped = unit.words[word] ^ 0x80808080u;
        out[2 * word] = bits_of(__hmul2(pair_of(integer_pair<0>(flipped, magic)), scale));
        out[2 * word + 1] = bits_of(__hmul2(pair_of(integer_pair<1>(flipped, magic)), scale));
      }
    }
  }
  *reinterpret_cast<uint4*>(to) = make_uint4(out[0], out[1], out[2], out[3]);
  *reinterpret_cast<uint4*>(to + 8) = make_uint4(out[4], out[5], out[6], out[7]);
}

/// Where row `row` (0 to 63) of a tile comes from. With a gate, 16 rows of it alternate with 16 of its product, so that
/// a thread's fragments hold both.
struct TileRow {
  unsigned matrix;
  unsigned row;
};

__device__ __forceinline__ TileRow tile_row(const MultiplyMatrix& job, unsigned tile, unsigned row) {
  if (job.outcome == Outcome::gated) return {row / 16 % 2, tile * (kTileRows / 2) + row / 32 * 16 + row % 16};
  unsigned first = 0;
  const Matrix& matrix = matrix_of_tile(job, tile, first);
  return {static_cast<unsigned>(&matrix - job.matrices), tile * kTileRows + row};
}

/// The products of a warp, 32 rows by a quarter of the tile's tokens.
template <unsigned tile_tokens>
using Products = float[2][tile_tokens / 32][4];

template <unsigned tile_tokens>
__device__ __forceinline__ void multiply_tiles(const MatrixRoom<tile_tokens>& room, unsigned buffer, unsigned warp_row,
                                               unsigned warp_token, Products<tile_tokens>& c) {
  constexpr unsigned kEights = tile_tokens / 32;  // of tokens
  const unsigned lane = threadIdx.x % 32;
#pragma unroll
  for (unsigned k = 0; k < kTileColumns; k += 16) {
    unsigned a[2][4];
    unsigned b[kEights / 2][4];
#pragma unroll
    for (unsigned m = 0; m < 2; ++m) {
      // Tiles: rows 0-7, rows 8-15, and the same eight columns further.
      load_tiles(a[m], &room.weights[buffer][warp_row + m * 16 + lane % 16][k + lane / 16 * 8]);
    }
#pragma unroll
    for (unsigned n = 0; n < kEights / 2; ++n) {
      // Tiles: tokens 0-7 at both halves of the columns, then tokens 8-15.
      load_tiles(b[n], &room.x[buffer][warp_token + n * 16 + lane / 16 * 8 + lane % 8][k + lane / 8 % 2 * 8]);
    }
#pragma unroll
    for (unsigned m = 0; m < 2; ++m) {
#pragma unroll
      for (unsigned n = 0; n < kEights; ++n) {
        multiply_fragments(c[m][n], a[m][0], a[m][1], a[m][2], a[m][3], b[n / 2][n % 2 * 2], b[n / 2][n % 2 * 2 + 1]);
      }
    }
  }
}

template <unsigned tile_tokens>
__device__ __forceinline__ void write_products(const MultiplyMatrix& job, unsigned tile, unsigned warp_row,
                                               unsigned first_token, const Products<tile_tokens>& c) {
  const unsigned g = threadIdx.x % 32 / 4;
  const unsigned t = threadIdx.x % 4;
  const float factor = job.x_factor / kWeightLift;
  unsigned first = 0;
  unsigned own_tile = tile;
  const Matrix& matrix = matrix_of_tile(job, own_tile, first);
#pragma unroll
  for (unsigned n = 0; n < tile_tokens / 32; ++n) {
#pragma unroll
    for (unsigned i = 0; i < 4; ++i) {
      const unsigned token = first_token + n * 8 + t * 2 + i % 2;
      if (token >= job.tokens) continue;
      if (job.outcome == Outcome::gated) {
        const unsigned row = tile * (kTileRows / 2) + warp_row / 2 + i / 2 * 8 + g;
        if (row >= job.matrices[0].rows) continue;
        const float gate = c[0][n][i] * factor + bias_of(job.matrices[0], row);
        const float up = c[1][n][i] * factor + bias_of(job.matrices[1], row);
        static_cast<__half*>(job.gated)[std::uint64_t{token} * job.matrices[0].rows + row] =
            __float2half_rn(limit(gated(job.activation, gate, up) * (1.0f / kGatedDivisor)));
        continue;
      }
#pragma unroll
      for (unsigned m = 0; m < 2; ++m) {
        const unsigned row = own_tile * kTileRows + warp_row + m * 16 + i / 2 * 8 + g;
        if (row >= matrix.rows) continue;
        float* out = job.out + std::uint64_t{token} * job.out_stride + first + row;
        const float value = c[m][n][i] * factor + bias_of(matrix, row);
        *out = job.outcome == Outcome::add ? *out + value : value;
      }
    }
  }
}

/// Tokens in their order.
struct OwnRow {
  __device__ __forceinline__ unsigned operator()(unsigned row) const { return row; }
};

/// @param first_token of the block @param row_of_token which row of x a token reads
template <Format format, unsigned tile_tokens = kTileTokens, typename RowOf = OwnRow>
__device__ __forceinline__ void multiply_matrix(const MultiplyMatrix& job, unsigned first_token,
                                                const RowOf& row_of_token = {}) {
  extern __shared__ __align__(16) unsigned char memory[];
  auto& room = *reinterpret_cast<MatrixRoom<tile_tokens>*>(memory);
  const auto* pairs = reinterpret_cast<const unsigned char*>(room.pairs);
  const unsigned columns = job.matrices[0].columns;
  const unsigned tile = blockIdx.x;
  const unsigned warp = threadIdx.x / 32;
  const unsigned warp_row = warp / 4 * 32;
  const unsigned warp_token = warp % 4 * (tile_tokens / 4);

  // This thread's part of every tile of weights.
  const unsigned row = threadIdx.x / 4;
  const unsigned unit_column = threadIdx.x % 4 * kUnitColumns;
  const TileRow source = tile_row(job, tile, row);
  const Matrix& matrix = job.matrices[source.matrix];
  const bool has_row = source.row < matrix.rows;
  const RowView view = row_view<format>(matrix, has_row ? source.row : 0);
  const ScaleRule rule{room.nested_map, matrix.nested_offset, matrix.scale_factor};

  if constexpr (is_four_bit(format))
    fill_pair_table<format, kPairCopies>(room.pairs, job.matrices[0].table, kMatrixThreads);
  if constexpr (format == Format::levels4_nested) {
    room.nested_map[threadIdx.x] = job.matrices[0].nested_map[threadIdx.x];
  }

  const auto copy_x = [&](unsigned buffer, unsigned column) {
#pragma unroll
    for (unsigned i = 0; i < tile_tokens * kTileColumns / 8 / kMatrixThreads; ++i) {
      const unsigned piece = threadIdx.x + i * kMatrixThreads;
      const unsigned token = piece / (kTileColumns / 8);
      const unsigned at = column + piece % (kTileColumns / 8) * 8;
      const bool valid = first_token + token < job.tokens && at < columns;
      const __half* from = static_cast<const __half*>(job.x) +
                           (valid ? std::uint64_t{row_of_token(first_token + token)} * columns + at : 0);
      copy_ahead(&room.x[buffer][token][piece % (kTileColumns / 8) * 8], from, valid);
    }
  };

  copy_x(0, 0);
  Unit<format> unit = load_unit<format>(view, unit_column, columns, has_row);
  __syncthreads();
  Products<tile_tokens> c = {};
  unsigned buffer = 0;
  for (unsigned column = 0; column < columns; column += kTileColumns) {
    wait_for_copies();
    unpack_unit<format>(unit, rule, pairs, &room.weights[buffer][row][unit_column]);
    // All threads' parts are there, and nobody reads the other buffer any more.
    __syncthreads();
    if (column + kTileColumns < columns) {
      copy_x(buffer ^ 1, column + kTileColumns);
      unit = load_unit<format>(view, column + kTileColumns + unit_column, columns, has_row);
    }
    multiply_tiles<tile_tokens>(room, buffer, warp_row, warp_token, c);
    buffer ^= 1;
  }
  write_products<tile_tokens>(job, tile, warp_row, first_token + warp_token, c);
}

}  // namespace nibble::cuda

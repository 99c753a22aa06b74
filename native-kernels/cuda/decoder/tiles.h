#pragma once

// How products are cut into the blocks and warps that compute them.

#include <algorithm>
#include <vector>

#include "cuda/decoder/kernels/arguments.h"
#include "cuda/decoder/weights.h"

namespace nibble::cuda {

/// Blocks of multiply_vector on a multiprocessor at a time. One would leave the registers for the next kernel to begin,
/// but too few loads on their way: 12 % slower.
constexpr unsigned kVectorBlocks = 2;

/// Warps that share a tile, even where there are tiles enough for all: together they read longer runs of a row's bytes.
/// On an H100 1 or 2 are 1 % slower, and 8 are 3 %.
constexpr unsigned kLeastSplit = 4;

inline unsigned ceil_divide(std::size_t a, std::size_t b) { return static_cast<unsigned>((a + b - 1) / b); }

inline bool is_four_bit(Format format) {
  return format == Format::levels4 || format == Format::levels4_nested || format == Format::mxfp4 ||
         format == Format::int4;
}

/// Columns that a warp of multiply_vector takes at a time.
inline unsigned step_columns(Format format) { return is_four_bit(format) ? 128 : format == Format::int8 ? 64 : 32; }

/// As vector_room in kernels/multiply_vector.h divides it.
inline unsigned vector_shared_bytes(Format format, unsigned columns) {
  return (is_four_bit(format) ? 256u * 32 * 4 : 0) + kVectorWarps * 16 * 4 + kVectorWarps * 8 + 256 * 4 + columns * 4;
}

/// sizeof(MatrixRoom) in kernels/multiply_matrix.h.
constexpr unsigned matrix_shared_bytes(unsigned tile_tokens) {
  return 2 * (tile_tokens + kTileRows) * (kTileColumns + 8) * 2 + 256 * 4 + 256 * 8 * 4;
}

/// Whether one kernel can multiply with all of them.
inline bool can_all_share(const std::vector<const DeviceMatrix*>& matrices) {
  return std::all_of(matrices.begin(), matrices.end(),
                     [&](const DeviceMatrix* matrix) { return can_share(*matrices.front(), *matrix); });
}

/// Lays the matrices into a job, tile after tile. @param tile_rows of a tile; with Outcome::gated it holds half as
/// many of each matrix @returns how many tiles there are
template <typename Job>
unsigned place_tiles(Job& job, const std::vector<const DeviceMatrix*>& matrices, Outcome outcome, unsigned tile_rows) {
  unsigned tiles = 0;
  std::size_t index = 0;
  for (const DeviceMatrix* matrix : matrices) {
    job.matrices[index] = matrix->matrix;
    const unsigned rows = matrix->matrix.rows;
    tiles = outcome == Outcome::gated ? ceil_divide(rows, tile_rows / 2) : tiles + ceil_divide(rows, tile_rows);
    job.tile_ends[index++] = tiles;
  }
  for (; index < kMatrices; ++index) job.tile_ends[index] = tiles;
  job.outcome = outcome;
  return tiles;
}

/// Warps that share the columns of a tile, so that `room` blocks have work.
inline unsigned vector_split(const DeviceMatrix& matrix, unsigned tiles, unsigned room) {
  const unsigned steps = ceil_divide(matrix.matrix.columns, step_columns(matrix.format));
  unsigned split = kVectorWarps;
  while (split > steps || (split > kLeastSplit && ceil_divide(std::size_t{tiles} * split, kVectorWarps) > room)) {
    split /= 2;
  }
  return split;
}

/// Tiles of choices, of which every expert may leave one unfilled.
inline std::size_t most_expert_tiles(std::size_t choices, std::size_t experts) {
  return choices / kNarrowTileTokens + std::min(choices, experts);
}

}  // namespace nibble::cuda

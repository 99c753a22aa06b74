#pragma once

// Quantizers that read weights from one file and write codes to another, a task at a time: what a core reads it
// quantizes, hashes and writes while it is in its cache, and the tensor never lies in memory as a whole. Bits are those
// of quantize.h.

#include <cstdint>

#include "positioned_file.h"
#include "quantize.h"
#include "tree_hash.h"

namespace nibble {

/// Weights in a checkpoint's file.
struct FileSource {
  const PositionedFile& file;
  std::uint64_t offset;
  WeightType type;
  std::size_t numel;
};

/// Where the parts of a 4-bit tensor go in a file.
struct FourBitFileTarget {
  const PositionedFile& file;
  bool double_quant;
  std::uint64_t codes;
  std::uint64_t absmax;         // 8-bit codes with double quantization, else float32
  std::uint64_t nested_absmax;  // only with double quantization
};

/// What was written, beside the bytes.
struct FourBitFileResult {
  Digest codes;
  Digest absmax;
  Digest nested_absmax;     // only with double quantization
  float nested_offset = 0;  // only with double quantization
  Statistics statistics;
};

/// Quantizes a tensor elsewhere than on the processor. `scales` is to be filled, but for its codes, which go to `codes`
/// in pieces that begin and end at multiples of kTreePiece.
using FourBitQuantizer =
    std::function<Statistics(const WeightReader& weights, const CodeWriter& codes, const FourBitTarget& scales)>;

/// As quantize_4bit, but from file to file. What a failed call has written may be written again.
/// @param elsewhere may be empty: the processor
/// @throws InvalidWeights, Error("aborted"), and what reading and writing throw
FourBitFileResult quantize_4bit_file(const FileSource& source, const FourBitSpec& spec, const FourBitFileTarget& target,
                                     const Control& control, const FourBitQuantizer& elsewhere = {});

/// Where the parts of a linearly quantized tensor go in a file.
struct AffineFileTarget {
  const PositionedFile& file;
  std::uint64_t codes;
  std::uint64_t scales;
  std::uint64_t zero_points;  // only where not symmetric
};

struct AffineFileResult {
  Digest codes;
  Digest scales;
  Digest zero_points;  // only where not symmetric
  Statistics statistics;
};

/// As quantize_affine, but from file to file; not with one scale for the tensor, which takes two passes over it.
/// @throws as quantize_4bit_file
AffineFileResult quantize_affine_file(const FileSource& source, Shape shape, const AffineSpec& spec,
                                      const AffineFileTarget& target, const Control& control);

/// Where the parts of an LLM.int8 matrix go in a file.
struct Int8RowsFileTarget {
  const PositionedFile& file;
  std::uint64_t codes;
  std::uint64_t row_absmax;
};

struct Int8RowsFileResult {
  Digest codes;
  Digest row_absmax;
  Statistics statistics;
};

/// As quantize_int8_rows, but from file to file.
/// @throws as quantize_4bit_file
Int8RowsFileResult quantize_int8_rows_file(const FileSource& source, Shape shape, const Int8RowsFileTarget& target,
                                           const Control& control);

/// Copies bytes from file to file and hashes them on the way.
/// @throws Error("aborted"), and what reading and writing throw
Digest copy_hashed(const PositionedFile& from, std::uint64_t from_offset, std::uint64_t length,
                   const PositionedFile& to, std::uint64_t to_offset, const Control& control);

}  // namespace nibble

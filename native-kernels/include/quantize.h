#pragma once

// Quantizers and their inverses, from weights as a checkpoint stores them. Rounding rules: reference/README.md.
// Every function splits its work over control.threads and gives the same bits for every instruction set and thread
// count.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>

#include "codebook.h"
#include "error.h"
#include "linear.h"
#include "threads.h"

namespace nibble {

/// A weight that cannot be quantized: NaN, infinite, or too large for a format's intermediate type.
class InvalidWeights : public Error {
 public:
  InvalidWeights(std::size_t index, const std::string& message) : Error("invalid-weights", message), index_(index) {}
  /// Flat index of the first such weight.
  std::size_t index() const noexcept { return index_; }

 private:
  std::size_t index_;
};

/// Weights in a checkpoint's bytes: little-endian, row-major, not necessarily aligned.
struct Source {
  const void* data;
  WeightType type;
  std::size_t numel;
};

/// Copies `bytes` bytes of a tensor from `offset` on to `to`. Called from several threads at a time.
using WeightReader = std::function<void(std::size_t offset, void* to, std::size_t bytes)>;

/// Takes `bytes` bytes of a tensor's codes that begin at `offset`. Called from several threads at a time.
using CodeWriter = std::function<void(std::size_t offset, const void* from, std::size_t bytes)>;

/// Sums over all weights w and their dequantized values d.
struct Statistics {
  double error_squares = 0;        // (w - d)^2
  double source_squares = 0;       // w^2
  double dequantized_squares = 0;  // d^2
  double dot = 0;                  // w * d
  double max_error = 0;            // largest |w - d|
};

struct FourBitSpec {
  FourBitType type;
  std::size_t block_size;  // a power of two in 32..4096
};

/// Double-quantized when `absmax` is null; else the three members after it are not used.
struct FourBitTarget {
  std::uint8_t* codes;         // [ceil(numel / 2)]
  float* absmax;               // [blocks]
  std::uint8_t* absmax_codes;  // [blocks]
  float* nested_absmax;        // [ceil(blocks / 256)]
  float* nested_offset;        // [1]
};

/// bitsandbytes' 4-bit quantization. @throws InvalidWeights, Error("aborted")
Statistics quantize_4bit(const Source& source, const FourBitSpec& spec, const FourBitTarget& target,
                         const Control& control);

/// Double-quantized when `absmax` is null.
struct FourBitView {
  const std::uint8_t* codes;
  const float* absmax;
  const std::uint8_t* absmax_codes;
  const float* nested_absmax;
  float nested_offset;
};

/// @param out [numel]
void dequantize_4bit(const FourBitView& weights, const FourBitSpec& spec, std::size_t numel, float* out,
                     const Control& control);

struct Shape {
  std::size_t rows;
  std::size_t columns;
};

/// bitsandbytes' LLM.int8: weights are rounded to float16 first. @throws InvalidWeights, Error("aborted")
/// @param codes [rows, columns]
/// @param row_absmax [rows]
Statistics quantize_int8_rows(const Source& source, Shape shape, std::int8_t* codes, float* row_absmax,
                              const Control& control);

/// @param out [rows, columns]
void dequantize_int8_rows(const std::int8_t* codes, const float* row_absmax, Shape shape, float* out,
                          const Control& control);

struct AffineSpec {
  bool symmetric;  // absmax; else zero-point
  int bits;        // 8 or 4
  // What shares a scale: `block_size` columns within a row (columns: a row), or the tensor when per_tensor.
  bool per_tensor;
  std::size_t block_size;
};

/// Number of scales of a tensor.
std::size_t affine_groups(Shape shape, const AffineSpec& spec);

struct AffineTarget {
  void* codes;               // bits 8: int8 [rows, columns]; bits 4: uint8 [ceil(rows * columns / 2)], code + 8
  float* scales;             // [groups]
  std::int8_t* zero_points;  // [groups], null when symmetric
};

/// Linear quantization as the textbooks give it. @throws InvalidWeights, Error("aborted")
Statistics quantize_affine(const Source& source, Shape shape, const AffineSpec& spec, const AffineTarget& target,
                           const Control& control);

struct AffineView {
  const void* codes;
  const float* scales;
  const std::int8_t* zero_points;  // null when symmetric
};

/// @param out [rows, columns]
void dequantize_affine(const AffineView& weights, Shape shape, const AffineSpec& spec, float* out,
                       const Control& control);

struct Range {
  float min = 0;
  float max = 0;
};

/// Counts of `bins` equal bins from min to max, both included; a constant tensor is counted in bin 0.
/// @param counts [bins]
/// @throws InvalidWeights, Error("aborted")
Range weight_histogram(const Source& source, std::size_t bins, double* counts, const Control& control);

}  // namespace nibble

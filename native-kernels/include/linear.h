#pragma once

// Matrix products of float32 activations with quantized or 16-bit weights, y = x * W^T + bias: the operators that
// run a model. Plain C++ on pointers: nothing here knows ONNX Runtime or Node-API.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace nibble {

/// fast: activations are rounded to int8 per block of columns, but for outlier channels. exact: float32 activations and
/// float32 sums.
enum class Mode { fast, exact };

/// Instruction sets in ascending order (isas.def; cpu.h says what the processor offers).
enum class Isa {
#define ISA(id, name, arch, parent, features, flags, msvc_flags) id,
#include "isas.def"
#undef ISA
};

enum class WeightType { bf16, f16, f32 };

/// Splits work over threads. `run` calls task(user, i) for every i in [0, tasks) and returns when all are done.
/// The split of the work into tasks never depends on which thread runs a task, so results are deterministic.
struct Parallel {
  void* context;
  void (*run)(void* context, std::size_t tasks, void (*task)(void* user, std::size_t index), void* user);
  std::size_t threads;
};

/// A map of double quantization as straight pieces, so that scales are computed instead of looked up one by one. With
/// d = code - 127 and 2^e <= |d| < 2^(e + 1), the value is slope[e] * d + base[e] * sign(d). The dynamic data type
/// (Dettmers, "8-bit Approximations for Parallelism in Deep Learning", 2016) is made of such pieces: a decade for each
/// e. The last piece holds d = 128 alone and has base 0, so that it can serve d = 0 too.
struct NestedCurve {
  float base[8];
  float slope[8];
};

/// @param map [256], may be unaligned
/// @returns none when a value lies further than 2^-20 of itself from the pieces, or is not finite
std::optional<NestedCurve> nested_curve(const float* map);

/// 4-bit weights in bitsandbytes' layout (formats: native-kernels/README.md).
struct Linear4Weights {
  const std::uint8_t* codes;         // [rows * columns / 2], element 0 of a pair in the high nibble
  const float* absmax;               // [blocks] or null when double-quantized
  const std::uint8_t* absmax_codes;  // [blocks] or null when not double-quantized
  const float* nested_absmax;        // [ceil(blocks / 256)]
  const float* nested_map;           // [256]
  float nested_offset;
  const float* map;     // [16] value of each code
  std::size_t rows;     // output features N
  std::size_t columns;  // input features K; blocks run over the flattened matrix
  std::size_t block_size;
  const NestedCurve* nested_curve = nullptr;  // of nested_map; null: values are looked up
};

/// LLM.int8: w = code * row_absmax / 127. Activation columns with |x| >= threshold are multiplied in float32 with
/// the dequantized weight; the rest in int8 with the token's absmax over the remaining columns (Dettmers et al. 2022).
struct LinearInt8RowsWeights {
  const std::int8_t* codes;  // [rows, columns]
  const float* row_absmax;   // [rows]
  std::size_t rows;
  std::size_t columns;
  float threshold;  // 0 turns the decomposition off
};

/// Linear int8 and int4: w = (code - zero_point) * scale. One scale per block of `block_size` columns within a row;
/// block_size == columns means per row; `per_tensor` one for all.
struct LinearAffineWeights {
  const std::int8_t* codes;        // bits 8: [rows, columns]
  const std::uint8_t* packed;      // bits 4: [rows * columns / 2], code + 8, element 0 in the high nibble
  const float* scales;             // [rows * ceil(columns / block_size)] or [1]
  const std::int8_t* zero_points;  // like scales, or null for symmetric
  int bits;                        // 8 or 4
  bool per_tensor;
  std::size_t rows;
  std::size_t columns;
  std::size_t block_size;
};

struct Linear16Weights {
  const void* weight;  // [rows, columns]; no alignment is promised (the file is mapped)
  WeightType type;
  std::size_t rows;
  std::size_t columns;
};

/// y[tokens, rows] = x[tokens, columns] * W^T + bias. `bias` is null or float32 [rows]. `x` and `y` do not overlap.
/// Pointers into weights may be unaligned. May throw Error("invalid-input") on impossible shapes.
void linear4(const Linear4Weights& w, const float* x, std::size_t tokens, const float* bias, float* y, Mode mode,
             Isa isa, const Parallel& parallel);
void linear_int8_rows(const LinearInt8RowsWeights& w, const float* x, std::size_t tokens, const float* bias, float* y,
                      Mode mode, Isa isa, const Parallel& parallel);
void linear_affine(const LinearAffineWeights& w, const float* x, std::size_t tokens, const float* bias, float* y,
                   Mode mode, Isa isa, const Parallel& parallel);
void linear16(const Linear16Weights& w, const float* x, std::size_t tokens, const float* bias, float* y, Mode mode,
              Isa isa, const Parallel& parallel);

/// Where one of several products of the same activations goes.
struct LinearOutput {
  const float* bias;
  float* y;
};

/// Query, key and value; gate and up.
inline constexpr std::size_t kMostTogether = 3;

/// The same activations times each of several matrices: y of to[i] = x * W[i]^T + bias of to[i], with the bits that the
/// products have one by one. In fast mode the activations are rounded once for all matrices that round them alike, and
/// the rows of these are shared out over the threads together.
/// @param w 1 to kMostTogether matrices with the same number of columns
/// @param to [w.size()]
void linear_together(std::span<const Linear4Weights> w, const float* x, std::size_t tokens, const LinearOutput* to,
                     Mode mode, Isa isa, const Parallel& parallel);
void linear_together(std::span<const LinearInt8RowsWeights> w, const float* x, std::size_t tokens,
                     const LinearOutput* to, Mode mode, Isa isa, const Parallel& parallel);
void linear_together(std::span<const LinearAffineWeights> w, const float* x, std::size_t tokens, const LinearOutput* to,
                     Mode mode, Isa isa, const Parallel& parallel);

}  // namespace nibble

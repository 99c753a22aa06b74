#pragma once

// Matrix products of float32 activations with stored weights of any format, y = x * W^T + bias: the operator that runs
// a model. Plain C++ on pointers: nothing here knows ONNX Runtime or Node-API.

#include <cstddef>
#include <cstdint>
#include <span>

#include "formats.h"

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

/// Where a product goes.
struct LinearOutput {
  const float* bias;  // [rows] or null
  float* y;           // [tokens, rows]
};

/// Matrices of one call: query, key and value; gate and up.
inline constexpr std::size_t kMostFused = 3;

/// The same activations times each of several matrices: y of to[i] = x * W[i]^T + bias of to[i], with the bits that the
/// products have one by one. In fast mode the activations are rounded once for all matrices that round them alike, and
/// the rows of these are shared out over the threads.
/// @param w 1 to kMostFused matrices with the same number of columns
/// @param x [tokens, columns]; does not overlap any y
/// @param to [w.size()]
/// @throws Error("invalid-input") on impossible shapes, and for a set that this processor lacks
void linear_product(std::span<const WeightView> w, const float* x, std::size_t tokens, const LinearOutput* to,
                    Mode mode, Isa isa, const Parallel& parallel);

/// One product.
inline void linear_product(const WeightView& w, const float* x, std::size_t tokens, const float* bias, float* y,
                           Mode mode, Isa isa, const Parallel& parallel) {
  const LinearOutput to{bias, y};
  linear_product(std::span(&w, 1), x, tokens, &to, mode, isa, parallel);
}

}  // namespace nibble

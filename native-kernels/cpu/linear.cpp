// The public entry points of linear.h: check the shape, then hand over to the kernels of the instruction set.

#include "linear.h"

#include <array>
#include <cstdint>

#include "cpu.h"
#include "cpu/linear_drivers.h"
#include "cpu/linear_kernels.h"
#include "cpu/linear_scalars.h"
#include "error.h"
#include "isa_versions.h"
#include "reference/linear_lanes.h"
#include "reference/linear_reference.h"

namespace nibble {

using linear::LinearKernels;
using linear::Target;
using linear::Tokens;

namespace {

/// Shapes come from files; an impossible one must be an error and not a read beyond the mapping.
void require(bool condition, const char* message) {
  if (!condition) throw Error("invalid-input", message);
}

void check(const Linear4Weights& w) {
  require(w.block_size > 0, "linear4: the block size is 0");
  require(w.absmax != nullptr || (w.absmax_codes != nullptr && w.nested_absmax != nullptr && w.nested_map != nullptr),
          "linear4: neither absmax nor a complete double quantization is given");
}

void check(const LinearInt8RowsWeights&) {}

void check(const LinearAffineWeights& w) {
  require(w.bits == 8 || w.bits == 4, "linear_affine: bits is neither 8 nor 4");
  require(w.per_tensor || w.block_size > 0, "linear_affine: the block size is 0");
  require(w.bits == 8 ? w.codes != nullptr : w.packed != nullptr, "linear_affine: the codes are missing");
}

/// @returns null when the reference code is to run
const LinearKernels* choose(Isa isa) {
  require(isa_available(isa), "this processor lacks the instruction set asked for");
  return linear::linear_kernels(isa);
}

linear::GroupedWeights grouped(const Linear4Weights& w) {
  const reference::ByteMap map = reference::byte_map(w.map);
  linear::GroupedWeights result{};
  result.codes = w.codes;
  result.bits = 4;
  for (std::size_t i = 0; i < 16; ++i) {
    result.map[i] = map.bytes[i];
    result.unrounded[i] = map.unit == 0 ? 0 : linear::load_unaligned(w.map, i) / map.unit;
    result.rest[i] = reference::rest_of(result.unrounded[i], map.bytes[i]);
    result.has_rest = result.has_rest || result.rest[i] != 0;
  }
  result.rows = w.rows;
  result.columns = w.columns;
  result.group = reference::activation_group(w);
  result.scales = {w.absmax, w.absmax_codes,  w.nested_absmax, w.nested_map, w.nested_curve,
                   nullptr,  w.nested_offset, map.unit,        w.block_size, 0};
  return result;
}

linear::GroupedWeights grouped(const LinearAffineWeights& w) {
  linear::GroupedWeights result{};
  result.codes = w.bits == 8 ? reinterpret_cast<const std::uint8_t*>(w.codes) : w.packed;
  result.bits = w.bits;
  for (int i = 0; i < 16; ++i) {
    result.map[i] = static_cast<std::int8_t>(i - 8);
    result.unrounded[i] = static_cast<float>(i - 8);
  }
  result.rows = w.rows;
  result.columns = w.columns;
  result.group = reference::activation_group(w);
  const bool one_block = w.per_tensor || w.block_size >= w.columns;
  const std::size_t block_size = one_block ? linear::kEndless : w.block_size;
  const std::size_t blocks = w.per_tensor ? 0 : one_block ? 1 : (w.columns + block_size - 1) / block_size;
  result.scales = {w.scales, nullptr, nullptr, nullptr, nullptr, w.zero_points, 0, 1, block_size, blocks};
  return result;
}

linear::GroupedWeights grouped(const LinearInt8RowsWeights& w) { return linear::grouped_rows(w); }

/// Whether the fast mode has groups of columns for these weights.
template <class Weights>
bool has_groups(const Weights& w) {
  return reference::activation_group(w) != 0;
}
bool has_groups(const LinearInt8RowsWeights&) { return true; }

void multiply_plainly(const Linear4Weights& w, const float* x, std::size_t tokens, const LinearOutput& to, Mode mode) {
  reference::linear4(w, x, tokens, to.bias, to.y, mode);
}
void multiply_plainly(const LinearInt8RowsWeights& w, const float* x, std::size_t tokens, const LinearOutput& to,
                      Mode mode) {
  reference::linear_int8_rows(w, x, tokens, to.bias, to.y, mode);
}
void multiply_plainly(const LinearAffineWeights& w, const float* x, std::size_t tokens, const LinearOutput& to,
                      Mode mode) {
  reference::linear_affine(w, x, tokens, to.bias, to.y, mode);
}

template <class Weights>
bool same_rounding(const Weights&, const Weights&) {
  return true;
}
bool same_rounding(const LinearInt8RowsWeights& a, const LinearInt8RowsWeights& b) {
  return a.threshold == b.threshold;
}

template <class Weights>
void multiply_many(std::span<const Weights>, std::span<const Target> targets, const Tokens& tokens) {
  linear::grouped_products(targets, tokens);
}
void multiply_many(std::span<const LinearInt8RowsWeights> w, std::span<const Target> targets, const Tokens& tokens) {
  linear::int8_rows_products(w, targets, tokens);
}

template <class Weights>
void multiply(std::span<const Weights> w, const float* x, std::size_t tokens, const LinearOutput* to, Mode mode,
              Isa isa, const Parallel& parallel) {
  require(!w.empty() && w.size() <= kMostTogether, "linear: too many matrices at once");
  for (const Weights& each : w) {
    require(each.columns == w[0].columns, "linear: matrices of different width at once");
    check(each);
  }
  const LinearKernels* kernels = choose(isa);
  std::array<Weights, kMostTogether> sources;
  std::array<linear::GroupedWeights, kMostTogether> weights;
  std::array<Target, kMostTogether> targets;
  std::size_t count = 0;
  for (std::size_t i = 0; i < w.size(); ++i) {
    if (kernels == nullptr) {
      multiply_plainly(w[i], x, tokens, to[i], mode);
    } else if (mode == Mode::exact || !has_groups(w[i])) {
      linear::exact_product(w[i], {x, tokens, to[i].bias, to[i].y, *kernels, parallel});
    } else {
      sources[count] = w[i];
      weights[count] = grouped(w[i]);
      targets[count] = {&weights[count], to[i].bias, to[i].y};
      ++count;
    }
  }
  if (count == 0) return;
  const Tokens all{x, tokens, *kernels, parallel};
  if (tokens < reference::kFewTokens) return linear::lanes_product({targets.data(), count}, all);
  // Neighbours that take the same rounded activations.
  for (std::size_t begin = 0, end = 0; begin < count; begin = end) {
    for (end = begin + 1; end < count && same_rounding(sources[begin], sources[end]) &&
                          linear::same_rounding(weights[begin], weights[end]);
         ++end) {
    }
    multiply_many(std::span<const Weights>(sources).subspan(begin, end - begin),
                  std::span<const Target>(targets).subspan(begin, end - begin), all);
  }
}

}  // namespace

namespace linear {
namespace {

constexpr IsaVersion<const LinearKernels*> kVersions[] = {
    {Isa::reference, nullptr},
#if defined(NIBBLE_X86)
    // Without VNNI the 512-bit byte products are no faster than the 256-bit ones: AVX-512 alone takes those.
    {Isa::avx2, &kAvx2Kernels},
    {Isa::avx_vnni, &kAvxVnniKernels},
    {Isa::avx512_vnni, &kAvx512VnniKernels},
#endif
#if defined(NIBBLE_NEON)
    {Isa::neon, &kNeonKernels},
    {Isa::neon_dotprod, &kNeonDotprodKernels},
    {Isa::neon_i8mm, &kNeonI8mmKernels},
#endif
};

}  // namespace

const LinearKernels* linear_kernels(Isa isa) { return version_for(isa, kVersions).version; }

}  // namespace linear

Isa linear_version(Isa isa) { return version_for(isa, linear::kVersions).isa; }

void linear4(const Linear4Weights& w, const float* x, std::size_t tokens, const float* bias, float* y, Mode mode,
             Isa isa, const Parallel& parallel) {
  const LinearOutput to{bias, y};
  multiply(std::span(&w, 1), x, tokens, &to, mode, isa, parallel);
}

void linear_int8_rows(const LinearInt8RowsWeights& w, const float* x, std::size_t tokens, const float* bias, float* y,
                      Mode mode, Isa isa, const Parallel& parallel) {
  const LinearOutput to{bias, y};
  multiply(std::span(&w, 1), x, tokens, &to, mode, isa, parallel);
}

void linear_affine(const LinearAffineWeights& w, const float* x, std::size_t tokens, const float* bias, float* y,
                   Mode mode, Isa isa, const Parallel& parallel) {
  const LinearOutput to{bias, y};
  multiply(std::span(&w, 1), x, tokens, &to, mode, isa, parallel);
}

void linear_together(std::span<const Linear4Weights> w, const float* x, std::size_t tokens, const LinearOutput* to,
                     Mode mode, Isa isa, const Parallel& parallel) {
  multiply(w, x, tokens, to, mode, isa, parallel);
}

void linear_together(std::span<const LinearInt8RowsWeights> w, const float* x, std::size_t tokens,
                     const LinearOutput* to, Mode mode, Isa isa, const Parallel& parallel) {
  multiply(w, x, tokens, to, mode, isa, parallel);
}

void linear_together(std::span<const LinearAffineWeights> w, const float* x, std::size_t tokens, const LinearOutput* to,
                     Mode mode, Isa isa, const Parallel& parallel) {
  multiply(w, x, tokens, to, mode, isa, parallel);
}

void linear16(const Linear16Weights& w, const float* x, std::size_t tokens, const float* bias, float* y, Mode, Isa isa,
              const Parallel& parallel) {
  const LinearKernels* kernels = choose(isa);
  if (kernels == nullptr) return reference::linear16(w, x, tokens, bias, y);
  linear::exact_product(w, {x, tokens, bias, y, *kernels, parallel});
}

}  // namespace nibble

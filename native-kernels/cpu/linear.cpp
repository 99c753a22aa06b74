// The public entry points of linear.h: check the shape, then hand over to the kernels of the instruction set.

#include "linear.h"

#include <algorithm>
#include <array>
#include <cstdint>

#include "cpu.h"
#include "cpu/linear_drivers.h"
#include "cpu/linear_kernels.h"
#include "cpu/linear_scalars.h"
#include "error.h"
#include "reference/linear_lanes.h"
#include "reference/linear_reference.h"

namespace nibble {

using linear::Call;
using linear::LinearKernels;

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

Call call_of(const LinearKernels& kernels, const float* x, std::size_t tokens, const float* bias, float* y,
             const Parallel& parallel) {
  return {x, tokens, bias, y, kernels, parallel};
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

/// Whether a few tokens are rounded by lanes for these weights.
template <class Weights>
bool takes_lanes(const Weights& w) {
  return reference::activation_group(w) != 0;
}
bool takes_lanes(const LinearInt8RowsWeights&) { return true; }

/// @param one the product with one of the matrices
template <class Weights, class One>
void multiply_together(std::span<const Weights> w, const float* x, std::size_t tokens, const LinearOutput* to,
                       Mode mode, Isa isa, const Parallel& parallel, const One& one) {
  require(!w.empty() && w.size() <= kMostTogether, "linear: too many matrices at once");
  for (const Weights& each : w) {
    require(each.columns == w[0].columns, "linear: matrices of different width at once");
    check(each);
  }
  const LinearKernels* kernels = choose(isa);
  const bool by_lanes = kernels != nullptr && mode == Mode::fast && tokens < reference::kFewTokens &&
                        std::all_of(w.begin(), w.end(), [](const Weights& each) { return takes_lanes(each); });
  if (!by_lanes) {
    for (std::size_t i = 0; i < w.size(); ++i) one(w[i], x, tokens, to[i].bias, to[i].y, mode, isa, parallel);
    return;
  }
  std::array<linear::GroupedWeights, kMostTogether> weights;
  std::array<linear::Target, kMostTogether> targets;
  for (std::size_t i = 0; i < w.size(); ++i) {
    weights[i] = grouped(w[i]);
    targets[i] = {&weights[i], to[i].bias, to[i].y};
  }
  linear::lanes_product(targets.data(), w.size(), x, tokens, *kernels, parallel);
}

}  // namespace

namespace linear {

const LinearKernels* linear_kernels(Isa isa) {
  switch (isa) {
#if defined(NIBBLE_X86)
    case Isa::avx512_vnni:
      return &kAvx512Kernels;
    case Isa::avx_vnni:
      return &kAvxVnniKernels;
    // Without VNNI the 512-bit byte products are no faster than the 256-bit ones.
    case Isa::avx512:
    case Isa::avx2:
      return &kAvx2Kernels;
#endif
#if defined(NIBBLE_NEON)
    case Isa::neon:
      return &kNeonKernels;
    case Isa::neon_dotprod:
      return &kNeonDotprodKernels;
    case Isa::neon_i8mm:
      return &kNeonI8mmKernels;
#endif
    default:
      return nullptr;
  }
}

}  // namespace linear

void linear4(const Linear4Weights& w, const float* x, std::size_t tokens, const float* bias, float* y, Mode mode,
             Isa isa, const Parallel& parallel) {
  check(w);
  const LinearKernels* kernels = choose(isa);
  if (kernels == nullptr) return reference::linear4(w, x, tokens, bias, y, mode);
  const linear::Call call = call_of(*kernels, x, tokens, bias, y, parallel);
  if (mode == Mode::exact || reference::activation_group(w) == 0) return linear::exact_product(w, call);
  linear::grouped_product(grouped(w), call);
}

void linear_int8_rows(const LinearInt8RowsWeights& w, const float* x, std::size_t tokens, const float* bias, float* y,
                      Mode mode, Isa isa, const Parallel& parallel) {
  const LinearKernels* kernels = choose(isa);
  if (kernels == nullptr) return reference::linear_int8_rows(w, x, tokens, bias, y, mode);
  const linear::Call call = call_of(*kernels, x, tokens, bias, y, parallel);
  if (mode == Mode::exact) return linear::exact_product(w, call);
  linear::int8_rows_product(w, call);
}

void linear_affine(const LinearAffineWeights& w, const float* x, std::size_t tokens, const float* bias, float* y,
                   Mode mode, Isa isa, const Parallel& parallel) {
  check(w);
  const LinearKernels* kernels = choose(isa);
  if (kernels == nullptr) return reference::linear_affine(w, x, tokens, bias, y, mode);
  const linear::Call call = call_of(*kernels, x, tokens, bias, y, parallel);
  if (mode == Mode::exact || reference::activation_group(w) == 0) return linear::exact_product(w, call);
  linear::grouped_product(grouped(w), call);
}

void linear_together(std::span<const Linear4Weights> w, const float* x, std::size_t tokens, const LinearOutput* to,
                     Mode mode, Isa isa, const Parallel& parallel) {
  multiply_together(w, x, tokens, to, mode, isa, parallel,
                    [](const Linear4Weights& each, auto... rest) { linear4(each, rest...); });
}

void linear_together(std::span<const LinearInt8RowsWeights> w, const float* x, std::size_t tokens,
                     const LinearOutput* to, Mode mode, Isa isa, const Parallel& parallel) {
  multiply_together(w, x, tokens, to, mode, isa, parallel,
                    [](const LinearInt8RowsWeights& each, auto... rest) { linear_int8_rows(each, rest...); });
}

void linear_together(std::span<const LinearAffineWeights> w, const float* x, std::size_t tokens, const LinearOutput* to,
                     Mode mode, Isa isa, const Parallel& parallel) {
  multiply_together(w, x, tokens, to, mode, isa, parallel,
                    [](const LinearAffineWeights& each, auto... rest) { linear_affine(each, rest...); });
}

void linear16(const Linear16Weights& w, const float* x, std::size_t tokens, const float* bias, float* y, Mode, Isa isa,
              const Parallel& parallel) {
  const LinearKernels* kernels = choose(isa);
  if (kernels == nullptr) return reference::linear16(w, x, tokens, bias, y);
  linear::exact_product(w, call_of(*kernels, x, tokens, bias, y, parallel));
}

}  // namespace nibble

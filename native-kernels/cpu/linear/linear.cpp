// The public entry point of linear.h: check the shapes, then hand over to the kernels of the instruction set.

#include "linear.h"

#include <array>
#include <cstdint>

#include "base/activation_rounding.h"
#include "base/linear_reference.h"
#include "base/weights.h"
#include "cpu.h"
#include "error.h"
#include "isa_versions.h"
#include "linear_drivers.h"
#include "linear_kernels.h"
#include "linear_scalars.h"
#include "linear_work.h"

namespace nibble {

using linear::LinearKernels;
using linear::Target;
using linear::Tokens;

namespace {

/// Shapes come from files; an impossible one must be an error and not a read beyond the mapping.
void require(bool condition, const char* message) {
  if (!condition) throw Error("invalid-input", message);
}

/// @returns null when the reference code is to run
const LinearKernels* choose(Isa isa) {
  require(isa_available(isa), "this processor lacks the instruction set asked for");
  return linear::linear_kernels(isa);
}

/// The weights as the int8 kernels take them.
linear::GroupedWeights grouped(const WeightView& w, std::size_t group) {
  const FormatTraits& traits = traits_of(w.format);
  linear::GroupedWeights result{};
  result.codes = static_cast<const std::uint8_t*>(w.codes);
  result.bits = traits.bits;
  result.rows = w.rows;
  result.columns = w.columns;
  result.group = group;
  linear::BlockScales& scales = result.scales;
  scales.exponents = traits.scales == FormatTraits::Scales::e8m0;
  scales.values = scales.exponents ? nullptr : static_cast<const float*>(w.scales);
  scales.codes = scales.exponents ? static_cast<const std::uint8_t*>(w.scales) : w.scale_codes;
  scales.nested_absmax = w.nested_scales;
  scales.nested_map = w.nested_map;
  scales.nested_offset = w.nested_offset;
  scales.curve = w.nested_curve;
  scales.zero_points = w.zero_points;
  scales.factor = 1.0f / traits.divisor;
  scales.block_size = w.block_size;
  if (has_levels(traits)) {
    const rounding::ByteMap map = rounding::byte_map(levels_of(w));
    scales.factor = map.unit;
    for (std::size_t i = 0; i < 16; ++i) {
      result.map[i] = map.bytes[i];
      result.unrounded[i] = map.unit == 0 ? 0 : linear::load_unaligned(levels_of(w), i) / map.unit;
      result.rest[i] = rounding::rest_of(result.unrounded[i], map.bytes[i]);
      result.has_rest = result.has_rest || result.rest[i] != 0;
    }
  } else {
    for (int i = 0; i < 16; ++i) {
      result.map[i] = static_cast<std::int8_t>(i - 8);
      result.unrounded[i] = static_cast<float>(i - 8);
    }
  }
  if (traits.blocks == FormatTraits::Blocks::row) {
    const bool one_block = w.block_size == 0 || w.block_size >= w.columns;
    if (one_block) scales.block_size = linear::kEndless;
    scales.blocks_per_row = w.block_size == 0 ? 0 : (w.columns + w.block_size - 1) / w.block_size;
  }
  return result;
}

bool same_outliers(const WeightView& a, const WeightView& b) {
  return traits_of(a.format).outliers == traits_of(b.format).outliers && a.threshold == b.threshold;
}

void multiply_many(std::span<const WeightView> w, std::span<const Target> targets, const Tokens& tokens) {
  if (traits_of(w[0].format).outliers == FormatTraits::Outliers::threshold) {
    return linear::products_with_threshold(w, targets, tokens);
  }
  linear::products_with_channels(targets, tokens);
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

namespace {

/// The products of matrices whose formats order codes alike. @param x permuted accordingly
void multiply_in_order(std::span<const WeightView> w, const float* x, std::size_t tokens, const LinearOutput* to,
                       Mode mode, const LinearKernels* kernels, const Parallel& parallel) {
  std::array<WeightView, kMostFused> sources;
  std::array<linear::GroupedWeights, kMostFused> weights;
  std::array<Target, kMostFused> targets;
  std::size_t count = 0;
  for (std::size_t i = 0; i < w.size(); ++i) {
    const std::size_t group = activation_group(w[i]);
    if (kernels == nullptr) {
      reference::linear_product(w[i], x, tokens, to[i], mode);
    } else if (mode == Mode::exact || group == 0) {
      linear::float_product(w[i], {x, tokens, to[i].bias, to[i].y, *kernels, parallel});
    } else {
      sources[count] = w[i];
      weights[count] = grouped(w[i], group);
      targets[count] = {&weights[count], to[i].bias, to[i].y};
      ++count;
    }
  }
  if (count == 0) return;
  const Tokens all{x, tokens, *kernels, parallel};
  if (tokens < rounding::kFewTokens) return linear::lanes_product({targets.data(), count}, all);
  // Neighbours that take the same rounded activations.
  for (std::size_t begin = 0, end = 0; begin < count; begin = end) {
    for (end = begin + 1; end < count && same_outliers(sources[begin], sources[end]) &&
                          linear::same_rounding(weights[begin], weights[end]);
         ++end) {
    }
    multiply_many(std::span<const WeightView>(sources).subspan(begin, end - begin),
                  std::span<const Target>(targets).subspan(begin, end - begin), all);
  }
}

/// The activations in the order of the codes that they meet.
const float* permuted(FormatTraits::Order order, const float* x, std::size_t tokens, std::size_t columns,
                      const Parallel& parallel) {
  if (order == FormatTraits::Order::high_first) return x;
  thread_local linear::Scratch memory;
  auto* to = static_cast<float*>(memory.reserve(tokens * columns * sizeof(float)));
  linear::for_strips(parallel, tokens, 1, [&](std::size_t token, std::size_t) {
    const float* from = x + token * columns;
    float* row = to + token * columns;
    for (std::size_t column = 0; column < columns; ++column) row[position_of(order, column)] = from[column];
  });
  return to;
}

}  // namespace

void linear_product(std::span<const WeightView> w, const float* x, std::size_t tokens, const LinearOutput* to,
                    Mode mode, Isa isa, const Parallel& parallel) {
  require(!w.empty() && w.size() <= kMostFused, "linear: too many matrices at once");
  for (const WeightView& each : w) {
    require(each.columns == w[0].columns, "linear: matrices of different width at once");
    check_view(each);
  }
  const LinearKernels* kernels = choose(isa);
  for (std::size_t begin = 0, end = 0; begin < w.size(); begin = end) {
    const FormatTraits::Order order = traits_of(w[begin].format).order;
    for (end = begin + 1; end < w.size() && traits_of(w[end].format).order == order; ++end) {
    }
    multiply_in_order(w.subspan(begin, end - begin), permuted(order, x, tokens, w[0].columns, parallel), tokens,
                      to + begin, mode, kernels, parallel);
  }
}

}  // namespace nibble

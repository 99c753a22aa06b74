#include "base/weights.h"

#include "error.h"

namespace nibble {
namespace {

/// Columns that share an activation scale where outliers are told by a threshold. Half as many as where a block of
/// weights gives the width: with 64, SmolLM2-135M lost 0.25 % of its perplexity beside float32 activations, with 32 it
/// loses 0.09 %.
constexpr std::size_t kThresholdGroup = 32;

std::size_t ceil_divide(std::size_t a, std::size_t b) { return (a + b - 1) / b; }

}  // namespace

std::optional<WeightFormat> weight_format_from_name(std::string_view name) {
  for (const FormatTraits& traits : kFormats) {
    if (name == traits.name) return traits.format;
  }
  return std::nullopt;
}

std::size_t code_bytes(const WeightView& w) {
  return ceil_divide(w.rows * w.columns * static_cast<std::size_t>(traits_of(w.format).bits), 8);
}

std::size_t block_count(const WeightView& w) {
  switch (traits_of(w.format).blocks) {
    case FormatTraits::Blocks::none:
      return 0;
    case FormatTraits::Blocks::flat:
      return w.block_size == 0 ? 1 : ceil_divide(w.rows * w.columns, w.block_size);
    case FormatTraits::Blocks::row:
      break;
  }
  return w.block_size == 0 ? 1 : w.rows * ceil_divide(w.columns, w.block_size);
}

std::size_t activation_group(const WeightView& w) {
  const FormatTraits& traits = traits_of(w.format);
  if (traits.outliers == FormatTraits::Outliers::none) return 0;
  if (traits.outliers == FormatTraits::Outliers::threshold) return kThresholdGroup;
  if (traits.bits == 4 && w.columns % 2 != 0) return 0;  // rows begin in the middle of a byte
  const bool flat = traits.blocks == FormatTraits::Blocks::flat;
  // Blocks that end with the row, or nowhere, never end inside a group.
  if (!flat && (w.block_size == 0 || w.block_size >= w.columns)) return 64;
  for (const std::size_t group : {std::size_t{64}, std::size_t{32}}) {
    if ((!flat || w.columns % group == 0) && w.block_size % group == 0) return group;
  }
  return 0;
}

void check_view(const WeightView& w) {
  const FormatTraits& traits = traits_of(w.format);
  const auto require = [&](bool condition, const char* message) {
    if (!condition) throw Error("invalid-input", std::string("weights of format ") + traits.name + ": " + message);
  };
  require(w.codes != nullptr, "the codes are missing");
  require(traits.order == FormatTraits::Order::high_first || w.columns % 2 == 0, "a row ends within a byte");
  if (traits.scales == FormatTraits::Scales::none) return;
  require(traits.blocks == FormatTraits::Blocks::row || w.block_size > 0, "the block size is 0");
  const bool can_nest = traits.scales == FormatTraits::Scales::f32;
  require(w.scales != nullptr ||
              (can_nest && w.scale_codes != nullptr && w.nested_scales != nullptr && w.nested_map != nullptr),
          "neither scales nor complete nested scales are given");
  require(traits.values != FormatTraits::Values::levels || w.levels != nullptr, "the levels are missing");
}

}  // namespace nibble

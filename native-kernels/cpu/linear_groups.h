#pragma once

// The product of many tokens that all formats with int8 activations share (portable translation units only).

#include <span>

#include "cpu/linear_drivers.h"
#include "cpu/linear_work.h"

namespace nibble::linear {

/// With no more tokens than this a task is one tile: it stays in the first-level cache between being decoded and being
/// multiplied, and memory is not left alone while a longer strip is multiplied.
inline constexpr std::size_t kFewTilesTokens = 32;

/// Rounds the activations once, then multiplies strip by strip.
/// @param targets 1 to kMostTogether, for all of which activations are rounded alike
/// @param prepare prepare(token) gives the activations to round, [columns]
/// @param finish finish(target's number, begin, end, scratch) adds to the rows [begin, end) of the target's y what was
///   left out of the rounding
template <typename Prepare, typename Finish>
void multiply_groups(std::span<const Target> targets, const Tokens& tokens, const Prepare& prepare,
                     const Finish& finish) {
  const LinearKernels& kernels = tokens.kernels;
  const GroupedWeights& first = *targets[0].weights;
  const std::size_t code_stride = round_up(first.columns, kActivationPad);
  const std::size_t scale_stride = round_up(code_stride / first.group, kScalePad);
  const RoundingPlan plan{tokens.count,
                          first.columns,
                          first.group,
                          first.bits == 4 ? Order::even_odd : Order::natural,
                          first.scales.zero_points != nullptr ? -1 : -128,
                          code_stride,
                          scale_stride};
  thread_local Scratch activations;
  const Int8Activations x = round_activations(plan, kernels, tokens.parallel, activations, prepare);
  const auto strip_of = [&](const GroupedWeights& w) {
    return tokens.count <= kFewTilesTokens ? kTileRows : many_strip(w.rows, code_stride);
  };
  for_target_strips(tokens.parallel, targets, strip_of, [&](std::size_t number, std::size_t begin, std::size_t end) {
    const Target& target = targets[number];
    thread_local Scratch scratch;
    const std::size_t bytes = strip_scratch(strip_of(*target.weights), code_stride, scale_stride);
    kernels.grouped_many(*target.weights, begin, end, x, target.bias, target.y, scratch.reserve(bytes));
    finish(number, begin, end, scratch);
  });
}

}  // namespace nibble::linear

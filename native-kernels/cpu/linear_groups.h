#pragma once

// The product of many tokens that all formats with int8 activations share (portable translation units only).

#include <span>

#include "cpu/linear_drivers.h"
#include "cpu/linear_scalars.h"
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
  const auto strip_of = [&](const Target& target) {
    return tokens.count <= kFewTilesTokens ? kTileRows : many_strip(target.weights->rows, code_stride);
  };
  std::size_t tasks = 0;
  for (const Target& target : targets) tasks += (target.weights->rows + strip_of(target) - 1) / strip_of(target);
  for_strips(tokens.parallel, tasks, 1, [&](std::size_t task, std::size_t) {
    std::size_t number = 0;
    std::size_t begin = task * strip_of(targets[0]);
    for (; begin >= targets[number].weights->rows; begin = task * strip_of(targets[number])) {
      const std::size_t strip = strip_of(targets[number]);
      task -= (targets[number].weights->rows + strip - 1) / strip;
      ++number;
    }
    const Target& target = targets[number];
    const std::size_t strip = strip_of(target);
    const std::size_t end = smaller(begin + strip, target.weights->rows);
    thread_local Scratch scratch;
    kernels.grouped_many(*target.weights, begin, end, x, target.bias, target.y,
                         scratch.reserve(strip_scratch(strip, code_stride, scale_stride)));
    finish(number, begin, end, scratch);
  });
}

}  // namespace nibble::linear

#pragma once

// The product of many tokens that all formats with int8 activations share (portable translation units only).

#include <span>

#include "linear_drivers.h"
#include "linear_work.h"

namespace nibble::linear {

/// With no more tokens than this a task is one tile: it stays in the first-level cache between being decoded and being
/// multiplied, and memory is not left alone while a longer strip is multiplied.
inline constexpr std::size_t kFewTilesTokens = 32;

/// Some of the tokens of a product.
struct TokenRange {
  std::size_t first;  // a multiple of kTokenBlock
  std::size_t count;
};

/// The range `part` of `parts` about equal ones.
inline TokenRange token_range(std::size_t tokens, std::size_t part, std::size_t parts) {
  const std::size_t blocks = (tokens + kTokenBlock - 1) / kTokenBlock;
  const std::size_t begin = blocks * part / parts * kTokenBlock;
  const std::size_t end = blocks * (part + 1) / parts * kTokenBlock;
  return {begin, (end < tokens ? end : tokens) - begin};
}

/// @param x of all tokens, packed or not: blocks of tokens lie one behind the other either way
inline Int8Activations activations_of(const Int8Activations& x, const TokenRange& range) {
  const std::size_t scales = range.first * x.scale_stride;
  return {x.codes + range.first * x.code_stride,
          x.scales + scales,
          x.offsets + scales,
          range.count,
          x.code_stride,
          x.scale_stride};
}

/// Rounds the activations once, then multiplies strip by strip.
/// @param targets 1 to kMostFused, for all of which activations are rounded alike
/// @param prepare prepare(token) gives the activations to round, [columns]
/// @param finish finish(target's number, begin, end, range, scratch) adds what was left out of the rounding to the rows
///   [begin, end) of the target's y, for the tokens of the range
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
  const auto parts_for = [&](std::size_t strips) { return token_parts(strips, tokens.count, tokens.parallel.threads); };
  for_target_strips(tokens.parallel, targets, strip_of, parts_for,
                    [&](std::size_t number, std::size_t begin, std::size_t end, std::size_t part, std::size_t parts) {
                      const Target& target = targets[number];
                      const GroupedWeights& w = *target.weights;
                      thread_local Scratch scratch;
                      const std::size_t bytes = strip_scratch(strip_of(w), code_stride, scale_stride);
                      const TokenRange range = token_range(tokens.count, part, parts);
                      kernels.grouped_many(w, begin, end, activations_of(x, range), target.bias,
                                           target.y + range.first * w.rows, scratch.reserve(bytes));
                      finish(number, begin, end, range, scratch);
                    });
}

}  // namespace nibble::linear

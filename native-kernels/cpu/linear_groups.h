#pragma once

// The product of many tokens that all formats with int8 activations share (portable translation units only).

#include "cpu/linear_drivers.h"
#include "cpu/linear_work.h"

namespace nibble::linear {

/// Rounds the activations once, then multiplies strip by strip.
/// @param prepare prepare(token) gives the activations to round, [columns]
/// @param finish finish(begin, end, scratch) adds to the rows [begin, end) of y what was left out of the rounding
template <typename Prepare, typename Finish>
void multiply_groups(const GroupedWeights& w, const Call& call, const Prepare& prepare, const Finish& finish) {
  const LinearKernels& kernels = call.kernels;
  const std::size_t code_stride = round_up(w.columns, kActivationPad);
  const std::size_t scale_stride = round_up(code_stride / w.group, kScalePad);
  const RoundingPlan plan{call.tokens,
                          w.columns,
                          w.group,
                          w.bits == 4 ? Order::even_odd : Order::natural,
                          w.scales.zero_points != nullptr ? -1 : -128,
                          code_stride,
                          scale_stride};
  thread_local Scratch activations;
  const Int8Activations x = round_activations(plan, kernels, call.parallel, activations, prepare);
  const std::size_t strip = many_strip(w.rows, code_stride);
  const std::size_t scratch_bytes = strip_scratch(strip, code_stride, scale_stride);
  for_strips(call.parallel, w.rows, strip, [&](std::size_t begin, std::size_t end) {
    thread_local Scratch scratch;
    kernels.grouped_many(w, begin, end, x, call.bias, call.y, scratch.reserve(scratch_bytes));
    finish(begin, end, scratch);
  });
}

}  // namespace nibble::linear

#pragma once

// Scratch memory, strips of rows and rounding of activations for the drivers (portable translation units only).

#include <array>
#include <cstddef>
#include <new>
#include <span>

#include "linear.h"
#include "linear_drivers.h"
#include "linear_kernels.h"

namespace nibble::linear {

/// Memory that grows and is kept: no allocation in the steady state. One instance per thread and purpose.
class Scratch {
 public:
  Scratch() = default;
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  ~Scratch() { release(); }

  /// At least `bytes` bytes, 64-byte aligned, contents undefined; valid until the next call.
  void* reserve(std::size_t bytes) {
    if (bytes > size_) {
      release();
      size_ = 0;
      data_ = ::operator new(bytes, std::align_val_t{64});
      size_ = bytes;
    }
    return data_;
  }

 private:
  void release() {
    if (data_ != nullptr) ::operator delete(data_, std::align_val_t{64});
    data_ = nullptr;
  }

  void* data_ = nullptr;
  std::size_t size_ = 0;
};

constexpr std::size_t round_up(std::size_t value, std::size_t multiple) {
  return (value + multiple - 1) / multiple * multiple;
}

/// Calls body(begin, end) for strips of `strip` items, spread over the threads. The strips depend on the shape alone,
/// so a result never depends on the number of threads.
template <typename Body>
void for_strips(const Parallel& parallel, std::size_t items, std::size_t strip, const Body& body) {
  const std::size_t tasks = (items + strip - 1) / strip;
  if (tasks <= 1) {
    if (items > 0) body(std::size_t{0}, items);
    return;
  }
  struct Context {
    const Body& body;
    std::size_t items;
    std::size_t strip;
  } context{body, items, strip};
  parallel.run(
      parallel.context, tasks,
      [](void* user, std::size_t index) {
        const Context& c = *static_cast<const Context*>(user);
        const std::size_t begin = index * c.strip;
        c.body(begin, c.items - begin < c.strip ? c.items : begin + c.strip);
      },
      &context);
}

/// Calls body(target's number, begin, end, part, parts) for strips of the rows of all targets and every part of the
/// tokens, spread over the threads together.
/// @param strip_of strip_of(weights) is the rows of a strip of theirs
/// @param parts_for parts_for(strips of all targets) is the number of parts
template <typename StripOf, typename PartsFor, typename Body>
void for_target_strips(const Parallel& parallel, std::span<const Target> targets, const StripOf& strip_of,
                       const PartsFor& parts_for, const Body& body) {
  std::array<std::size_t, kMostFused> strips{};
  std::array<std::size_t, kMostFused> tasks{};
  std::size_t all = 0;
  for (std::size_t i = 0; i < targets.size(); ++i) {
    strips[i] = strip_of(*targets[i].weights);
    tasks[i] = (targets[i].weights->rows + strips[i] - 1) / strips[i];
    all += tasks[i];
  }
  const std::size_t parts = parts_for(all);
  for_strips(parallel, all * parts, 1, [&](std::size_t index, std::size_t) {
    std::size_t task = index / parts;
    std::size_t number = 0;
    for (; task >= tasks[number]; ++number) task -= tasks[number];
    const std::size_t begin = task * strips[number];
    const std::size_t rows = targets[number].weights->rows;
    body(number, begin, rows - begin < strips[number] ? rows : begin + strips[number], index % parts, parts);
  });
}

/// Weight bytes per task for few tokens: long enough for the prefetcher, short enough that a 512-row layer still
/// spreads over many threads.
inline constexpr std::size_t kFewStripBytes = 32 * 1024;
/// Decoded bytes per task for many tokens: a quarter of a usual L2, which also holds the activations that pass by.
inline constexpr std::size_t kManyStripBytes = 256 * 1024;
/// For many tokens a matrix is cut into at least this many strips, so that threads end at about the same time.
inline constexpr std::size_t kLeastStrips = 16;

/// With fewer tasks for a thread than this some threads wait at the end of a product; then the tokens are split as
/// well.
inline constexpr std::size_t kTasksPerThread = 4;
/// Tokens of a part at least: a strip is decoded for each part, which takes as long as multiplying some eight tokens.
inline constexpr std::size_t kLeastPartTokens = 64;

/// Into how many parts to split tokens whose products have so many strips. No result depends on it: a token's products
/// know nothing of other tokens.
inline std::size_t token_parts(std::size_t strips, std::size_t tokens, std::size_t threads) {
  const std::size_t wanted = (kTasksPerThread * threads + strips - 1) / strips;
  const std::size_t most = tokens / kLeastPartTokens;
  const std::size_t parts = wanted < most ? wanted : most;
  return parts > 0 ? parts : 1;
}

inline std::size_t few_strip(std::size_t row_bytes) {
  return round_up(row_bytes < kFewStripBytes ? kFewStripBytes / (row_bytes + 1) : 1, kTileRows);
}
inline std::size_t many_strip(std::size_t rows, std::size_t code_stride) {
  const std::size_t fitting = kManyStripBytes / code_stride;
  const std::size_t fair = rows / kLeastStrips;
  const std::size_t strip = fitting < fair ? fitting : fair;
  return round_up(strip > 0 ? strip : 1, kTileRows);
}

/// Rounds every token's activations to int8, in the order that the chosen kernels read. `prepare(token)` returns the
/// activations to round, [columns].
struct RoundingPlan {
  std::size_t tokens;
  std::size_t columns;
  std::size_t group;  // as in QuantizeJob
  Order order;
  std::int32_t offset_factor;
  std::size_t code_stride;
  std::size_t scale_stride;
};
template <typename Prepare>
Int8Activations round_activations(const RoundingPlan& plan, const LinearKernels& kernels, const Parallel& parallel,
                                  Scratch& memory, const Prepare& prepare) {
  const bool packed = kernels.pack != nullptr;
  const std::size_t tokens = packed ? round_up(plan.tokens, kTokenBlock) : plan.tokens;
  const std::size_t codes_bytes = tokens * plan.code_stride;
  const std::size_t scales_bytes = tokens * plan.scale_stride * sizeof(float);
  auto* bytes = static_cast<unsigned char*>(memory.reserve(codes_bytes + 2 * scales_bytes));
  auto* codes = reinterpret_cast<std::int8_t*>(bytes);
  auto* scales = reinterpret_cast<float*>(bytes + codes_bytes);
  auto* offsets = reinterpret_cast<std::int32_t*>(bytes + codes_bytes + scales_bytes);

  for_strips(parallel, plan.tokens, kTokenBlock, [&](std::size_t begin, std::size_t end) {
    std::int8_t* block_codes = codes + begin * plan.code_stride;
    float* block_scales = scales + begin * plan.scale_stride;
    std::int32_t* block_offsets = offsets + begin * plan.scale_stride;
    if (packed) {
      thread_local Scratch block;
      block_codes = static_cast<std::int8_t*>(
          block.reserve(kTokenBlock * (plan.code_stride + 2 * plan.scale_stride * sizeof(float))));
      block_scales = reinterpret_cast<float*>(block_codes + kTokenBlock * plan.code_stride);
      block_offsets = reinterpret_cast<std::int32_t*>(block_scales + kTokenBlock * plan.scale_stride);
    }
    for (std::size_t t = 0; t < end - begin; ++t) {
      kernels.quantize({prepare(begin + t), plan.columns, plan.group, plan.order, plan.offset_factor,
                        block_codes + t * plan.code_stride, block_scales + t * plan.scale_stride,
                        block_offsets + t * plan.scale_stride, plan.scale_stride});
    }
    if (packed) {
      kernels.pack({{block_codes, block_scales, block_offsets, end - begin, plan.code_stride, plan.scale_stride},
                    plan.order,
                    codes + begin * plan.code_stride,
                    scales + begin * plan.scale_stride,
                    offsets + begin * plan.scale_stride});
    }
  });
  return {codes, scales, offsets, plan.tokens, plan.code_stride, plan.scale_stride};
}

}  // namespace nibble::linear

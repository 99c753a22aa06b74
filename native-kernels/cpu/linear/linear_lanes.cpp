// Driver of the fast mode for few tokens: round the activations lane by lane once, then one task per strip of rows.

#include <algorithm>
#include <array>
#include <cmath>

#include "base/activation_rounding.h"
#include "linear_drivers.h"
#include "linear_work.h"

namespace nibble::linear {
namespace {

using rounding::kFewTokens;
using rounding::kLanes;

/// Most columns of a chunk: those of 4-bit weights.
constexpr std::size_t kMostColumns = rounding::chunk_columns(4);

/// Rounds a chunk's values and leaves there what was rounded off. @returns whether a second pass is due
bool round_chunk(float* values, std::size_t lane, std::int8_t* codes, std::int32_t* offsets, float* scales) {
  std::array<std::int8_t, kMostColumns> natural;
  std::array<float, kLanes> absmax{};
  for (std::size_t i = 0; i < kLanes; ++i) {
    float* columns = values + i * lane;
    for (std::size_t k = 0; k < lane; ++k) {
      const float magnitude = std::fabs(columns[k]);
      // A comparison alone would lose NaN.
      absmax[i] = magnitude <= absmax[i] || std::isnan(absmax[i]) ? absmax[i] : magnitude;
    }
    scales[i] = rounding::quantize_activations(columns, lane, natural.data() + i * lane);
    std::int32_t sum = 0;
    for (std::size_t k = 0; k < lane; ++k) {
      sum += natural[i * lane + k];
      columns[k] -= scales[i] * static_cast<float>(natural[i * lane + k]);
    }
    offsets[i] = -128 * sum;
  }
  const std::size_t count = kLanes * lane;
  if (lane == rounding::lane_columns(4)) {
    for (std::size_t k = 0; k < count / 2; ++k) {
      codes[k] = natural[2 * k];
      codes[count / 2 + k] = natural[2 * k + 1];
    }
  } else {
    std::copy_n(natural.data(), count, codes);
  }
  return rounding::needs_second_pass(absmax.data());
}

std::size_t round_lanes(const LaneJob& job) {
  const std::size_t lane = rounding::lane_columns(job.bits);
  const std::size_t chunk = kLanes * lane;
  const std::size_t chunks = (job.columns + chunk - 1) / chunk;
  std::size_t passes = chunks;
  for (std::size_t c = 0; c < chunks; ++c) {
    std::array<float, kMostColumns> values{};
    std::copy_n(job.x + c * chunk, std::min(chunk, job.columns - c * chunk), values.data());
    if (!round_chunk(values.data(), lane, job.codes + c * chunk, job.offsets + c * kLanes, job.scales + c * kLanes)) {
      continue;
    }
    job.places[passes - chunks] = static_cast<std::uint32_t>(c);
    round_chunk(values.data(), lane, job.codes + passes * chunk, job.offsets + passes * kLanes,
                job.scales + passes * kLanes);
    ++passes;
  }
  return passes - chunks;
}

/// Memory of rounded activations: 64-byte aligned arrays, one behind the other.
struct Room {
  std::size_t codes;
  std::size_t lanes;
  std::size_t places;
  std::size_t groups;

  std::size_t bytes() const { return codes + 2 * lanes + places + groups; }
};

Room room_for(std::size_t columns, int bits, std::size_t group) {
  const std::size_t chunks = (columns + rounding::chunk_columns(bits) - 1) / rounding::chunk_columns(bits);
  return {2 * chunks * rounding::chunk_columns(bits), 2 * chunks * kLanes * sizeof(float),
          round_up(chunks * sizeof(std::uint32_t), 64), round_up((columns / group + 1) * sizeof(float), 64)};
}

/// Sums of the rounded activations of each group, from the lanes' sums of codes.
void sum_groups(const LaneActivations& x, std::size_t lane, std::size_t columns, std::size_t group, float* sums) {
  std::fill_n(sums, (columns + group - 1) / group, 0.0f);
  for (std::size_t pass = 0; pass < x.chunks + x.second_passes; ++pass) {
    const std::size_t place = pass < x.chunks ? pass : x.places[pass - x.chunks];
    for (std::size_t i = 0; i < kLanes; ++i) {
      const std::size_t column = (place * kLanes + i) * lane;
      if (column >= columns) break;
      sums[column / group] += x.scales[pass * kLanes + i] * static_cast<float>(x.offsets[pass * kLanes + i] / -128);
    }
  }
}

/// Rounds every token for the weights `w`.
void round_tokens(const GroupedWeights& w, const float* x, std::size_t tokens, const LinearKernels& kernels,
                  Scratch& memory, LaneActivations* rounded) {
  // One scale a row takes the sum over all columns.
  const std::size_t group = w.scales.block_size == kEndless ? w.columns : w.group;
  const Room room = room_for(w.columns, w.bits, group);
  const std::size_t chunks = room.lanes / (2 * kLanes * sizeof(float));
  auto* bytes = static_cast<unsigned char*>(memory.reserve(tokens * room.bytes()));
  for (std::size_t t = 0; t < tokens; ++t, bytes += room.bytes()) {
    auto* codes = reinterpret_cast<std::int8_t*>(bytes);
    auto* offsets = reinterpret_cast<std::int32_t*>(bytes + room.codes);
    auto* scales = reinterpret_cast<float*>(bytes + room.codes + room.lanes);
    auto* places = reinterpret_cast<std::uint32_t*>(bytes + room.codes + 2 * room.lanes);
    auto* sums = reinterpret_cast<float*>(bytes + room.codes + 2 * room.lanes + room.places);
    const LaneJob job{x + t * w.columns, w.columns, w.bits, codes, offsets, scales, places};
    const std::size_t passes = kernels.round_lanes != nullptr ? kernels.round_lanes(job) : round_lanes(job);
    const bool wants_sums = w.scales.zero_points != nullptr;
    rounded[t] = {codes, offsets, scales, places, wants_sums ? sums : nullptr, chunks, passes};
    if (wants_sums) sum_groups(rounded[t], rounding::lane_columns(w.bits), w.columns, group, sums);
  }
}

/// Whether activations that were rounded by lanes for `a` serve `b`. Lanes depend on the bits alone; the sums that zero
/// points take depend on the weights' groups, too.
bool same_lanes(const GroupedWeights& a, const GroupedWeights& b) {
  return a.bits == b.bits && a.scales.zero_points == nullptr && b.scales.zero_points == nullptr;
}

}  // namespace

void lanes_product(std::span<const Target> targets, const Tokens& tokens) {
  thread_local std::array<Scratch, kMostFused> memory;
  std::array<std::array<LaneActivations, kFewTokens>, kMostFused> rounded;
  // The first target with the same rounding has it.
  std::array<const LaneActivations*, kMostFused> inputs{};
  for (std::size_t i = 0; i < targets.size(); ++i) {
    const GroupedWeights& w = *targets[i].weights;
    for (std::size_t k = 0; k < i && inputs[i] == nullptr; ++k) {
      if (same_lanes(*targets[k].weights, w)) inputs[i] = inputs[k];
    }
    if (inputs[i] != nullptr) continue;
    round_tokens(w, tokens.x, tokens.count, tokens.kernels, memory[i], rounded[i].data());
    inputs[i] = rounded[i].data();
  }
  const auto strip_of = [](const GroupedWeights& w) {
    return few_strip(w.columns * static_cast<std::size_t>(w.bits) / 8);
  };
  const auto undivided = [](std::size_t) { return std::size_t{1}; };
  for_target_strips(tokens.parallel, targets, strip_of, undivided,
                    [&](std::size_t number, std::size_t begin, std::size_t end, std::size_t, std::size_t) {
                      const Target& target = targets[number];
                      const GroupedWeights& w = *target.weights;
                      thread_local Scratch scratch;
                      const std::size_t scale_stride = round_up((w.columns + w.group - 1) / w.group, kScalePad);
                      tokens.kernels.lanes(w, begin, end, inputs[number], tokens.count, target.bias, target.y,
                                           scratch.reserve(lanes_scratch(strip_of(w), scale_stride)));
                    });
}

}  // namespace nibble::linear

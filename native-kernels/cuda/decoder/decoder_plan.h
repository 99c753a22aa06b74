#pragma once

// What a decoder executes: the nodes of a plan as steps over buffers, those joined that one kernel computes.

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "cuda/decoder/kernels/arguments.h"
#include "cuda/decoder/plan.h"
#include "linear.h"

namespace nibble::cuda {

/// A stored vector as floats, e.g. a norm's weight or a bias.
struct FloatsPlan {
  StoredTensor tensor;
  WeightType type = WeightType::f32;
  std::size_t count = 0;
  float added = 0;  // to every element
};

/// A linear layer, stored as the row `format` of formats.def says.
struct LinearPlan {
  WeightFormat format = WeightFormat::bf16;
  std::size_t rows = 0;
  std::size_t columns = 0;
  std::size_t block_size = 0;
  float nested_offset = 0;
  StoredTensor codes;
  StoredTensor scales;       // type U8: codes of nested scales
  StoredTensor zero_points;  // bytes 0 where there are none, as everything that follows
  StoredTensor levels;
  StoredTensor nested_scales;
  StoredTensor nested_map;
  FloatsPlan bias;  // count 0: none
};

/// No vector, in what follows.
constexpr std::size_t kNoVector = std::numeric_limits<std::size_t>::max();

/// Where a value lies: `width` columns from `first` on of a buffer, whose rows (one a token) are `stride` numbers
/// apart.
struct ValuePlan {
  std::size_t buffer = 0;
  std::size_t first = 0;
  std::size_t width = 0;
  std::size_t stride = 0;
  /// In passes of many tokens it is float16, divided by this; 0: float32 as in those of one.
  float half_divisor = 0;
};

/// An RMS norm of rows.
struct NormPlan {
  std::size_t weight = kNoVector;  // of DecoderPlan::vectors
  float epsilon = 0;
};

/// Products of one input, side by side in `output`.
struct LinearStep {
  ValuePlan input;
  std::optional<NormPlan> norm;       // of the input first
  std::vector<std::size_t> matrices;  // of DecoderPlan::matrices; up to kMatrices
  Outcome outcome = Outcome::store;
  Activation activation = Activation::silu;
  ValuePlan output;
};

struct NormStep {
  ValuePlan input;
  NormPlan norm;
  ValuePlan output;  // may be the input
};

/// to += factor · norm(input)
struct AddStep {
  ValuePlan input;
  std::optional<NormPlan> norm;
  float factor = 1;
  ValuePlan to;
};

struct GatedStep {
  ValuePlan gate;
  ValuePlan up;
  Activation activation = Activation::silu;
  ValuePlan output;
};

/// output = input · sigmoid(gate) + added
struct SigmoidGateStep {
  ValuePlan input;
  ValuePlan gate;
  ValuePlan added;
  ValuePlan output;
};

/// value = cap · tanh(factor · value / cap), or factor · value where the cap is 0
struct ScaleStep {
  ValuePlan value;
  float factor = 1;
  float cap = 0;
};

struct AttentionStep {
  ValuePlan qkv;  // queries, keys and values side by side
  ValuePlan output;
  std::size_t cache = 0;  // which one holds its keys and values
  std::size_t heads = 0;
  std::size_t kv_heads = 0;
  std::size_t head_dim = 0;
  std::optional<std::size_t> rotary;  // of DecoderPlan::rotaries; none: no rotation
  float scale = 1;
  float softcap = 0;
  std::size_t window = 0;
  std::size_t q_norm = kNoVector;
  std::size_t k_norm = kNoVector;
  float epsilon = 0;
};

using Step = std::variant<LinearStep, NormStep, AddStep, GatedStep, SigmoidGateStep, ScaleStep, AttentionStep>;

struct RotaryPlan {
  std::vector<float> frequencies;  // of half the elements that are rotated
  float scaling = 1;
};

/// A decoder as the kernels can run it.
struct DecoderPlan {
  std::vector<std::string> files;
  std::size_t vocabulary = 0;  // rows of the embedding and of the head
  std::size_t hidden = 0;
  StoredTensor embedding;
  WeightType embedding_type = WeightType::bf16;
  float embedding_scale = 1;
  ValuePlan embedded;
  std::vector<RotaryPlan> rotaries;
  std::vector<LinearPlan> matrices;
  std::vector<FloatsPlan> vectors;
  std::vector<std::size_t> buffers;  // widths
  std::vector<Step> steps;           // all but the head's
  std::size_t caches = 0;
  LinearStep head;  // without an output; its norm is always there
  float logit_factor = 1;
  float logit_cap = 0;  // 0: none
};

/// The attention of every cache, in their order.
std::vector<const AttentionStep*> attentions_of(const DecoderPlan& plan);

/// @throws Error("unsupported-model") when the kernels cannot run it, Error("malformed-file") when sizes contradict
DecoderPlan read_decoder(const Plan& plan);

}  // namespace nibble::cuda

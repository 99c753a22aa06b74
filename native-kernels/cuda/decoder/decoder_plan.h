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

/// How a matrix of floats lies by columns, as the source of a model may hold it: row r is column `first` + r · `step`
/// of [columns, width].
struct TransposedPlan {
  std::size_t width = 0;  // 0: it lies by rows
  std::size_t first = 0;
  std::size_t step = 1;
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
  TransposedPlan transposed;
  // Which of the stored rows are its own: the first, and every so many-th from there.
  std::size_t first_row = 0;
  std::size_t row_step = 1;

  std::size_t stored_rows() const { return rows * row_step; }
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

/// An RMS norm of rows, or a layer norm.
struct NormPlan {
  std::size_t weight = kNoVector;  // of DecoderPlan::vectors
  std::size_t bias = kNoVector;
  float epsilon = 0;
  bool centered = false;  // a layer norm
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
  std::size_t groups =
      1;  // of equal width, each normalized by itself; their weights are shared, or one behind the other
};

/// to += factor · norm(input)
struct AddStep {
  ValuePlan input;
  std::optional<NormPlan> norm;
  float factor = 1;
  ValuePlan to;
};

/// Rows of a table for tokens, besides the embedding; or for their positions, which are added to what is there.
struct EmbedStep {
  std::size_t table = 0;  // of DecoderPlan::tables
  float scale = 1;
  bool of_positions = false;
  ValuePlan output;
};

/// Parts that lie in groups, side by side.
struct RegroupStep {
  ValuePlan input;
  std::size_t groups = 1;
  std::vector<std::size_t> widths;  // of the parts; up to kMatrices
  ValuePlan output;
};

struct GatedStep {
  ValuePlan gate;
  ValuePlan up;
  Activation activation = Activation::silu;
  ValuePlan output;
};

/// output = activation(input)
struct ActivateStep {
  ValuePlan input;
  Activation activation = Activation::silu;
  std::vector<std::size_t> xielu;  // of DecoderPlan::vectors: its four numbers; empty: the activation
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
  std::size_t stored_factor = kNoVector;  // another one
  float cap = 0;
};

/// Of every token the weighted sum of what the experts say that its router chose.
struct ExpertsStep {
  ValuePlan input;
  std::optional<NormPlan> norm;  // of the input first
  ValuePlan router;              // logits
  std::size_t experts = 0;
  std::size_t chosen = 0;
  std::size_t first_matrix = 0;  // of DecoderPlan::matrices: gate, up and down of the first expert, then of the second
  Activation activation = Activation::silu;
  bool sigmoid = false;
  std::size_t correction = kNoVector;
  std::size_t groups = 0;
  std::size_t chosen_groups = 0;
  bool two_best = false;
  bool normalized = false;
  float sum_epsilon = 0;
  float least_sum = 0;
  float scale = 1;
  std::size_t expert_scales = kNoVector;
  bool adds = false;        // to what the output is already
  bool alternates = false;  // one stored matrix holds the rows of gate and up in turns
  ValuePlan output;
};

struct AttentionStep {
  ValuePlan qkv;  // queries, keys and values side by side; or queries alone
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
  std::size_t sinks = kNoVector;
  float epsilon = 0;
  bool interleaved = false;  // how pairs of rotated elements lie
  bool norms_rotated = false;
  bool normalizes_values = false;
  bool reads_others = false;  // keys and values are those that another layer has put into its cache
  float temperature = 0;
  float temperature_length = 1;
  float temperature_offset = 0;
};

using Step = std::variant<LinearStep, EmbedStep, RegroupStep, NormStep, AddStep, GatedStep, ActivateStep,
                          SigmoidGateStep, ScaleStep, ExpertsStep, AttentionStep>;

struct RotaryPlan {
  std::vector<float> frequencies;  // of half the elements that are rotated
  float scaling = 1;
};

/// A table of floats whose rows are looked up.
struct TablePlan {
  StoredTensor tensor;
  WeightType type = WeightType::bf16;
  std::size_t rows = 0;
  std::size_t width = 0;
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
  std::vector<TablePlan> tables;
  std::vector<std::size_t> buffers;  // widths
  std::vector<Step> steps;           // all but the head's
  std::size_t caches = 0;
  std::size_t positions = 0;  // that are known; 0: any
  LinearStep head;            // without an output
  float logit_factor = 1;
  float logit_cap = 0;  // 0: none
};

/// The attention that fills every cache, in their order.
std::vector<const AttentionStep*> attentions_of(const DecoderPlan& plan);

/// @throws Error("unsupported-model") when the kernels cannot run it, Error("malformed-file") when sizes contradict
DecoderPlan read_decoder(const Plan& plan);

}  // namespace nibble::cuda

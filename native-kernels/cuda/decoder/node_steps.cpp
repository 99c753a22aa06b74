#include "cuda/decoder/node_steps.h"

#include <algorithm>
#include <cstring>
#include <map>

#include "cuda/decoder/node_parts.h"

namespace nibble::cuda {
namespace {

constexpr std::size_t kMostHeads = 1024;
constexpr std::size_t kMostHeadDim = 256;

void require_experts_known(const PlanNode& node, const std::string& name) {
  constexpr std::string_view kOwn[] = {
      "experts", "experts_per_token", "normalized", "gelu",         "sum_epsilon",  "least_sum", "scale",
      "groups",  "chosen_groups",     "two_best",   "swiglu_alpha", "swiglu_limit", "ungated"};
  constexpr std::string_view kOfMatrices[] = {"in_features", "out_features",     "block_size",       "nested_offset",
                                              "threshold",   "transposed_width", "transposed_first", "transposed_step"};
  for (const auto& [key, number] : node.attributes) {
    const std::string_view plain = std::string_view(key).substr(0, key.find_last_not_of("0123456789") + 1);
    if (std::ranges::find(kOwn, key) == std::end(kOwn) &&
        std::ranges::find(kOfMatrices, plain) == std::end(kOfMatrices)) {
      unsupported(name + ", an Experts, has " + key);
    }
  }
}

/// Matrix `index` of a node, as a Linear.
PlanNode matrix_of(const PlanNode& node, unsigned index) {
  constexpr unsigned kMatrixInputs = 7;
  PlanNode matrix;
  matrix.op = "Linear";
  const std::string number = index == 0 ? "" : std::to_string(index);
  const auto format = node.further_formats.find(index);
  matrix.format = index == 0 || format == node.further_formats.end() ? node.format : format->second;
  for (const char* key : {"in_features", "out_features", "block_size", "nested_offset", "threshold", "transposed_width",
                          "transposed_first", "transposed_step"}) {
    const auto own = node.attributes.find(key + number);
    if (own != node.attributes.end()) matrix.attributes[key] = own->second;
  }
  // Said once where it is the first one's.
  if (!matrix.attributes.contains("in_features") && node.attributes.contains("in_features")) {
    matrix.attributes["in_features"] = node.attributes.at("in_features");
  }
  for (unsigned i = 0; i < kMatrixInputs; ++i) {
    const auto stored = node.inputs.find(kExpertMatrix + index * kMatrixInputs + i);
    if (stored != node.inputs.end()) matrix.inputs[i + 1] = stored->second;
  }
  return matrix;
}

}  // namespace

void require_known(const PlanNode& node, const std::string& name, std::initializer_list<std::string_view> attributes) {
  for (const auto& [key, value] : node.attributes) {
    if (std::find(attributes.begin(), attributes.end(), key) == attributes.end()) {
      unsupported(name + ", a " + node.op + ", has " + key);
    }
  }
}

bool is_residual_norm(const PlanNode& node) { return node.op == "SkipRmsNorm" || node.op == "SkipLayerNorm"; }
bool is_residual(const PlanNode& node) { return is_residual_norm(node) || node.op == "Add"; }
bool is_norm(const PlanNode& node) { return node.op == "RmsNorm" || node.op == "LayerNorm"; }
bool is_gated(const PlanNode& node) { return node.op == "SiluMul" || node.op == "GeluMul"; }

Activation activation_of(const PlanNode& node) {
  return node.op == "SiluMul" ? Activation::silu : Activation::gelu_tanh;
}

std::optional<Activation> plain_activation(const std::string& op) {
  static const std::map<std::string, Activation> known = {
      {"Silu", Activation::silu}, {"Gelu", Activation::gelu},   {"GeluTanh", Activation::gelu_tanh},
      {"Relu", Activation::relu}, {"Relu2", Activation::relu2}, {"QuickGelu", Activation::quick_gelu}};
  const auto found = known.find(op);
  return found == known.end() ? std::nullopt : std::optional(found->second);
}

RotaryPlan rotary_plan(const PlanNode& node, const std::string& name) {
  require_known(node, name, {"attention_scaling"});
  if (node.inputs.contains(3)) unsupported("its rotary embeddings change with the length of the text");
  const StoredTensor& table = input(node, 2, name);
  RotaryPlan rotary;
  if (table.type != "F32" || table.table.empty() || table.table.size() % sizeof(float) != 0) {
    malformed(name + ": the frequencies are no table");
  }
  rotary.frequencies.resize(table.table.size() / sizeof(float));
  std::memcpy(rotary.frequencies.data(), table.table.data(), table.table.size());
  rotary.scaling = static_cast<float>(attribute_or(node, "attention_scaling", 1));
  return rotary;
}

AttentionStep attention_of(const PlanNode& node, const std::string& name) {
  require_known(node, name,
                {"layer", "heads", "kv_heads", "head_dim", "scale", "window", "softcap", "epsilon",
                 "norm_weight_offset", "rotary_interleaved", "norms_rotated", "value_norm", "shared", "temperature",
                 "temperature_length", "temperature_offset"});
  for (const auto& [index, tensor] : node.inputs) {
    if (index < 6 || index > 8) unsupported(name + " has a stored input " + std::to_string(index));
  }
  AttentionStep step;
  const auto says = [&](const char* key) { return attribute_or(node, key, 0) != 0; };
  step.interleaved = says("rotary_interleaved");
  step.norms_rotated = says("norms_rotated");
  step.normalizes_values = says("value_norm");
  step.reads_others = says("shared");
  step.temperature = static_cast<float>(attribute_or(node, "temperature", 0));
  step.temperature_length = static_cast<float>(attribute_or(node, "temperature_length", 1));
  step.temperature_offset = static_cast<float>(attribute_or(node, "temperature_offset", 0));
  step.heads = size_attribute(node, "heads", name);
  step.kv_heads = size_attribute(node, "kv_heads", name);
  step.head_dim = size_attribute(node, "head_dim", name);
  if (step.kv_heads == 0 || step.heads == 0 || step.heads % step.kv_heads != 0 || step.heads > kMostHeads) {
    malformed(name + ": " + std::to_string(step.heads) + " heads cannot share " + std::to_string(step.kv_heads));
  }
  if (step.head_dim == 0 || step.head_dim % 8 != 0 || step.head_dim > kMostHeadDim) {
    unsupported("its heads have " + std::to_string(step.head_dim) + " elements");
  }
  step.scale = static_cast<float>(attribute(node, "scale", name));
  step.softcap = static_cast<float>(attribute_or(node, "softcap", 0));
  step.window = size_attribute(node, "window", name);
  step.epsilon = static_cast<float>(attribute_or(node, "epsilon", 0));
  return step;
}

ExpertsStep experts_of(const PlanNode& node, const std::string& name) {
  require_experts_known(node, name);
  ExpertsStep step;
  step.experts = size_attribute(node, "experts", name);
  step.chosen = size_attribute(node, "experts_per_token", name);
  if (step.experts == 0 || step.chosen == 0 || step.chosen > step.experts) {
    malformed(name + ": its numbers of experts contradict each other");
  }
  if (step.experts > kMostExperts || step.chosen > kMostChosen) {
    unsupported("it chooses " + std::to_string(step.chosen) + " of " + std::to_string(step.experts) + " experts");
  }
  step.activation = attribute_or(node, "gelu", 0) != 0 ? Activation::gelu_tanh : Activation::silu;
  if (!node.scores.empty() && node.scores != "softmax" && node.scores != "sigmoid") {
    unsupported("its router reads scores as " + node.scores);
  }
  step.sigmoid = node.scores == "sigmoid";
  if (node.attributes.contains("swiglu_alpha")) {
    if (static_cast<float>(attribute(node, "swiglu_alpha", name)) != kSwigluAlpha ||
        static_cast<float>(attribute(node, "swiglu_limit", name)) != kSwigluLimit) {
      unsupported(name + " limits its activations in a way of its own");
    }
    step.activation = Activation::swiglu_clamped;
  }
  // Rows of the gate and of the other factor take turns in one matrix then.
  step.alternates = attribute_or(node, "ungated", 0) != 0;
  if (step.alternates != (step.activation == Activation::swiglu_clamped)) unsupported(name + " has no gate");
  if (node.attributes.contains("groups")) {
    step.groups = size_attribute(node, "groups", name);
    step.chosen_groups = size_attribute(node, "chosen_groups", name);
    step.two_best = attribute_or(node, "two_best", 0) != 0;
    if (step.groups == 0 || step.groups > kMostGroups || step.experts % step.groups != 0) {
      unsupported(name + " has " + std::to_string(step.groups) + " groups of experts");
    }
  }
  step.normalized = attribute_or(node, "normalized", 0) != 0;
  step.sum_epsilon = static_cast<float>(attribute_or(node, "sum_epsilon", 0));
  step.least_sum = static_cast<float>(attribute_or(node, "least_sum", 0));
  step.scale = static_cast<float>(attribute_or(node, "scale", 1));
  return step;
}

LinearPlan expert_matrix(const PlanNode& node, const ExpertsStep& step, unsigned index, const std::string& name) {
  if (!step.alternates) return read_linear(matrix_of(node, index), name);
  const unsigned expert = index / kExpertMatrices;
  const unsigned part = index % kExpertMatrices;
  LinearPlan plan = read_linear(matrix_of(node, expert * 2 + (part == 2 ? 1 : 0)), name);
  if (part == 2) return plan;
  if (plan.rows % 2 != 0) malformed(name + " has more gates than other factors");
  plan.rows /= 2;
  plan.first_row = part;
  plan.row_step = 2;
  return plan;
}

}  // namespace nibble::cuda

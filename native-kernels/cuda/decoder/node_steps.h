#pragma once

// What a node says by itself, whatever other nodes say. `name` is the node's, for errors.

#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>

#include "cuda/decoder/decoder_plan.h"

namespace nibble::cuda {

/// Stored inputs of a node of experts: what corrects the choice, factors, then those of every matrix as Linear has
/// them.
constexpr unsigned kExpertCorrection = 2;
constexpr unsigned kExpertScales = 3;
constexpr unsigned kExpertMatrix = 4;

/// Refuses attributes that the kernels do not know: they would change what a node computes.
/// @throws Error("unsupported-model")
void require_known(const PlanNode& node, const std::string& name, std::initializer_list<std::string_view> attributes);

bool is_residual_norm(const PlanNode& node);
bool is_residual(const PlanNode& node);
bool is_norm(const PlanNode& node);
bool is_gated(const PlanNode& node);

/// Of the gate of a gated feed-forward.
Activation activation_of(const PlanNode& node);

/// Of operators that are nothing but an activation.
std::optional<Activation> plain_activation(const std::string& op);

/// @throws Error("unsupported-model", "malformed-file"), as those that follow
RotaryPlan rotary_plan(const PlanNode& node, const std::string& name);

/// Without what it reads and where its keys and values lie.
AttentionStep attention_of(const PlanNode& node, const std::string& name);

/// Without what it reads and its weights.
ExpertsStep experts_of(const PlanNode& node, const std::string& name);

/// Matrix `index` of a node of experts: gate, up and down of the first, then those of the second.
LinearPlan expert_matrix(const PlanNode& node, const ExpertsStep& step, unsigned index, const std::string& name);

}  // namespace nibble::cuda

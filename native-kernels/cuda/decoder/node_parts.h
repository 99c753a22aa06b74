#pragma once

// The parts of a plan's nodes, checked. `name` is the node's, for errors.

#include <cstddef>
#include <string>

#include "cuda/decoder/decoder_plan.h"

namespace nibble::cuda {

/// @throws Error("unsupported-model")
[[noreturn]] void unsupported(const std::string& what);

/// @throws Error("malformed-file")
[[noreturn]] void malformed(const std::string& what);

/// Bytes of an element of a stored type. @throws Error("unsupported-model")
std::size_t element_bytes(const std::string& type, const std::string& name);

/// @throws Error("unsupported-model") where it is not bf16, f16 or f32
WeightType float_type(const std::string& type, const std::string& name);

double attribute(const PlanNode& node, const char* key, const std::string& name);
double attribute_or(const PlanNode& node, const char* key, double otherwise);
std::size_t size_attribute(const PlanNode& node, const char* key, const std::string& name);

/// Stored input `index`. @throws Error("malformed-file")
const StoredTensor& input(const PlanNode& node, unsigned index, const std::string& name);

/// Stored input `index`, a vector of `count` elements.
FloatsPlan floats(const PlanNode& node, unsigned index, std::size_t count, const std::string& name);

/// The same; count 0 where there is none.
FloatsPlan optional_floats(const PlanNode& node, unsigned index, std::size_t count, const std::string& name);

/// The matrix of a Linear. @throws Error("unsupported-model", "malformed-file")
LinearPlan read_linear(const PlanNode& node, const std::string& name);

}  // namespace nibble::cuda

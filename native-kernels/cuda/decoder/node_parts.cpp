// The parts of a plan's nodes, checked: attributes, stored tensors, matrices.

#include "cuda/decoder/node_parts.h"

#include <bit>
#include <cmath>

#include "error.h"
#include "quantize.h"

namespace nibble::cuda {
namespace {

constexpr double kMostElements = 4294967295.0;  // kernels number weights, rows and columns with 32 bits

std::size_t ceil_divide(std::size_t a, std::size_t b) { return (a + b - 1) / b; }

/// Input `index`, which must be `count` elements of `type`.
const StoredTensor& typed(const PlanNode& node, unsigned index, const char* type, std::size_t count,
                          const std::string& name) {
  const StoredTensor& tensor = input(node, index, name);
  if (tensor.type != type || tensor.bytes != count * element_bytes(type, name)) {
    malformed(name + ": stored input " + std::to_string(index) + " is not " + std::to_string(count) + " of " + type);
  }
  return tensor;
}

const char* type_name(FormatTraits::Codes codes) {
  switch (codes) {
    case FormatTraits::Codes::U8:
      return "U8";
    case FormatTraits::Codes::I8:
      return "I8";
    case FormatTraits::Codes::BF16:
      return "BF16";
    case FormatTraits::Codes::F16:
      return "F16";
    default:
      return "F32";
  }
}

/// Blocks as the kernels can number them: by shifting, without two in what a lane reads at once.
void require_blocks(const LinearPlan& plan, const FormatTraits& traits, const std::string& name) {
  if (traits.scales == FormatTraits::Scales::none) return;
  if (traits.blocks == FormatTraits::Blocks::row) {
    if (plan.block_size == 0 || plan.columns % plan.block_size != 0) malformed(name + ": blocks do not fill its rows");
    if (plan.block_size == plan.columns) return;
  }
  const std::size_t least = traits.bits == 8 ? 16 : 32;
  if (plan.block_size < least || !std::has_single_bit(plan.block_size)) {
    unsupported(name + " has blocks of " + std::to_string(plan.block_size));
  }
}

TransposedPlan transposed_of(const PlanNode& node, std::size_t rows, const FormatTraits& traits,
                             const std::string& name) {
  TransposedPlan plan;
  if (!node.attributes.contains("transposed_width")) return plan;
  if (traits.blocks != FormatTraits::Blocks::none) malformed(name + " lies by columns, and is quantized");
  plan.width = size_attribute(node, "transposed_width", name);
  plan.first = size_attribute(node, "transposed_first", name);
  plan.step = size_attribute(node, "transposed_step", name);
  if (plan.step == 0 || plan.first + (rows - 1) * plan.step >= plan.width)
    malformed(name + " has more rows than lie there");
  return plan;
}

}  // namespace

void unsupported(const std::string& what) {
  throw Error("unsupported-model", "CUDA kernels cannot run this model: " + what, "Choose the CPU (--device cpu).");
}

void malformed(const std::string& what) {
  throw Error("malformed-file", what, "Quantize or download the model again.");
}

std::size_t element_bytes(const std::string& type, const std::string& name) {
  if (type == "BF16" || type == "F16") return 2;
  if (type == "F32") return 4;
  if (type == "I8" || type == "U8") return 1;
  unsupported(name + " has elements of type " + type);
}

WeightType float_type(const std::string& type, const std::string& name) {
  if (type == "BF16") return WeightType::bf16;
  if (type == "F16") return WeightType::f16;
  if (type == "F32") return WeightType::f32;
  unsupported(name + " has elements of type " + type);
}

double attribute(const PlanNode& node, const char* key, const std::string& name) {
  const auto found = node.attributes.find(key);
  if (found == node.attributes.end()) unsupported(name + " does not say its " + key);
  return found->second;
}

double attribute_or(const PlanNode& node, const char* key, double otherwise) {
  const auto found = node.attributes.find(key);
  return found == node.attributes.end() ? otherwise : found->second;
}

std::size_t size_attribute(const PlanNode& node, const char* key, const std::string& name) {
  const double value = attribute(node, key, name);
  constexpr double kMost = 1 << 28;
  if (!(value >= 0 && value <= kMost) || value != std::floor(value)) malformed(name + ": " + key + " is no size");
  return static_cast<std::size_t>(value);
}

const StoredTensor& input(const PlanNode& node, unsigned index, const std::string& name) {
  const auto found = node.inputs.find(index);
  if (found == node.inputs.end()) malformed(name + " lacks its stored input " + std::to_string(index));
  return found->second;
}

FloatsPlan floats(const PlanNode& node, unsigned index, std::size_t count, const std::string& name) {
  FloatsPlan plan;
  plan.tensor = input(node, index, name);
  plan.type = float_type(plan.tensor.type, name);
  plan.count = count;
  if (plan.tensor.bytes != count * element_bytes(plan.tensor.type, name)) {
    malformed(name + ": stored input " + std::to_string(index) + " does not have " + std::to_string(count) +
              " elements");
  }
  return plan;
}

FloatsPlan optional_floats(const PlanNode& node, unsigned index, std::size_t count, const std::string& name) {
  return node.inputs.contains(index) ? floats(node, index, count, name) : FloatsPlan{};
}

LinearPlan read_linear(const PlanNode& node, const std::string& name) {
  // The order of Linear's inputs.
  enum Input : unsigned { kCodes = 1, kScales, kZeroPoints, kLevels, kNestedScales, kNestedMap, kBias };
  const std::optional<WeightFormat> format = weight_format_from_name(node.format);
  if (!format) unsupported(name + " is stored as " + node.format);
  const FormatTraits& traits = traits_of(*format);
  const std::size_t rows = size_attribute(node, "out_features", name);
  const std::size_t columns = size_attribute(node, "in_features", name);
  LinearPlan plan;
  plan.format = *format;
  plan.rows = rows;
  plan.columns = columns;
  if (rows == 0 || columns == 0) malformed(name + " has no rows or columns");
  // What a thread unpacks at a time.
  const std::size_t unit = traits.blocks == FormatTraits::Blocks::none ? 16 : 32;
  if (columns % unit != 0) {
    unsupported(name + " has " + std::to_string(columns) + " columns, no multiple of " + std::to_string(unit));
  }
  if (static_cast<double>(rows) * static_cast<double>(columns) > kMostElements) unsupported(name + " is too large");
  if (traits.blocks != FormatTraits::Blocks::none) plan.block_size = size_attribute(node, "block_size", name);
  require_blocks(plan, traits, name);
  WeightView shape{*format, rows, columns, plan.block_size, nullptr};
  const TransposedPlan transposed = transposed_of(node, rows, traits, name);
  const std::size_t elements = traits.bits < 8         ? code_bytes(shape)
                               : transposed.width == 0 ? rows * columns
                                                       : transposed.width * columns;
  plan.codes = typed(node, kCodes, type_name(traits.codes), elements, name);
  const std::size_t blocks = block_count(shape);
  if (traits.scales == FormatTraits::Scales::e8m0) {
    plan.scales = typed(node, kScales, "U8", blocks, name);
  } else if (blocks > 0 && input(node, kScales, name).type == "U8") {
    plan.scales = typed(node, kScales, "U8", blocks, name);
    plan.nested_scales = typed(node, kNestedScales, "F32", ceil_divide(blocks, kNestedBlockSize), name);
    plan.nested_map = typed(node, kNestedMap, "F32", 256, name);
    plan.nested_offset = static_cast<float>(attribute(node, "nested_offset", name));
  } else if (blocks > 0) {
    plan.scales = typed(node, kScales, "F32", blocks, name);
  }
  if (traits.zero_points && node.inputs.contains(kZeroPoints)) {
    plan.zero_points = typed(node, kZeroPoints, "I8", blocks, name);
  }
  if (traits.values == FormatTraits::Values::levels) plan.levels = typed(node, kLevels, "F32", 16, name);
  plan.bias = optional_floats(node, kBias, rows, name);
  plan.transposed = transposed;
  return plan;
}

}  // namespace nibble::cuda

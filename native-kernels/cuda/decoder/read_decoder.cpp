// From a plan's nodes to the one shape of decoder that the kernels know; every size is checked against every other.

#include <bit>
#include <cmath>
#include <cstring>

#include "cuda/decoder/plan.h"
#include "error.h"
#include "quantize.h"

namespace nibble::cuda {
namespace {

constexpr std::size_t kMostLayers = 4096;
constexpr double kMostElements = 4294967295.0;  // kernels number weights, rows and columns with 32 bits

std::size_t ceil_divide(std::size_t a, std::size_t b) { return (a + b - 1) / b; }

[[noreturn]] void unsupported(const std::string& what) {
  throw Error("unsupported-model", "CUDA kernels cannot run this model: " + what, "Choose the CPU (--device cpu).");
}

[[noreturn]] void malformed(const std::string& what) {
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

/// Hands out the nodes of a plan and knows at the end whether all of them were asked for.
class Nodes {
 public:
  explicit Nodes(const Plan& plan) : plan_(plan) {}

  bool has(const std::string& name) const { return plan_.nodes.contains(name); }

  const PlanNode& find(const std::string& name, const std::string& op = "") {
    const auto found = plan_.nodes.find(name);
    if (found == plan_.nodes.end()) unsupported("it has no " + name);
    if (!op.empty() && found->second.op != op) unsupported(name + " is of the kind " + found->second.op);
    used_.insert(name);
    return found->second;
  }

  void require_all_used() const {
    for (const auto& [name, node] : plan_.nodes) {
      if (!used_.contains(name)) unsupported("it has " + name + ", a " + node.op);
    }
  }

 private:
  const Plan& plan_;
  std::set<std::string> used_;
};

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

/// Input `index`, which must be `count` elements of `type`.
const StoredTensor& typed(const PlanNode& node, unsigned index, const char* type, std::size_t count,
                          const std::string& name) {
  const StoredTensor& tensor = input(node, index, name);
  if (tensor.type != type || tensor.bytes != count * element_bytes(type, name)) {
    malformed(name + ": stored input " + std::to_string(index) + " is not " + std::to_string(count) + " of " + type);
  }
  return tensor;
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

LinearPlan linear(Nodes& nodes, const std::string& name, std::size_t rows, std::size_t columns) {
  // The order of Linear's inputs.
  enum Input : unsigned { kCodes = 1, kScales, kZeroPoints, kLevels, kNestedScales, kNestedMap, kBias };
  const PlanNode& node = nodes.find(name, "Linear");
  const std::optional<WeightFormat> format = weight_format_from_name(node.format);
  if (!format) unsupported(name + " is stored as " + node.format);
  const FormatTraits& traits = traits_of(*format);
  LinearPlan plan;
  plan.format = *format;
  plan.rows = rows;
  plan.columns = columns;
  if (columns % 32 != 0) unsupported(name + " has " + std::to_string(columns) + " columns, no multiple of 32");
  if (static_cast<double>(rows) * static_cast<double>(columns) > kMostElements) unsupported(name + " is too large");
  if (size_attribute(node, "in_features", name) != columns || size_attribute(node, "out_features", name) != rows) {
    malformed(name + " does not fit its neighbours");
  }
  if (traits.blocks != FormatTraits::Blocks::none) plan.block_size = size_attribute(node, "block_size", name);
  require_blocks(plan, traits, name);
  WeightView shape{*format, rows, columns, plan.block_size, nullptr};
  const std::size_t elements = traits.bits < 8 ? code_bytes(shape) : rows * columns;
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
  return plan;
}

FloatsPlan norm(Nodes& nodes, const std::string& name, bool is_first, std::size_t width, float& epsilon) {
  const PlanNode& node = nodes.find(name, is_first ? "RmsNorm" : "SkipRmsNorm");
  epsilon = static_cast<float>(attribute(node, "epsilon", name));
  FloatsPlan plan = floats(node, is_first ? 1 : 2, width, name);
  plan.added = static_cast<float>(attribute_or(node, "weight_offset", 0));
  return plan;
}

void read_attention(const PlanNode& node, const std::string& name, DecoderPlan& plan, LayerPlan& layer, bool is_first) {
  const std::size_t heads = size_attribute(node, "heads", name);
  const std::size_t kv_heads = size_attribute(node, "kv_heads", name);
  const std::size_t head_dim = size_attribute(node, "head_dim", name);
  if (is_first) {
    plan.heads = heads;
    plan.kv_heads = kv_heads;
    plan.head_dim = head_dim;
    if (kv_heads == 0 || heads == 0 || heads % kv_heads != 0 || heads > 1024) {
      malformed(name + ": " + std::to_string(heads) + " heads cannot share " + std::to_string(kv_heads));
    }
    if (head_dim == 0 || head_dim % 8 != 0 || head_dim > 128) {
      unsupported("its heads have " + std::to_string(head_dim) + " elements");
    }
  } else if (heads != plan.heads || kv_heads != plan.kv_heads || head_dim != plan.head_dim) {
    unsupported("its layers differ in their heads");
  }
  if (attribute_or(node, "softcap", 0) != 0) unsupported("its attention has a soft cap");
  layer.scale = static_cast<float>(attribute(node, "scale", name));
  layer.window = size_attribute(node, "window", name);
  layer.head_epsilon = static_cast<float>(attribute_or(node, "epsilon", 0));
  layer.q_norm = optional_floats(node, 6, head_dim, name);
  layer.k_norm = optional_floats(node, 7, head_dim, name);
}

void read_rotary(Nodes& nodes, DecoderPlan& plan) {
  const PlanNode& node = nodes.find("rotary.cos", "Rotary");
  const StoredTensor table = input(node, 2, "rotary.cos");
  if (table.type != "F32" || table.table.empty() || table.table.size() % sizeof(float) != 0) {
    malformed("rotary.cos: the frequencies are no table");
  }
  plan.frequencies.resize(table.table.size() / sizeof(float));
  std::memcpy(plan.frequencies.data(), table.table.data(), table.table.size());
  plan.rotary_scaling = static_cast<float>(attribute_or(node, "attention_scaling", 1));
  if (plan.frequencies.size() * 2 > plan.head_dim) malformed("rotary.cos: more frequencies than a head has pairs");
}

}  // namespace

DecoderPlan read_decoder(const Plan& source) {
  DecoderPlan plan;
  plan.files = source.files;
  Nodes nodes(source);

  const PlanNode& embedding = nodes.find("embedded", "Embedding");
  if (attribute_or(embedding, "scale", 1) != 1) unsupported("its embedding is scaled");
  plan.embedding = input(embedding, 1, "embedded");
  plan.embedding_type = float_type(plan.embedding.type, "embedded");
  // The first norm has the width of everything; the embedding's rows follow from it.
  const StoredTensor first_norm = input(nodes.find("layers.0.start", "RmsNorm"), 1, "layers.0.start");
  plan.hidden = first_norm.bytes / element_bytes(first_norm.type, "layers.0.start");
  const std::size_t row_bytes = plan.hidden * element_bytes(plan.embedding.type, "embedded");
  if (plan.hidden == 0 || plan.embedding.bytes == 0 || plan.embedding.bytes % row_bytes != 0) {
    malformed("embedded: its rows do not have the width of the first norm");
  }
  plan.vocabulary = plan.embedding.bytes / row_bytes;
  if (plan.vocabulary > std::size_t{1} << 24) unsupported("its vocabulary is too large");

  std::size_t count = 0;
  while (nodes.has("layers." + std::to_string(count) + ".attention")) ++count;
  if (count == 0 || count > kMostLayers) unsupported("it has " + std::to_string(count) + " layers");
  FloatsPlan next_norm = norm(nodes, "layers.0.start", true, plan.hidden, plan.final_epsilon);
  for (std::size_t i = 0; i < count; ++i) {
    const std::string prefix = "layers." + std::to_string(i) + ".";
    LayerPlan layer;
    layer.attention_norm = next_norm;
    layer.attention_epsilon = plan.final_epsilon;
    read_attention(nodes.find(prefix + "attention", "Attention"), prefix + "attention", plan, layer, i == 0);
    const std::size_t wide = plan.heads * plan.head_dim;
    const std::size_t narrow = plan.kv_heads * plan.head_dim;
    layer.q = linear(nodes, prefix + "q", wide, plan.hidden);
    layer.k = linear(nodes, prefix + "k", narrow, plan.hidden);
    layer.v = linear(nodes, prefix + "v", narrow, plan.hidden);
    layer.o = linear(nodes, prefix + "o", plan.hidden, wide);
    layer.mlp_norm = norm(nodes, prefix + "middle", false, plan.hidden, layer.mlp_epsilon);
    nodes.find(prefix + "gated", "SiluMul");
    if (i == 0) {
      // Only products say how wide the middle is.
      plan.intermediate = size_attribute(nodes.find(prefix + "gate"), "out_features", prefix + "gate");
    }
    layer.gate = linear(nodes, prefix + "gate", plan.intermediate, plan.hidden);
    layer.up = linear(nodes, prefix + "up", plan.intermediate, plan.hidden);
    layer.down = linear(nodes, prefix + "down", plan.hidden, plan.intermediate);
    next_norm = norm(nodes, prefix + "end", false, plan.hidden, plan.final_epsilon);
    plan.layers.push_back(std::move(layer));
  }
  plan.final_norm = next_norm;
  read_rotary(nodes, plan);
  plan.head = linear(nodes, "logits", plan.vocabulary, plan.hidden);
  for (const char* name : {"wanted.attention", "wanted.stream"}) {
    if (nodes.has(name)) nodes.find(name, "WantedRows");
  }
  nodes.require_all_used();
  return plan;
}

}  // namespace nibble::cuda

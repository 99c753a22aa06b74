// From a plan's nodes to steps over buffers; every size is checked against every other.
//
// Three kinds of nodes have no step of their own. A norm that only products read is computed where they read it. A norm
// or a factor of what a residual stream is about to be added is computed by the addition. A product that is only added
// to the stream, or is only one half of a gated feed-forward, is written as that.

#include <algorithm>
#include <map>
#include <set>

#include "cuda/decoder/decoder_plan.h"
#include "cuda/decoder/node_parts.h"
#include "cuda/decoder/node_steps.h"
#include "cuda/decoder/plan_uses.h"
#include "cuda/decoder/value_buffers.h"

namespace nibble::cuda {
namespace {

constexpr std::size_t kMostSteps = std::size_t{1} << 16;
constexpr std::size_t kMostRows = std::size_t{1} << 24;  // of an embedding

class Reader {
 public:
  explicit Reader(const Plan& source) : source_(source), uses_(source) {}

  DecoderPlan read() {
    if (source_.order.size() > kMostSteps) unsupported("it has " + std::to_string(source_.order.size()) + " operators");
    plan_.files = source_.files;
    find_joined();
    for (at_ = 0; at_ < source_.order.size(); ++at_) {
      const std::string& name = source_.order[at_];
      read_node(name, source_.nodes.at(name));
      values_.release([&](const std::string& each) { return dies_here(each); });
    }
    if (!has_head_) unsupported("it has no logits");
    if (plan_.vocabulary == 0) unsupported("it has no embedding");
    if (plan_.caches == 0) unsupported("it has no attention");
    return std::move(plan_);
  }

 private:
  /// A value that is a norm or a multiple of another, computed where it is read.
  struct Joined {
    std::string source;
    std::optional<NormPlan> norm;
    float factor = 1;
  };

  void join(const std::string& name, Joined joined) {
    uses_.join(name, joined.source);
    joined_.emplace(name, std::move(joined));
  }

  void find_joined() {
    for (std::size_t i = 0; i < source_.order.size(); ++i) {
      const std::string& name = source_.order[i];
      const PlanNode& node = uses_.at(i);
      const std::vector<std::size_t>& uses = uses_.of(name);
      // Others have a kernel of their own.
      const bool is_plain = (node.op == "RmsNorm" && node.inputs.contains(1) && !node.attributes.contains("groups")) ||
                            (node.op == "SkipRmsNorm" && node.inputs.contains(2));
      const bool feeds_products = !uses.empty() && std::all_of(uses.begin(), uses.end(), [&](std::size_t use) {
        return uses_.at(use).op == "Linear" || uses_.at(use).op == "Experts";
      });
      const bool is_added =
          uses.size() == 1 && is_residual(uses_.at(uses[0])) && uses_.value(uses_.at(uses[0]), 0, name) == name;
      if (is_plain && feeds_products) {
        join(name, {node.op == "RmsNorm" ? uses_.value(node, 0, name) : sum_of(node, name), norm(node, name), 1});
      } else if (is_plain && node.op == "RmsNorm" && is_added) {
        join(name, {uses_.value(node, 0, name), norm(node, name), 1});
      } else if (node.op == "Scale" && is_added) {
        join(name, {uses_.value(node, 0, name), std::nullopt, static_cast<float>(attribute(node, "factor", name))});
      }
    }
  }

  static std::string sum_of(const PlanNode& node, const std::string& name) {
    const auto found = node.outputs.find(1);
    if (found == node.outputs.end()) malformed(name + " does not name its sum");
    return found->second;
  }

  NormPlan norm(const PlanNode& node, const std::string& name) {
    require_known(node, name, {"epsilon", "weight_offset", "groups", "heads"});
    const unsigned index = is_residual_norm(node) ? 2 : 1;
    for (const auto& [at, tensor] : node.inputs) {
      if (at != index && at != index + 1) unsupported(name + " has a stored input " + std::to_string(at));
    }
    NormPlan plan;
    plan.centered = node.op == "LayerNorm" || node.op == "SkipLayerNorm";
    plan.epsilon = static_cast<float>(attribute(node, "epsilon", name));
    if (!(plan.epsilon >= 0)) malformed(name + ": epsilon is negative");
    const auto stored = [&](unsigned at) {
      const StoredTensor& tensor = input(node, at, name);
      return floats(node, at, tensor.bytes / element_bytes(tensor.type, name), name);
    };
    if (node.inputs.contains(index)) {
      FloatsPlan weight = stored(index);
      weight.added = static_cast<float>(attribute_or(node, "weight_offset", 0));
      plan.weight = vector(std::move(weight));
    }
    if (node.inputs.contains(index + 1)) plan.bias = vector(stored(index + 1));
    return plan;
  }

  std::size_t vector(FloatsPlan floats_plan) {
    plan_.vectors.push_back(std::move(floats_plan));
    return plan_.vectors.size() - 1;
  }

  void require_width(const NormPlan& norm, std::size_t width, const std::string& name, std::size_t groups = 1) const {
    const auto count = [&](std::size_t index) { return index == kNoVector ? width : plan_.vectors[index].count; };
    if (count(norm.bias) != width || (count(norm.weight) != width && count(norm.weight) != width * groups)) {
      malformed(name + ": the weight does not have the width of what it normalizes");
    }
  }

  bool dies_here(const std::string& name) const { return uses_.is_last(name, at_); }

  const ValuePlan& floats_of(const std::string& name, const std::string& reader) const {
    return values_.floats(name, reader);
  }

  void keep(const std::string& name, const ValuePlan& where) { values_.keep(name, where); }
  ValuePlan allocate(std::size_t width) { return values_.allocate(width); }

  void read_node(const std::string& name, const PlanNode& node) {
    if (node.op == "WantedRows" || written_.contains(name)) return;
    if (joined_.contains(name) && !is_residual_norm(node)) return;
    if (node.op == "Rotary") return read_rotary(name, node);
    if (node.op == "Embedding") return read_embedding(name, node);
    if (node.op == "Linear") return read_products(name, node);
    if (is_norm(node)) return read_norm(name, node);
    if (plain_activation(node.op) || node.op == "Xielu") return read_activation(name, node);
    if (node.op == "AddPositions") return read_positions(name, node);
    if (is_residual(node)) return read_residual(name, node);
    if (node.op == "Split") return read_split(name, node);
    if (node.op == "Attention") return read_attention(name, node);
    if (node.op == "Experts") return read_experts(name, node);
    if (is_gated(node)) return read_gated(name, node);
    if (node.op == "SigmoidGate") return read_sigmoid_gate(name, node);
    if (node.op == "Scale" || node.op == "Softcap" || node.op == "ScaleStored") return read_scale(name, node);
    unsupported("it has " + name + ", a " + node.op);
  }

  void read_rotary(const std::string& name, const PlanNode& node) {
    rotary_of_[name] = plan_.rotaries.size();
    plan_.rotaries.push_back(rotary_plan(node, name));
  }

  void read_embedding(const std::string& name, const PlanNode& node) {
    require_known(node, name, {"scale"});
    if (plan_.vocabulary != 0) return read_further_embedding(name, node);
    plan_.embedding = input(node, 1, name);
    plan_.embedding_type = float_type(plan_.embedding.type, name);
    plan_.embedding_scale = static_cast<float>(attribute_or(node, "scale", 1));
    plan_.hidden = hidden_size();
    const std::size_t row_bytes = plan_.hidden * element_bytes(plan_.embedding.type, name);
    if (plan_.embedding.bytes == 0 || plan_.embedding.bytes % row_bytes != 0) {
      malformed(name + ": its rows do not have the width of what the logits are made of");
    }
    plan_.vocabulary = plan_.embedding.bytes / row_bytes;
    if (plan_.vocabulary > kMostRows) unsupported("its vocabulary is too large");
    plan_.embedded = allocate(plan_.hidden);
    keep(name, plan_.embedded);
  }

  void read_further_embedding(const std::string& name, const PlanNode& node) {
    TablePlan table{input(node, 1, name), float_type(input(node, 1, name).type, name), plan_.vocabulary, 0};
    const std::size_t elements = table.tensor.bytes / element_bytes(table.tensor.type, name);
    table.width = elements / table.rows;
    if (table.width == 0 || table.width * table.rows != elements) malformed(name + " has not a row for every token");
    EmbedStep step{plan_.tables.size(), static_cast<float>(attribute_or(node, "scale", 1)), false,
                   allocate(table.width)};
    plan_.tables.push_back(std::move(table));
    keep(name, step.output);
    plan_.steps.emplace_back(step);
  }

  void read_positions(const std::string& name, const PlanNode& node) {
    require_known(node, name, {});
    const std::string stream = uses_.value(node, 0, name);
    const ValuePlan where = floats_of(stream, name);
    if (!dies_here(stream)) unsupported(stream + " is read behind " + name);
    TablePlan table{input(node, 2, name), float_type(input(node, 2, name).type, name), 0, where.width};
    const std::size_t row_bytes = where.width * element_bytes(table.tensor.type, name);
    table.rows = table.tensor.bytes / row_bytes;
    if (table.rows == 0 || table.rows * row_bytes != table.tensor.bytes) malformed(name + " has rows of another width");
    plan_.positions = table.rows;
    plan_.steps.emplace_back(EmbedStep{plan_.tables.size(), 1, true, where});
    plan_.tables.push_back(std::move(table));
    keep(name, where);
  }

  static bool is_head(const std::string& name) { return name == "logits" || name == "logits.product"; }

  std::size_t hidden_size() const {
    for (const std::string& name : source_.order) {
      const PlanNode& node = source_.nodes.at(name);
      if (is_head(name) && node.op == "Linear") {
        const std::size_t width = size_attribute(node, "in_features", name);
        if (width == 0) malformed(name + " has no columns");
        return width;
      }
    }
    unsupported("it has no logits");
  }

  std::size_t matrix(const std::string& name, const PlanNode& node, std::size_t columns) {
    plan_.matrices.push_back(read_linear(node, name));
    if (plan_.matrices.back().columns != columns) malformed(name + " does not have the width of its input");
    return plan_.matrices.size() - 1;
  }

  /// The products that follow each other with one input, which one kernel computes.
  std::vector<std::string> group_of(const std::string& first, const std::string& input) const {
    std::vector<std::string> group = {first};
    if (is_head(first)) return group;
    for (std::size_t i = at_ + 1; i < source_.order.size() && group.size() < kMatrices; ++i) {
      const std::string& name = source_.order[i];
      if (uses_.at(i).op != "Linear" || is_head(name) || uses_.value(uses_.at(i), 0, name) != input) break;
      group.push_back(name);
    }
    return group;
  }

  /// Whether two products are nothing but the gate and the other factor of a gated feed-forward.
  const PlanNode* gated_by(const std::string& gate, const std::string& up) const {
    const PlanNode* reader = uses_.only_reader(gate);
    if (reader == nullptr || reader != uses_.only_reader(up) || !is_gated(*reader)) return nullptr;
    if (!reader->attributes.empty() || !reader->inputs.empty()) return nullptr;
    if (uses_.value(*reader, 0, gate) != gate || uses_.value(*reader, 1, up) != up) return nullptr;
    const PlanNode& a = source_.nodes.at(gate);
    const PlanNode& b = source_.nodes.at(up);
    const auto same = [&](const char* key) { return attribute_or(a, key, 0) == attribute_or(b, key, 0); };
    const auto nested = [](const PlanNode& node) {
      const auto scales = node.inputs.find(2);
      return scales != node.inputs.end() && scales->second.type == "U8";
    };
    return a.format == b.format && same("out_features") && same("in_features") && nested(a) == nested(b) ? reader
                                                                                                         : nullptr;
  }

  /// The stream that a node alone is added to, if nothing reads the stream in between; empty where there is none.
  /// @param reads_first the node is done with what it reads before it writes
  std::string stream_of(const std::string& product, bool reads_first = false) const {
    const PlanNode* reader = uses_.only_reader(product);
    if (reader == nullptr || !is_residual(*reader)) return "";
    const std::string a = uses_.value(*reader, 0, product);
    const std::string other = a == product ? uses_.value(*reader, 1, product) : a;
    if (a != product && reader->op != "Add") return "";
    const ValuePlan* const place = values_.find(other);
    if (other == product || joined_.contains(other) || place == nullptr || place->half_divisor != 0) return "";
    const std::vector<std::size_t>& uses = uses_.of(other);
    const std::size_t addition = uses_.of(product)[0];
    // A kernel that writes what it reads would read what it has written.
    const bool is_free =
        uses.back() == addition && (uses.size() == 1 || uses[uses.size() - 2] < at_ + (reads_first ? 1 : 0));
    return is_free ? other : "";
  }

  void read_products(const std::string& name, const PlanNode& node) {
    const std::string input_name = uses_.value(node, 0, name);
    LinearStep step;
    const auto joined = joined_.find(input_name);
    step.input = values_.at(joined == joined_.end() ? input_name : joined->second.source, name);
    if (joined != joined_.end()) {
      step.norm = joined->second.norm;
      if (step.input.half_divisor != 0) unsupported(name + " normalizes " + input_name);
      require_width(*step.norm, step.input.width, input_name);
    }
    // What a lane reads at once.
    if (step.input.first % 4 != 0 || step.input.stride % 4 != 0) unsupported(name + " reads columns in between");
    std::vector<std::string> group = group_of(name, input_name);
    const PlanNode* gated = group.size() > 1 ? gated_by(group[0], group[1]) : nullptr;
    if (gated != nullptr) group.resize(2);
    std::size_t rows = 0;
    for (const std::string& each : group) {
      step.matrices.push_back(matrix(each, source_.nodes.at(each), step.input.width));
      rows += plan_.matrices.back().rows;
      written_.insert(each);
    }
    if (is_head(name)) return read_head(name, std::move(step));
    const std::string stream = group.size() == 1 ? stream_of(name) : "";
    if (gated != nullptr) {
      step.outcome = Outcome::gated;
      step.activation = activation_of(*gated);
      step.output = allocate(rows / 2);
      step.output.half_divisor = kGatedDivisor;
      const std::string& output = source_.order[uses_.of(group[0])[0]];
      keep(output, step.output);
      written_.insert(output);
    } else if (!stream.empty()) {
      step.outcome = Outcome::add;
      step.output = *values_.find(stream);
      if (step.output.width != rows) malformed(name + " does not have the width of what it is added to");
      added_.insert(name);
    } else {
      step.output = allocate(rows);
      std::size_t first = 0;
      for (std::size_t i = 0; i < group.size(); ++i) {
        const std::size_t width = plan_.matrices[step.matrices[i]].rows;
        keep(group[i], {step.output.buffer, first, width, rows, 0});
        first += width;
      }
    }
    plan_.steps.emplace_back(std::move(step));
  }

  void read_head(const std::string& name, LinearStep step) {
    if (step.input.half_divisor != 0 || step.input.width != plan_.hidden) unsupported(name + " reads no norm");
    if (plan_.matrices[step.matrices[0]].rows != plan_.vocabulary) malformed(name + " has not the embedding's rows");
    plan_.head = std::move(step);
    has_head_ = true;
    head_value_ = name;
  }

  void read_norm(const std::string& name, const PlanNode& node) {
    const std::string input_name = uses_.value(node, 0, name);
    NormStep step{floats_of(input_name, name), norm(node, name), {}, 1};
    for (const char* key : {"groups", "heads"}) {
      if (node.attributes.contains(key)) step.groups = size_attribute(node, key, name);
    }
    if (step.groups == 0 || step.input.width % step.groups != 0) malformed(name + ": its groups do not fill a row");
    require_width(step.norm, step.input.width / step.groups, name, step.groups);
    step.output = dies_here(input_name) ? step.input : allocate(step.input.width);
    keep(name, step.output);
    plan_.steps.emplace_back(step);
  }

  void read_activation(const std::string& name, const PlanNode& node) {
    require_known(node, name, {});
    ActivateStep step;
    step.input = floats_of(uses_.value(node, 0, name), name);
    step.activation = plain_activation(node.op).value_or(Activation::silu);
    if (node.op == "Xielu") {
      for (const unsigned index : {1u, 2u, 3u, 4u}) step.xielu.push_back(vector(floats(node, index, 1, name)));
    }
    step.output = allocate(step.input.width);
    step.output.half_divisor = kGatedDivisor;
    keep(name, step.output);
    plan_.steps.emplace_back(step);
  }

  /// What is added to a stream, by an addition of its own.
  AddStep addition(const std::string& added, const std::string& name) {
    AddStep step;
    const auto joined = joined_.find(added);
    if (joined == joined_.end()) {
      step.input = floats_of(added, name);
      return step;
    }
    step.input = floats_of(joined->second.source, name);
    step.norm = joined->second.norm;
    step.factor = joined->second.factor;
    if (step.norm) require_width(*step.norm, step.input.width, added);
    return step;
  }

  void read_residual(const std::string& name, const PlanNode& node) {
    std::string added = uses_.value(node, 0, name);
    std::string stream = uses_.value(node, 1, name);
    if (node.op == "Add" && (added_.contains(stream) || (!dies_here(stream) && dies_here(added))))
      std::swap(added, stream);
    ValuePlan sum = floats_of(stream, name);
    if (!added_.contains(added)) {
      if (!dies_here(stream)) unsupported(stream + " is read behind " + name);
      AddStep step = addition(added, name);
      if (step.input.width != sum.width) malformed(name + " adds rows of different widths");
      step.to = sum;
      plan_.steps.emplace_back(step);
    }
    if (node.op == "Add") {
      require_known(node, name, {});
      keep(name, sum);
      return;
    }
    keep(sum_of(node, name), sum);
    if (joined_.contains(name)) return;
    NormStep step{sum, norm(node, name), allocate(sum.width), 1};
    require_width(step.norm, sum.width, name);
    keep(name, step.output);
    plan_.steps.emplace_back(step);
  }

  void read_split(const std::string& name, const PlanNode& node) {
    const ValuePlan whole = floats_of(uses_.value(node, 0, name), name);
    for (const auto& [key, width] : node.attributes) {
      if (!key.starts_with("width") && key != "groups") unsupported(name + ", a Split, has " + key);
    }
    const auto groups = static_cast<std::size_t>(attribute_or(node, "groups", 1));
    if (groups != 1) return read_groups(name, node, whole, groups);
    std::size_t first = 0;
    for (unsigned part = 0; part == 0 || node.outputs.contains(part); ++part) {
      const std::size_t width = size_attribute(node, ("width" + std::to_string(part)).c_str(), name);
      if (width > whole.width - first) malformed(name + " has wider parts than a whole");
      keep(part == 0 ? name : node.outputs.at(part), {whole.buffer, whole.first + first, width, whole.stride, 0});
      first += width;
    }
    if (first != whole.width) malformed(name + " leaves columns out");
  }

  void read_groups(const std::string& name, const PlanNode& node, const ValuePlan& whole, std::size_t groups) {
    RegroupStep step{whole, groups, {}, allocate(whole.width)};
    std::size_t first = 0;
    for (unsigned part = 0; part == 0 || node.outputs.contains(part); ++part) {
      const std::size_t width = size_attribute(node, ("width" + std::to_string(part)).c_str(), name);
      if (groups == 0 || width % groups != 0 || width > whole.width - first)
        malformed(name + " does not fit its groups");
      keep(part == 0 ? name : node.outputs.at(part), {step.output.buffer, first, width, whole.width, 0});
      step.widths.push_back(width);
      first += width;
    }
    if (step.widths.size() > kMatrices) unsupported(name + " has many parts");
    if (first != whole.width) malformed(name + " leaves columns out");
    plan_.steps.emplace_back(step);
  }

  void read_attention(const std::string& name, const PlanNode& node) {
    AttentionStep step = attention_of(node, name);
    const std::size_t layer = size_attribute(node, "layer", name);
    if (step.reads_others) {
      const auto cache = caches_.find(layer);
      if (cache == caches_.end() || cache->second.kv_heads != step.kv_heads ||
          cache->second.head_dim != step.head_dim) {
        malformed(name + " reads keys and values that no layer before it has");
      }
      step.cache = cache->second.cache;
    } else {
      step.cache = plan_.caches++;
      if (!caches_.emplace(layer, step).second) malformed(name + " shares the number of another layer");
    }
    const auto head_norm = [&](unsigned index) {
      if (!node.inputs.contains(index)) return kNoVector;
      FloatsPlan weight = floats(node, index, step.head_dim, name);
      weight.added = static_cast<float>(attribute_or(node, "norm_weight_offset", 0));
      return vector(std::move(weight));
    };
    step.q_norm = head_norm(6);
    step.k_norm = head_norm(7);
    if (node.inputs.contains(8)) step.sinks = vector(floats(node, 8, step.heads, name));
    if (node.values.contains(3)) {
      const auto rotary = rotary_of_.find(node.values.at(3));
      if (rotary == rotary_of_.end()) malformed(name + " rotates by angles that nobody computes");
      step.rotary = rotary->second;
      if (plan_.rotaries[*step.rotary].frequencies.size() * 2 > step.head_dim) {
        malformed(name + ": more frequencies than a head has pairs");
      }
    }
    step.qkv = queries_keys_values(node, name, step);
    step.output = allocate(step.heads * step.head_dim);
    step.output.half_divisor = 1;
    keep(name, step.output);
    plan_.steps.emplace_back(step);
  }

  ValuePlan queries_keys_values(const PlanNode& node, const std::string& name, const AttentionStep& step) const {
    const ValuePlan& q = floats_of(uses_.value(node, 0, name), name);
    if (step.reads_others) {
      if (q.width != step.heads * step.head_dim || q.stride != q.width)
        malformed(name + " reads no queries of its own");
      return q;
    }
    const ValuePlan& k = floats_of(uses_.value(node, 1, name), name);
    const ValuePlan& v = floats_of(uses_.value(node, 2, name), name);
    const std::size_t narrow = step.kv_heads * step.head_dim;
    if (q.width != step.heads * step.head_dim || k.width != narrow || v.width != narrow) {
      malformed(name + " does not have the widths of its heads");
    }
    if (k.buffer != q.buffer || v.buffer != q.buffer || q.first != 0 || k.first != q.width ||
        v.first != q.width + narrow || q.stride != q.width + 2 * narrow) {
      unsupported(name + " reads queries, keys and values that do not lie side by side");
    }
    return {q.buffer, 0, q.stride, q.stride, 0};
  }

  void read_experts(const std::string& name, const PlanNode& node) {
    ExpertsStep step = experts_of(node, name);
    const auto joined = joined_.find(uses_.value(node, 0, name));
    step.input = floats_of(joined == joined_.end() ? uses_.value(node, 0, name) : joined->second.source, name);
    if (joined != joined_.end()) {
      step.norm = joined->second.norm;
      require_width(*step.norm, step.input.width, joined->first);
    }
    step.router = floats_of(uses_.value(node, 1, name), name);
    if (step.router.width != step.experts) {
      malformed(name + ": its numbers of experts contradict each other");
    }
    const auto per_expert = [&](unsigned index) {
      return node.inputs.contains(index) ? vector(floats(node, index, step.experts, name)) : kNoVector;
    };
    step.correction = per_expert(kExpertCorrection);
    step.expert_scales = per_expert(kExpertScales);
    step.first_matrix = plan_.matrices.size();
    for (unsigned index = 0; index < step.experts * kExpertMatrices; ++index) {
      plan_.matrices.push_back(expert_matrix(node, step, index, name));
      const LinearPlan& first = plan_.matrices[step.first_matrix];
      const LinearPlan& own = plan_.matrices.back();
      const bool is_down = index % kExpertMatrices == 2;
      if (own.columns != (is_down ? first.rows : step.input.width) ||
          own.rows != (is_down ? step.input.width : first.rows)) {
        malformed(name + ": its experts differ in size");
      }
    }
    const std::string stream = stream_of(name, true);
    step.adds = !stream.empty();
    step.output = step.adds ? *values_.find(stream) : allocate(step.input.width);
    if (step.adds) {
      added_.insert(name);
    } else {
      keep(name, step.output);
    }
    plan_.steps.emplace_back(step);
  }

  void read_gated(const std::string& name, const PlanNode& node) {
    require_known(node, name, {});
    GatedStep step{floats_of(uses_.value(node, 0, name), name),
                   floats_of(uses_.value(node, 1, name), name),
                   activation_of(node),
                   {}};
    if (step.gate.width != step.up.width) malformed(name + " multiplies rows of different widths");
    step.output = allocate(step.gate.width);
    step.output.half_divisor = kGatedDivisor;
    keep(name, step.output);
    plan_.steps.emplace_back(step);
  }

  void read_sigmoid_gate(const std::string& name, const PlanNode& node) {
    require_known(node, name, {});
    const std::string added = uses_.value(node, 2, name);
    SigmoidGateStep step{floats_of(uses_.value(node, 0, name), name),
                         floats_of(uses_.value(node, 1, name), name),
                         floats_of(added, name),
                         {}};
    if (step.gate.width != 1 || step.input.width != step.added.width)
      malformed(name + " joins rows of different widths");
    step.output = dies_here(added) ? step.added : allocate(step.added.width);
    keep(name, step.output);
    plan_.steps.emplace_back(step);
  }

  void read_scale(const std::string& name, const PlanNode& node) {
    require_known(node, name, {"factor", "cap"});
    const std::string input_name = uses_.value(node, 0, name);
    if (node.op == "ScaleStored") {
      const ValuePlan& whole = floats_of(input_name, name);
      if (!dies_here(input_name) || whole.width != whole.stride) unsupported("it has " + name + ", a " + node.op);
      plan_.steps.emplace_back(ScaleStep{whole, 1, vector(floats(node, 1, 1, name)), 0});
      keep(name, whole);
      return;
    }
    const bool is_scale = node.op == "Scale";
    const auto number = static_cast<float>(attribute(node, is_scale ? "factor" : "cap", name));
    if (!is_scale && !(number > 0)) malformed(name + ": the cap is no positive number");
    if (has_head_ && input_name == head_value_) {
      if (plan_.logit_cap != 0) unsupported(name + " changes logits that are limited already");
      if (is_scale) {
        plan_.logit_factor *= number;
      } else {
        plan_.logit_cap = number;
      }
      head_value_ = name;
      return;
    }
    const ValuePlan& where = floats_of(input_name, name);
    if (!dies_here(input_name) || where.width != where.stride) unsupported("it has " + name + ", a " + node.op);
    plan_.steps.emplace_back(ScaleStep{where, is_scale ? number : 1, kNoVector, is_scale ? 0 : number});
    keep(name, where);
  }

  const Plan& source_;
  DecoderPlan plan_;
  std::size_t at_ = 0;  // the node that is read
  PlanUses uses_;
  std::map<std::string, Joined> joined_;
  ValueBuffers values_{plan_.buffers};
  std::map<std::string, std::size_t> rotary_of_;
  std::map<std::size_t, AttentionStep> caches_;  // which attention fills the cache of a layer
  std::set<std::string> written_;                // values that a step writes already
  std::set<std::string> added_;                  // products that a step adds to their stream
  bool has_head_ = false;
  std::string head_value_;
};

}  // namespace

DecoderPlan read_decoder(const Plan& plan) { return Reader(plan).read(); }

std::vector<const AttentionStep*> attentions_of(const DecoderPlan& plan) {
  std::vector<const AttentionStep*> found;
  for (const Step& step : plan.steps) {
    const auto* attention = std::get_if<AttentionStep>(&step);
    if (attention != nullptr && !attention->reads_others) found.push_back(attention);
  }
  return found;
}

}  // namespace nibble::cuda

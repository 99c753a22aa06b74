#pragma once

// The plan of a decoder: which operators of the dialect (runtime/operators/README.md) it has under which names, and
// where their weights lie. app/run/graph writes it beside the graph, from the same description. Everything in it is
// checked.
//
// Text, one item a line, words separated by one space:
//   file NAME                   a weights file, by a bare name; numbered from 0 in order
//   node OPERATOR NAME ITEM…    in the order in which nodes run; the first output is called NAME. ITEM is one of
//     attribute=number; format=NAME, formatN=NAME of the matrix N from 1
//     INPUT=TYPE@file:offset:bytes   a stored tensor; INPUT is its number, counted from 0
//     INPUT=TYPE#hex                 a small table
//     INPUT=$VALUE                   what another node computed, or one of input_ids, position, logit_rows
//     outputN=$VALUE                 the name of a further output, N from 1

#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "linear.h"

namespace nibble::cuda {

struct StoredTensor {
  std::string type;  // BF16, F16, F32, I8 or U8
  std::size_t file = 0;
  std::uint64_t offset = 0;
  std::uint64_t bytes = 0;
  std::vector<std::uint8_t> table;  // of a small table: its bytes
};

struct PlanNode {
  std::string op;
  std::string format;                               // of a Linear: its row of formats.def
  std::map<unsigned, std::string> further_formats;  // of Experts: those of all matrices but the first
  std::map<std::string, double> attributes;
  std::map<unsigned, StoredTensor> inputs;
  std::map<unsigned, std::string> values;   // inputs that are computed
  std::map<unsigned, std::string> outputs;  // all but the first, which is called as the node
};

struct Plan {
  std::vector<std::string> files;
  std::map<std::string, PlanNode> nodes;
  std::vector<std::string> order;  // names of the nodes, as they run
};

/// @throws Error("invalid-input") when the text is no plan
Plan parse_plan(const std::string& text);

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

struct LayerPlan {
  FloatsPlan attention_norm;
  float attention_epsilon = 0;
  FloatsPlan mlp_norm;
  float mlp_epsilon = 0;
  FloatsPlan q_norm;  // count 0: none
  FloatsPlan k_norm;
  float head_epsilon = 0;
  float scale = 1;
  std::size_t window = 0;
  LinearPlan q, k, v, o, gate, up, down;
};

/// A decoder as the kernels can run it.
struct DecoderPlan {
  std::vector<std::string> files;
  std::size_t vocabulary = 0;  // rows of the embedding and of the head
  std::size_t hidden = 0;
  std::size_t intermediate = 0;
  std::size_t heads = 0;
  std::size_t kv_heads = 0;
  std::size_t head_dim = 0;
  std::vector<float> frequencies;
  float rotary_scaling = 1;
  StoredTensor embedding;
  WeightType embedding_type = WeightType::bf16;
  std::vector<LayerPlan> layers;
  FloatsPlan final_norm;
  float final_epsilon = 0;
  LinearPlan head;
};

/// @throws Error("unsupported-model") when the kernels cannot run it, Error("malformed-file") when sizes contradict
DecoderPlan read_decoder(const Plan& plan);

}  // namespace nibble::cuda

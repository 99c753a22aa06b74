#pragma once

// The plan of a decoder as text: its operators (app/run/plan/README.md), what each reads and writes, and where its
// weights lie. app/run/graph writes it beside the graph, from the same description.
//
// Text, one item a line, words separated by one space:
//   file NAME                   a weights file, by a bare name; numbered from 0 in order
//   node OPERATOR NAME ITEM…    in the order in which nodes run; the first output is called NAME. ITEM is one of
//     attribute=number; format=NAME, formatN=NAME of the matrix N from 1; scores=NAME
//     INPUT=TYPE@file:offset:bytes   a stored tensor; INPUT is its number, counted from 0
//     INPUT=TYPE#hex                 a small table
//     INPUT=$VALUE                   what another node computed, or one of input_ids, position, logit_rows
//     outputN=$VALUE                 the name of a further output, N from 1

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

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
  std::string scores;                               // of Experts: how its router reads logits
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

}  // namespace nibble::cuda

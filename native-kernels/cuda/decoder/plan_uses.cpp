#include "cuda/decoder/plan_uses.h"

#include <algorithm>

#include "cuda/decoder/node_parts.h"

namespace nibble::cuda {

PlanUses::PlanUses(const Plan& plan) : plan_(plan) {
  for (std::size_t i = 0; i < plan.order.size(); ++i) {
    const PlanNode& node = at(i);
    if (node.op == "WantedRows" || node.op == "Rotary" || node.op == "Embedding") continue;
    for (const auto& [index, name] : node.values) {
      // Angles and positions are no values of the stream.
      if (node.op == "Attention" && index > 2) continue;
      uses_[resolved(name)].push_back(i);
    }
  }
}

std::string PlanUses::value(const PlanNode& node, unsigned index, const std::string& name) const {
  const auto found = node.values.find(index);
  if (found == node.values.end()) malformed(name + " lacks its input " + std::to_string(index));
  return resolved(found->second);
}

const std::vector<std::size_t>& PlanUses::of(const std::string& name) const {
  static const std::vector<std::size_t> none;
  const auto found = uses_.find(name);
  return found == uses_.end() ? none : found->second;
}

const PlanNode* PlanUses::only_reader(const std::string& name) const {
  const std::vector<std::size_t>& uses = of(name);
  return uses.size() == 1 ? &at(uses[0]) : nullptr;
}

bool PlanUses::is_last(const std::string& name, std::size_t index) const {
  const std::vector<std::size_t>& uses = of(name);
  return uses.empty() || uses.back() <= index;
}

void PlanUses::join(const std::string& name, const std::string& source) {
  const std::vector<std::size_t> more = of(name);
  std::vector<std::size_t>& uses = uses_[source];
  uses.insert(uses.end(), more.begin(), more.end());
  std::sort(uses.begin(), uses.end());
}

/// Dropping rows that are not wanted saves a pass of many tokens little: all of them go on.
std::string PlanUses::resolved(const std::string& name) const {
  const auto node = plan_.nodes.find(name);
  if (node == plan_.nodes.end() || node->second.op != "WantedRows") return name;
  const auto input = node->second.values.find(0);
  return input == node->second.values.end() ? name : input->second;
}

}  // namespace nibble::cuda

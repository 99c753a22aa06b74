#pragma once

// Which nodes of a plan read a value.

#include <cstddef>
#include <map>
#include <string>
#include <vector>

#include "cuda/decoder/plan.h"

namespace nibble::cuda {

class PlanUses {
 public:
  explicit PlanUses(const Plan& plan);

  /// The node that runs at `index`.
  const PlanNode& at(std::size_t index) const { return plan_.nodes.at(plan_.order[index]); }

  /// The value that a node reads as its input `index`. @param name the node's, for errors
  /// @throws Error("malformed-file")
  std::string value(const PlanNode& node, unsigned index, const std::string& name) const;

  /// The nodes that read a value, ascending.
  const std::vector<std::size_t>& of(const std::string& name) const;

  /// The node that alone reads a value; null where there are several or none.
  const PlanNode* only_reader(const std::string& name) const;

  /// Whether no node behind `index` reads it.
  bool is_last(const std::string& name, std::size_t index) const;

  /// From now on readers of `name` read `source` instead.
  void join(const std::string& name, const std::string& source);

 private:
  std::string resolved(const std::string& name) const;

  const Plan& plan_;
  std::map<std::string, std::vector<std::size_t>> uses_;
};

}  // namespace nibble::cuda

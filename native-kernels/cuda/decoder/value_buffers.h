#pragma once

// Where the values of a plan lie: a buffer is used again as soon as nobody reads what is in it.

#include <cstddef>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "cuda/decoder/decoder_plan.h"

namespace nibble::cuda {

class ValueBuffers {
 public:
  /// @param widths of all buffers; grows with them
  explicit ValueBuffers(std::vector<std::size_t>& widths) : widths_(widths) {}

  /// Null where nobody has computed it.
  const ValuePlan* find(const std::string& name) const;

  /// @param reader the node that reads it, for errors @throws Error("unsupported-model")
  const ValuePlan& at(const std::string& name, const std::string& reader) const;

  /// The same, where float32 is needed.
  const ValuePlan& floats(const std::string& name, const std::string& reader) const;

  void keep(const std::string& name, const ValuePlan& where);

  /// Room for rows of `width` numbers, in a buffer that nobody needs.
  ValuePlan allocate(std::size_t width);

  /// Gives back the buffers of values that nobody reads any more.
  void release(const std::function<bool(const std::string&)>& is_read_no_more);

 private:
  std::vector<std::size_t>& widths_;
  std::map<std::string, ValuePlan> places_;
  std::map<std::size_t, std::set<std::string>> live_;  // values that lie in a buffer
};

}  // namespace nibble::cuda

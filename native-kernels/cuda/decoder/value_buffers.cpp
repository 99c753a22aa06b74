#include "cuda/decoder/value_buffers.h"

#include "cuda/decoder/node_parts.h"

namespace nibble::cuda {

const ValuePlan* ValueBuffers::find(const std::string& name) const {
  const auto found = places_.find(name);
  return found == places_.end() ? nullptr : &found->second;
}

const ValuePlan& ValueBuffers::at(const std::string& name, const std::string& reader) const {
  const ValuePlan* const found = find(name);
  if (found == nullptr) unsupported(reader + " reads " + name);
  return *found;
}

const ValuePlan& ValueBuffers::floats(const std::string& name, const std::string& reader) const {
  const ValuePlan& found = at(name, reader);
  if (found.half_divisor != 0) unsupported(reader + " reads " + name);
  return found;
}

void ValueBuffers::keep(const std::string& name, const ValuePlan& where) {
  places_[name] = where;
  live_[where.buffer].insert(name);
}

ValuePlan ValueBuffers::allocate(std::size_t width) {
  std::size_t best = widths_.size();
  for (std::size_t i = 0; i < widths_.size(); ++i) {
    if (!live_[i].empty() || widths_[i] < width) continue;
    if (best == widths_.size() || widths_[i] < widths_[best]) best = i;
  }
  if (best == widths_.size()) widths_.push_back(width);
  return {best, 0, width, width, 0};
}

void ValueBuffers::release(const std::function<bool(const std::string&)>& is_read_no_more) {
  for (auto& [buffer, names] : live_) std::erase_if(names, is_read_no_more);
}

}  // namespace nibble::cuda

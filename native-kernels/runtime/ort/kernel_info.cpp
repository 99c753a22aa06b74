// Reading a node's attributes and weights while the graph is loaded. The graph is untrusted: every size is checked
// here, once, so that kernels need not.

#include <algorithm>
#include <charconv>
#include <numeric>

#include "custom_operator.h"
#include "runtime/operators/float_convert.h"

namespace nibble {

namespace {

/// Of one element of a type that our operators store.
std::size_t element_bytes(int type) {
  switch (type) {
    case ort::kUint8:
    case ort::kInt8:
      return 1;
    case ort::kFloat16:
    case ort::kBfloat16:
      return 2;
    case ort::kInt64:
      return 8;
    default:
      return 4;
  }
}

struct TypeName {
  std::string_view name;
  int type;
};

/// As safetensors calls them.
constexpr TypeName kTypeNames[] = {
    {"U8", ort::kUint8}, {"I8", ort::kInt8}, {"F32", ort::kFloat}, {"F16", ort::kFloat16}, {"BF16", ort::kBfloat16}};

/// Cuts off what stands in front of the next `end`, and `end` itself. @returns all of it where there is no `end`
std::string_view take_until(std::string_view& text, char end) {
  const std::size_t length = std::min(text.find(end), text.size());
  const std::string_view taken = text.substr(0, length);
  text.remove_prefix(std::min(length + 1, text.size()));
  return taken;
}

/// @returns nothing for what is no number without a sign
std::optional<std::uint64_t> parse_number(std::string_view text) {
  // Half of the range, so that two can be added.
  constexpr std::uint64_t kLimit = std::uint64_t{1} << 62;
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || value > kLimit) return std::nullopt;
  return value;
}

}  // namespace

KernelInfo::KernelInfo(const ort::Api& api, const ort::KernelInfo* info, const char* operator_name, std::size_t inputs,
                       WeightFiles& files)
    : api_(api), info_(info), operator_name_(operator_name), inputs_(inputs) {
  read_places(files);
}

void KernelInfo::read_places(WeightFiles& files) {
  const std::string stored = text("stored");
  for (std::string_view rest = stored; !rest.empty();) {
    const std::string_view numbers = take_until(rest, '/');
    const std::string name(take_until(rest, '/'));
    std::size_t index = 0;
    Place place = read_place(numbers, files.bytes(name), &index);
    places_.insert_or_assign(index, std::move(place));
  }
}

KernelInfo::Place KernelInfo::read_place(std::string_view numbers, std::span<const std::uint8_t> file,
                                         std::size_t* index) const {
  const auto number = [&](std::string_view text) {
    const std::optional<std::uint64_t> value = parse_number(text);
    if (!value) malformed("attribute stored holds something else than places");
    return *value;
  };
  *index = number(take_until(numbers, ' '));
  const std::string_view type = take_until(numbers, ' ');
  const auto* known =
      std::find_if(std::begin(kTypeNames), std::end(kTypeNames), [&](const auto& each) { return each.name == type; });
  if (known == std::end(kTypeNames)) malformed("a stored tensor has a type that is not supported here");
  const std::uint64_t offset = number(take_until(numbers, ' '));
  Place place{known->type, {}, nullptr};
  while (!numbers.empty()) place.dims.push_back(static_cast<std::int64_t>(number(take_until(numbers, ' '))));
  const std::size_t count = Tensor{place.type, place.dims, nullptr}.count();
  if (offset > file.size() || count > (file.size() - offset) / element_bytes(place.type)) {
    malformed("a stored tensor lies beyond the end of its file");
  }
  place.data = file.data() + offset;
  return place;
}

void KernelInfo::malformed(const std::string& why) const {
  throw Error("malformed-file", std::string("operator ") + operator_name_ + ": " + why);
}

std::int64_t KernelInfo::integer(const char* name) const {
  std::int64_t value = 0;
  if (!api_.attribute_int(info_, name, &value)) malformed(std::string("attribute ") + name + " is missing");
  return value;
}

std::size_t KernelInfo::size(const char* name, std::size_t minimum) const {
  constexpr std::int64_t kLimit = std::int64_t{1} << 31;
  const std::int64_t value = integer(name);
  if (value < static_cast<std::int64_t>(minimum) || value >= kLimit) {
    malformed(std::string("attribute ") + name + " is out of range: " + std::to_string(value));
  }
  return static_cast<std::size_t>(value);
}

std::size_t KernelInfo::size(const char* name, std::size_t minimum, std::size_t otherwise) const {
  std::int64_t value = 0;
  return api_.attribute_int(info_, name, &value) ? size(name, minimum) : otherwise;
}

float KernelInfo::real(const char* name) const {
  float value = 0;
  if (!api_.attribute_float(info_, name, &value)) malformed(std::string("attribute ") + name + " is missing");
  return value;
}

float KernelInfo::real(const char* name, float otherwise) const {
  float value = 0;
  return api_.attribute_float(info_, name, &value) ? value : otherwise;
}

std::string KernelInfo::text(const char* name) const {
  std::string text(api_.attribute_text(info_, name, nullptr, 0), '\0');
  if (text.empty()) return text;
  api_.attribute_text(info_, name, text.data(), text.size());
  text.resize(text.find('\0'));
  return text;
}

std::optional<Tensor> KernelInfo::constant(std::size_t index) const {
  if (bytes_.size() <= index) bytes_.resize(index + 1);
  if (const auto place = places_.find(index); place != places_.end()) {
    const auto& [type, dims, data] = place->second;
    const Tensor tensor{type, dims, data};
    bytes_[index] = tensor.count() * element_bytes(type);
    return tensor;
  }
  if (index >= inputs_) return std::nullopt;
  int is_constant = 0;
  const ort::Value* value = nullptr;
  api_.constant_input(info_, index, &is_constant, &value);
  if (is_constant == 0 || value == nullptr) {
    not_stored_.push_back(index);
    return std::nullopt;
  }
  Tensor tensor{};
  const std::int64_t* dims = nullptr;
  std::size_t rank = 0;
  api_.tensor_type_and_shape(value, &tensor.type, &dims, &rank);
  tensor.dims = {dims, rank};
  tensor.data = api_.tensor_data(value);
  bytes_[index] = tensor.count() * element_bytes(tensor.type);
  return tensor;
}

std::size_t KernelInfo::stored_bytes() const { return std::accumulate(bytes_.begin(), bytes_.end(), std::size_t{0}); }

std::string KernelInfo::node_name() const {
  std::string name(api_.node_name(info_, nullptr, 0), '\0');
  api_.node_name(info_, name.data(), name.size());
  name.resize(name.find('\0'));
  return name;
}

Tensor KernelInfo::weight(std::size_t index, const char* what, std::initializer_list<int> types,
                          std::size_t count) const {
  const std::optional<Tensor> tensor = constant(index);
  if (!tensor) malformed(std::string(what) + " is not stored in the model");
  if (std::find(types.begin(), types.end(), tensor->type) == types.end()) {
    malformed(std::string(what) + " has an element type that is not supported here");
  }
  if (tensor->count() != count) {
    malformed(std::string(what) + " has " + std::to_string(tensor->count()) + " elements, " + std::to_string(count) +
              " are needed");
  }
  return *tensor;
}

std::vector<float> KernelInfo::floats(std::size_t index, const char* what, std::size_t count) const {
  if (!constant(index)) return {};
  const Tensor tensor = weight(index, what, {ort::kFloat, ort::kFloat16, ort::kBfloat16}, count);
  std::vector<float> result(count);
  convert_to_float(tensor.data, weight_type(tensor.type), 0, count, result.data());
  return result;
}

}  // namespace nibble

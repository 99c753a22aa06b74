#include "cuda/decoder/plan.h"

#include <charconv>
#include <cmath>
#include <string_view>

#include "error.h"

namespace nibble::cuda {
namespace {

[[noreturn]] void refuse(std::string_view line, const char* why) {
  throw Error("invalid-input", "the plan of the decoder cannot be read: " + std::string(why) +
                                   " in: " + std::string(line.substr(0, 120)));
}

template <typename T>
T number(std::string_view text, std::string_view line) {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) refuse(line, "a number is none");
  return value;
}

/// Cuts off and returns what stands before the next `separator`; everything where there is none.
std::string_view take(std::string_view& rest, char separator) {
  const std::size_t at = rest.find(separator);
  const std::string_view first = rest.substr(0, at);
  rest = at == std::string_view::npos ? std::string_view() : rest.substr(at + 1);
  return first;
}

std::vector<std::uint8_t> bytes_of_hex(std::string_view hex, std::string_view line) {
  if (hex.size() % 2 != 0) refuse(line, "a table is no row of bytes");
  std::vector<std::uint8_t> bytes(hex.size() / 2);
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    const std::string_view pair = hex.substr(2 * i, 2);
    const auto [end, error] = std::from_chars(pair.data(), pair.data() + 2, bytes[i], 16);
    if (error != std::errc() || end != pair.data() + 2) refuse(line, "a table is no row of bytes");
  }
  return bytes;
}

StoredTensor parse_tensor(std::string_view text, const Plan& plan, std::string_view line) {
  StoredTensor tensor;
  const std::size_t at = text.find_first_of("@#");
  if (at == std::string_view::npos) refuse(line, "an input is neither stored nor a table");
  tensor.type = text.substr(0, at);
  std::string_view rest = text.substr(at + 1);
  if (text[at] == '#') {
    tensor.table = bytes_of_hex(rest, line);
    tensor.bytes = tensor.table.size();
    return tensor;
  }
  tensor.file = number<std::size_t>(take(rest, ':'), line);
  tensor.offset = number<std::uint64_t>(take(rest, ':'), line);
  tensor.bytes = number<std::uint64_t>(rest, line);
  constexpr std::uint64_t kMost = std::uint64_t{1} << 46;
  if (tensor.file >= plan.files.size() || tensor.offset > kMost || tensor.bytes > kMost) {
    refuse(line, "an input lies outside of the files");
  }
  return tensor;
}

void parse_node(std::string_view rest, Plan& plan, std::string_view line) {
  PlanNode node;
  node.op = take(rest, ' ');
  const std::string name(take(rest, ' '));
  while (!rest.empty()) {
    std::string_view item = take(rest, ' ');
    const std::string_view key = take(item, '=');
    if (key.empty() || item.empty()) refuse(line, "an item is empty");
    constexpr std::string_view kOutput = "output";
    constexpr std::string_view kFormat = "format";
    if (item[0] == '$') {
      const bool is_output = key.substr(0, kOutput.size()) == kOutput;
      const auto index = number<unsigned>(is_output ? key.substr(kOutput.size()) : key, line);
      (is_output ? node.outputs : node.values)[index] = item.substr(1);
    } else if (key[0] >= '0' && key[0] <= '9') {
      node.inputs[number<unsigned>(key, line)] = parse_tensor(item, plan, line);
    } else if (key == "format") {
      node.format = item;
    } else if (key == "scores") {
      node.scores = item;
    } else if (key.substr(0, kFormat.size()) == kFormat) {
      node.further_formats[number<unsigned>(key.substr(kFormat.size()), line)] = item;
    } else {
      node.attributes[std::string(key)] = number<double>(item, line);
    }
  }
  if (name.empty() || !plan.nodes.emplace(name, std::move(node)).second) refuse(line, "a node has no name of its own");
  plan.order.push_back(name);
}

}  // namespace

Plan parse_plan(const std::string& text) {
  Plan plan;
  std::string_view rest = text;
  while (!rest.empty()) {
    const std::string_view line = take(rest, '\n');
    if (line.empty()) continue;
    std::string_view words = line;
    const std::string_view kind = take(words, ' ');
    if (kind == "file") {
      // Only files of the model's own folder.
      if (words.empty() || words.find_first_of("/\\") != std::string_view::npos)
        refuse(line, "a file has no bare name");
      plan.files.emplace_back(words);
    } else if (kind == "node") {
      parse_node(words, plan, line);
    } else {
      refuse(line, "an unknown word begins a line");
    }
  }
  return plan;
}

}  // namespace nibble::cuda

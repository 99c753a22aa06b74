#include "orders.h"

#include <cstdlib>
#include <iostream>
#include <map>
#include <thread>

#include "error.h"

namespace nibble::probe {
namespace {

using Lines = std::multimap<std::string, std::string>;

void end_with_standard_input() {
  std::thread([] {
    for (std::string line; std::getline(std::cin, line);) {
    }
    // Not exit(): the threads of a driver may be anywhere.
    std::_Exit(1);
  }).detach();
}

Lines read_lines() {
  Lines lines;
  for (std::string line; std::getline(std::cin, line);) {
    if (line.empty()) {
      end_with_standard_input();
      break;
    }
    const std::size_t equals = line.find('=');
    if (equals != std::string::npos) lines.emplace(line.substr(0, equals), line.substr(equals + 1));
  }
  return lines;
}

std::string text_or_empty(const Lines& lines, const std::string& name) {
  const auto found = lines.find(name);
  return found == lines.end() ? "" : found->second;
}

std::string text(const Lines& lines, const std::string& name) {
  const std::string found = text_or_empty(lines, name);
  if (found.empty()) throw Error("invalid-input", name + " is missing");
  return found;
}

std::size_t number(const Lines& lines, const std::string& name) {
  const std::string value = text(lines, name);
  char* end = nullptr;
  const unsigned long read = std::strtoul(value.c_str(), &end, 10);
  if (*end != '\0' || read == 0 || read > (1u << 24)) throw Error("invalid-input", name + " is no number of use");
  return read;
}

}  // namespace

Orders read_orders() {
  const Lines lines = read_lines();
  Orders orders;
  orders.on = text(lines, "on");
  orders.library = text(lines, "library");
  if (orders.on == "cuda") {
    orders.directory = text(lines, "directory");
    // Equal keys keep their order.
    const auto [from, to] = lines.equal_range("plan");
    for (auto line = from; line != to; ++line) orders.plan += line->second + "\n";
  } else {
    orders.device_graph = text(lines, "device");
  }
  orders.weights_folder = text_or_empty(lines, "weights");
  orders.processor_graph = text_or_empty(lines, "processor");
  orders.times_processor = text_or_empty(lines, "time") != "device";
  orders.context = number(lines, "context");
  orders.threads = number(lines, "threads");
  orders.rows = number(lines, "rows");
  orders.prompt = number(lines, "prompt");
  orders.steps = number(lines, "steps");
  const std::string prefix = "option.";
  for (const auto& [name, value] : lines) {
    if (name.rfind(prefix, 0) == 0) orders.provider_options.emplace_back(name.substr(prefix.size()), value);
  }
  return orders;
}

}  // namespace nibble::probe

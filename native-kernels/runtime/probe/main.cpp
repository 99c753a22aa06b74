// graph_probe: computes one model on the processor and on a GPU, and prints as one line of JSON how fast each is and
// how far the GPU's answers are from the processor's. It reads its orders from standard input, one `name=value` per
// line:
//
//   library=PATH    ONNX Runtime
//   device=PATH     the model's graph for GPUs
//   processor=PATH  the same in our dialect; without it the GPU is timed alone
//   on=webgpu       or standard-cpu
//   context=N threads=N rows=N prompt=N steps=N
//   option.K=V      an option of the provider; may stand several times
//
// A program of its own: a driver that crashes or hangs costs this process and not the app.

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <iostream>
#include <map>
#include <numeric>
#include <sstream>
#include <string>
#include <vector>

#include "cpu.h"
#include "json_text.h"
#include "runtime/model.h"
#include "runtime/ort_library.h"
#include "runtime/philox.h"

namespace {

using nibble::Device;
using nibble::Error;
using nibble::Model;

// How often the prompt is read and the answer given; the fastest counts, since the first ones also compile shaders.
constexpr int kRuns = 3;

// The tokens of the check are drawn with it: any will do, but always the same.
constexpr std::uint64_t kSeed = 1;

// Candidates per token of an answer: where two answers part, the other's choice is looked for among them.
constexpr std::size_t kAlternatives = 10;

using Orders = std::map<std::string, std::string>;

Orders read_orders() {
  Orders orders;
  for (std::string line; std::getline(std::cin, line);) {
    const std::size_t equals = line.find('=');
    if (equals != std::string::npos) orders[line.substr(0, equals)] = line.substr(equals + 1);
  }
  return orders;
}

std::string text(const Orders& orders, const std::string& name) {
  const auto found = orders.find(name);
  if (found == orders.end()) throw Error("invalid-input", name + " is missing");
  return found->second;
}

std::size_t number(const Orders& orders, const std::string& name) {
  const std::string value = text(orders, name);
  char* end = nullptr;
  const unsigned long read = std::strtoul(value.c_str(), &end, 10);
  if (*end != '\0' || read == 0 || read > (1u << 24)) throw Error("invalid-input", name + " is no number of use");
  return read;
}

nibble::OpenOptions options_of(const Orders& orders, bool is_device) {
  nibble::OpenOptions options{};
  options.graph_path = text(orders, is_device ? "device" : "processor");
  options.context_length = number(orders, "context");
  options.threads = number(orders, "threads");
  options.mode = nibble::Mode::fast;
  options.cache_type = nibble::CacheType::f16;
  options.isa = nibble::best_isa();
  options.device = Device::cpu;
  if (!is_device) return options;
  options.device = text(orders, "on") == "webgpu" ? Device::webgpu : Device::standard_cpu;
  const std::string prefix = "option.";
  for (const auto& [name, value] : orders) {
    if (name.rfind(prefix, 0) == 0) options.provider_options.emplace_back(name.substr(prefix.size()), value);
  }
  return options;
}

struct Step {
  std::int32_t id;
  std::vector<nibble::Alternative> alternatives;
};

/// What one of the two computed, and how fast.
struct Outcome {
  double load_ms = 0;
  double prefill_rate = 0;
  double decode_rate = 0;
  std::vector<float> logits;  // [rows, vocabulary]
  std::vector<Step> answer;
};

std::vector<std::int64_t> some_tokens(std::size_t count, std::size_t vocabulary) {
  std::vector<std::int64_t> ids(count);
  for (std::size_t i = 0; i < count; ++i) {
    ids[i] = static_cast<std::int64_t>(nibble::philox_uniform(kSeed, i) * static_cast<double>(vocabulary));
  }
  return ids;
}

Outcome compute(const Orders& orders, bool is_device) {
  Outcome outcome;
  Model model(options_of(orders, is_device));
  const nibble::CancelFlag never{false};
  const std::size_t rows = number(orders, "rows");
  outcome.load_ms = model.load_ms();
  outcome.logits.resize(rows * model.vocabulary_size());
  const std::vector<std::int64_t> checked = some_tokens(rows, model.vocabulary_size());
  model.evaluate(checked, nibble::LogitRows::all, outcome.logits.data(), never);
  nibble::GenerateRequest request{};
  request.ids = some_tokens(number(orders, "prompt"), model.vocabulary_size());
  request.max_tokens = number(orders, "steps");
  request.alternatives = std::min(kAlternatives, model.vocabulary_size());
  for (int run = 0; run < kRuns; ++run) {
    model.truncate(0);
    outcome.answer.clear();
    const nibble::GenerateResult result = model.generate(
        request,
        [&](const nibble::Token& token) {
          outcome.answer.push_back({token.id, {token.alternatives.begin(), token.alternatives.end()}});
        },
        never);
    const auto rate = [](std::size_t tokens, double ms) {
      return ms > 0 ? static_cast<double>(tokens) * 1000 / ms : 0;
    };
    outcome.prefill_rate = std::max(outcome.prefill_rate, rate(request.ids.size(), result.prefill_ms));
    // The first token falls out of the prompt.
    outcome.decode_rate = std::max(outcome.decode_rate, rate(result.ids.size() - 1, result.decode_ms));
  }
  return outcome;
}

/// Kullback-Leibler divergence of two rows of logits, in nats.
double divergence(std::span<const float> reference, std::span<const float> other) {
  const auto log_sum = [](std::span<const float> row) {
    const double largest = *std::max_element(row.begin(), row.end());
    return largest + std::log(std::accumulate(row.begin(), row.end(), 0.0, [&](double sum, float logit) {
             return sum + std::exp(static_cast<double>(logit) - largest);
           }));
  };
  const double reference_sum = log_sum(reference);
  const double other_sum = log_sum(other);
  double total = 0;
  for (std::size_t i = 0; i < reference.size(); ++i) {
    const double logprob = static_cast<double>(reference[i]) - reference_sum;
    total += std::exp(logprob) * (logprob - (static_cast<double>(other[i]) - other_sum));
  }
  return total;
}

/// The mean over all rows; not a number when either holds what is none.
double mean_divergence(const Outcome& reference, const Outcome& other, std::size_t rows) {
  const std::size_t width = reference.logits.size() / rows;
  if (other.logits.size() != reference.logits.size()) return std::nan("");
  double sum = 0;
  for (std::size_t row = 0; row < rows; ++row) {
    sum += divergence(std::span(reference.logits).subspan(row * width, width),
                      std::span(other.logits).subspan(row * width, width));
  }
  return sum / static_cast<double>(rows);
}

std::string json(double value) {
  if (!std::isfinite(value)) return "null";
  std::ostringstream out;
  out << value;
  return out.str();
}

std::string json(const Outcome& outcome) {
  return "{\"loadMs\":" + json(outcome.load_ms) + ",\"prefillRate\":" + json(outcome.prefill_rate) +
         ",\"decodeRate\":" + json(outcome.decode_rate) + "}";
}

/// How many tokens both answers begin with, and how much less likely the processor found the GPU's next one.
std::string compare_answers(const Outcome& reference, const Outcome& other) {
  const std::size_t most = std::min(reference.answer.size(), other.answer.size());
  std::size_t same = 0;
  while (same < most && reference.answer[same].id == other.answer[same].id) ++same;
  std::string margin = "null";
  if (same < most) {
    const auto& candidates = reference.answer[same].alternatives;
    const auto found = std::find_if(candidates.begin(), candidates.end(),
                                    [&](const auto& candidate) { return candidate.id == other.answer[same].id; });
    if (found != candidates.end()) {
      margin = json(static_cast<double>(candidates.front().logprob) - static_cast<double>(found->logprob));
    }
  }
  return "\"tokens\":" + std::to_string(most) + ",\"sameTokens\":" + std::to_string(same) + ",\"margin\":" + margin;
}

std::string probe(const Orders& orders) {
  nibble::ort::Library::open(text(orders, "library"));
  Outcome device;
  try {
    device = compute(orders, true);
  } catch (const Error& error) {
    return "{\"error\":{\"code\":" + nibble::json_text(error.code()) +
           ",\"message\":" + nibble::json_text(error.what()) + "}}";
  }
  if (orders.count("processor") == 0) return "{\"error\":null,\"device\":" + json(device) + "}";
  const Outcome processor = compute(orders, false);
  return "{\"error\":null,\"processor\":" + json(processor) + ",\"device\":" + json(device) +
         ",\"divergence\":" + json(mean_divergence(processor, device, number(orders, "rows"))) + "," +
         compare_answers(processor, device) + "}";
}

}  // namespace

int main() {
  try {
    std::puts(probe(read_orders()).c_str());
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "graph_probe: %s\n", error.what());
    return 1;
  }
}

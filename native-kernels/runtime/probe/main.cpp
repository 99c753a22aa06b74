// graph_probe: computes one model on the processor and on a GPU, and prints as one line of JSON how fast each is and
// how far the GPU's answers are from the processor's. It reads its orders from standard input, one `name=value` per
// line:
//
//   library=PATH    ONNX Runtime
//   on=webgpu       or standard-cpu, or cuda
//   device=PATH     the model's graph for GPUs; for cuda instead
//   plan=LINE       a line of the plan of its decoder (cuda/decoder/plan.h), in order, and
//   directory=PATH  the folder of its weights
//   processor=PATH  the same of our operators; without it the GPU is timed alone
//   time=device     the processor's logits are compared, but its speed is known already
//   context=N threads=N rows=N prompt=N steps=N
//   option.K=V      an option of the provider; may stand several times
//
// An empty line ends the orders; the program then ends with its standard input. Before the last line of its output
// there is one for each step that is done: {"on":"device","done":1,"total":5}.
//
// A program of its own: a driver that crashes or hangs costs this process and not the app.

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <numeric>
#include <span>
#include <sstream>
#include <string>
#include <vector>

#include "cpu.h"
#include "cuda/decoder/decoder.h"
#include "json_text.h"
#include "orders.h"
#include "runtime/model.h"
#include "runtime/ort/ort_library.h"
#include "runtime/ort/standard_session.h"
#include "runtime/sampling/philox.h"

namespace {

using nibble::Device;
using nibble::Error;
using nibble::Model;
using nibble::probe::Orders;

// How often the prompt is read and the answer given; the fastest counts, since the first ones also compile shaders.
constexpr int kRuns = 3;

// The tokens of the check are drawn with it: any will do, but always the same.
constexpr std::uint64_t kSeed = 1;

// Candidates per token of an answer: where two answers part, the other's choice is looked for among them.
constexpr std::size_t kAlternatives = 10;

/// Says how far the work is; loading, the check and every run is a step.
class Steps {
 public:
  Steps(const char* on, int total) : on_(on), total_(total) {}
  void advance() {
    std::printf("{\"on\":\"%s\",\"done\":%d,\"total\":%d}\n", on_, ++done_, total_);
    std::fflush(stdout);
  }

 private:
  const char* on_;
  int total_;
  int done_ = 0;
};

nibble::OpenOptions options_of(const Orders& orders, bool is_device) {
  nibble::OpenOptions options{};
  options.graph_path = is_device ? orders.device_graph : orders.processor_graph;
  options.weights_folder = orders.weights_folder;
  options.context_length = orders.context;
  options.threads = orders.threads;
  options.mode = nibble::Mode::fast;
  options.cache_type = nibble::CacheType::f16;
  options.isa = nibble::best_isa();
  options.device = Device::cpu;
  if (!is_device) return options;
  options.device = orders.on == "webgpu" ? Device::webgpu : Device::standard_cpu;
  options.provider_options = orders.provider_options;
  return options;
}

/// @throws Error("out-of-memory") also where only the start of the context would fit
std::unique_ptr<Model> open_on_cuda(const Orders& orders) {
  const auto opened = Model::Clock::now();
  nibble::cuda::DecoderPlan plan = nibble::cuda::read_decoder(nibble::cuda::parse_plan(orders.plan));
  nibble::cuda::Device& device = nibble::cuda::Device::open(0);
  auto decoder = std::make_unique<nibble::cuda::Decoder>(device, std::move(plan), orders.directory, orders.context);
  // The cache grows as it fills: that there is room for all of it is tried now and not in the middle of an answer.
  const std::size_t most = decoder->most_cache_bytes();
  try {
    const nibble::cuda::DeviceMemory room(device, most - decoder->cache_bytes());
  } catch (const nibble::cuda::DriverError& error) {
    if (!error.out_of_memory()) throw;
    throw Error("out-of-memory", "a context of " + std::to_string(orders.context) + " tokens takes up to " +
                                     std::to_string(most >> 20) + " MB beside the weights, more than is free on " +
                                     device.title());
  }
  return std::make_unique<Model>(std::move(decoder), nibble::best_isa(), opened);
}

std::unique_ptr<Model> open(const Orders& orders, bool is_device) {
  if (is_device && orders.on == "cuda") return open_on_cuda(orders);
  return std::make_unique<Model>(options_of(orders, is_device));
}

struct Token {
  std::int32_t id;
  std::vector<nibble::Alternative> alternatives;
};

/// What one of the two computed, and how fast.
struct Outcome {
  double load_ms = 0;
  double prefill_rate = 0;
  double decode_rate = 0;
  std::vector<float> logits;  // [rows, vocabulary]
  std::vector<Token> answer;
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
  const int runs = is_device || orders.times_processor ? kRuns : 0;
  Steps steps(is_device ? "device" : "processor", 2 + runs);
  const std::unique_ptr<Model> model = open(orders, is_device);
  steps.advance();
  const nibble::CancelFlag never{false};
  outcome.load_ms = model->load_ms();
  outcome.logits.resize(orders.rows * model->vocabulary_size());
  const std::vector<std::int64_t> checked = some_tokens(orders.rows, model->vocabulary_size());
  model->evaluate(checked, nibble::LogitRows::all, outcome.logits.data(), never);
  steps.advance();
  nibble::GenerateRequest request{};
  request.ids = some_tokens(orders.prompt, model->vocabulary_size());
  request.max_tokens = orders.steps;
  request.alternatives = std::min(kAlternatives, model->vocabulary_size());
  for (int run = 0; run < runs; ++run) {
    model->truncate(0);
    outcome.answer.clear();
    const nibble::GenerateResult result = model->generate(
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
    steps.advance();
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

std::string failure(const Error& error, const char* detail) {
  return "{\"error\":{\"code\":" + nibble::json_text(error.code()) + ",\"message\":" + nibble::json_text(error.what()) +
         ",\"detail\":" + detail + "}}";
}

std::string probe(const Orders& orders) {
  nibble::ort::Library::open(orders.library);
  Outcome device;
  try {
    device = compute(orders, true);
  } catch (const nibble::NoHalfPrecision& error) {
    return failure(error, "\"half-precision\"");
  } catch (const Error& error) {
    return failure(error, "null");
  }
  if (orders.processor_graph.empty()) return "{\"error\":null,\"device\":" + json(device) + "}";
  const Outcome processor = compute(orders, false);
  const std::string rates = orders.times_processor ? json(processor) : "null";
  return "{\"error\":null,\"processor\":" + rates + ",\"device\":" + json(device) +
         ",\"divergence\":" + json(mean_divergence(processor, device, orders.rows)) + "," +
         compare_answers(processor, device) + "}";
}

}  // namespace

int main() {
  try {
    std::puts(probe(nibble::probe::read_orders()).c_str());
    std::fflush(stdout);
    // Not return: a thread may be reading standard input, which exit() would wait for.
    std::_Exit(0);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "graph_probe: %s\n", error.what());
    std::_Exit(1);
  }
}

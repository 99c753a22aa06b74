#include "cuda/check/decoder_reference.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <fstream>
#include <numeric>
#include <thread>

#include "base/quantize_kernels.h"
#include "cpu.h"
#include "error.h"
#include "half.h"
#include "linear.h"
#include "threads.h"

namespace nibble::check {
namespace {

void run_on_threads(void*, std::size_t tasks, void (*task)(void*, std::size_t), void* user) {
  Control control;
  control.threads = std::max(1u, std::thread::hardware_concurrency());
  for_each_task(tasks, control, {0, 1}, [&](std::size_t i) { task(user, i); });
}

double activate(cuda::Activation activation, double x) {
  switch (activation) {
    case cuda::Activation::silu:
      return x / (1 + std::exp(-x));
    case cuda::Activation::gelu_tanh:
      return 0.5 * x * (1 + std::tanh(std::sqrt(2 / 3.14159265358979323846) * (x + 0.044715 * x * x * x)));
    case cuda::Activation::gelu:
      return 0.5 * x * (1 + std::erf(x / std::sqrt(2.0)));
    case cuda::Activation::quick_gelu:
      return x / (1 + std::exp(-1.702 * x));
    case cuda::Activation::relu:
      return std::max(x, 0.0);
    default:
      return std::max(x, 0.0) * std::max(x, 0.0);
  }
}

double gated(cuda::Activation activation, double gate, double up) {
  if (activation != cuda::Activation::swiglu_clamped) return activate(activation, gate) * up;
  const double limited = std::min(gate, double{cuda::kSwigluLimit});
  const double other = std::clamp(up, -double{cuda::kSwigluLimit}, double{cuda::kSwigluLimit});
  return limited / (1 + std::exp(-cuda::kSwigluAlpha * limited)) * (other + 1);
}

/// Takes their ranks from the experts of all groups but the best.
void leave_groups(const cuda::ExpertsStep& step, std::vector<double>& ranks) {
  const std::size_t size = step.experts / step.groups;
  std::vector<std::pair<double, std::size_t>> groups;
  for (std::size_t group = 0; group < step.groups; ++group) {
    const auto first = ranks.begin() + static_cast<std::ptrdiff_t>(group * size);
    std::vector<double> own(first, first + static_cast<std::ptrdiff_t>(size));
    std::sort(own.rbegin(), own.rend());
    groups.emplace_back(-own[0] - (step.two_best ? own[1] : 0), group);
  }
  std::stable_sort(groups.begin(), groups.end());
  for (std::size_t i = step.chosen_groups; i < groups.size(); ++i) {
    std::fill_n(ranks.begin() + static_cast<std::ptrdiff_t>(groups[i].second * size), size, -INFINITY);
  }
}

double capped(double x, float cap) { return cap == 0 ? x : cap * std::tanh(x / cap); }

/// Root mean square normalization, times `weight` where it has numbers.
void normalize(float* x, std::size_t count, const std::vector<float>& weight, float epsilon) {
  double squares = 0;
  for (std::size_t i = 0; i < count; ++i) squares += double{x[i]} * x[i];
  const double factor = 1 / std::sqrt(squares / static_cast<double>(count) + epsilon);
  for (std::size_t i = 0; i < count; ++i) {
    x[i] = static_cast<float>(x[i] * factor * (weight.empty() ? 1 : weight[i]));
  }
}

float rounded(float value) { return float_from_half(half_from_float(value)); }

}  // namespace

DecoderReference::DecoderReference(const cuda::DecoderPlan& plan, const std::string& directory) : plan_(plan) {
  for (const std::string& name : plan.files) {
    std::ifstream file(directory + "/" + name, std::ios::binary | std::ios::ate);
    std::vector<std::uint8_t> bytes(static_cast<std::size_t>(file.tellg()));
    file.seekg(0);
    file.read(reinterpret_cast<char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
    if (!file) throw Error("not-found", name + " cannot be read");
    files_.push_back(std::move(bytes));
  }
  clear();
}

void DecoderReference::clear() {
  caches_.assign(plan_.caches, {});
  buffers_.clear();
  for (const std::size_t width : plan_.buffers) buffers_.emplace_back(width);
  position_ = 0;
}

const std::uint8_t* DecoderReference::data(const cuda::StoredTensor& tensor) const {
  return tensor.table.empty() ? files_[tensor.file].data() + tensor.offset : tensor.table.data();
}

std::vector<float> DecoderReference::floats(const cuda::FloatsPlan& plan) const {
  std::vector<float> out(plan.count);
  for (std::size_t i = 0; i < out.size(); ++i) out[i] = load_weight(data(plan.tensor), plan.type, i) + plan.added;
  return out;
}

std::vector<std::uint8_t> DecoderReference::rows_of(const cuda::LinearPlan& plan) const {
  const cuda::TransposedPlan& from = plan.transposed;
  if (from.width == 0) return {};
  const std::size_t size = plan.codes.bytes / (from.width * plan.columns);
  std::vector<std::uint8_t> bytes;
  for (std::size_t row = 0; row < plan.stored_rows(); ++row) {
    for (std::size_t column = 0; column < plan.columns; ++column) {
      const std::uint8_t* const first = data(plan.codes) + (column * from.width + from.first + row * from.step) * size;
      bytes.insert(bytes.end(), first, first + size);
    }
  }
  return bytes;
}

std::vector<float> DecoderReference::multiply(const cuda::LinearPlan& plan, const std::vector<float>& x) const {
  const Parallel parallel{nullptr, run_on_threads, std::max(1u, std::thread::hardware_concurrency())};
  std::vector<float> y(plan.stored_rows());
  const std::vector<float> stored_bias = floats(plan.bias);
  const auto there = [&](const cuda::StoredTensor& tensor) { return tensor.bytes == 0 ? nullptr : data(tensor); };
  const std::vector<std::uint8_t> by_rows = rows_of(plan);
  WeightView w{plan.format, plan.stored_rows(), plan.columns, plan.block_size,
               by_rows.empty() ? data(plan.codes) : by_rows.data()};
  w.zero_points = reinterpret_cast<const std::int8_t*>(there(plan.zero_points));
  w.levels = reinterpret_cast<const float*>(there(plan.levels));
  if (plan.nested_scales.bytes == 0) {
    w.scales = there(plan.scales);
  } else {
    w.scale_codes = data(plan.scales);
    w.nested_scales = reinterpret_cast<const float*>(data(plan.nested_scales));
    w.nested_map = reinterpret_cast<const float*>(data(plan.nested_map));
    w.nested_offset = plan.nested_offset;
  }
  linear_product(w, x.data(), 1, stored_bias.empty() ? nullptr : stored_bias.data(), y.data(), Mode::exact, best_isa(),
                 parallel);
  std::vector<float> own;
  for (std::size_t row = 0; row < plan.rows; ++row) own.push_back(y[plan.first_row + row * plan.row_step]);
  return own;
}

std::vector<float> DecoderReference::value(const cuda::ValuePlan& place) const {
  const auto first = buffers_[place.buffer].begin() + static_cast<std::ptrdiff_t>(place.first);
  return {first, first + static_cast<std::ptrdiff_t>(place.width)};
}

void DecoderReference::set(const cuda::ValuePlan& place, const std::vector<float>& numbers) {
  if (numbers.size() != place.width) throw Error("internal", "a value has another width than its place");
  std::copy(numbers.begin(), numbers.end(), buffers_[place.buffer].begin() + static_cast<std::ptrdiff_t>(place.first));
}

std::vector<float> DecoderReference::normalized(const std::vector<float>& x, const cuda::NormPlan& norm) const {
  std::vector<float> out = x;
  normalize(out.data(), out.size(), norm.weight == cuda::kNoVector ? Numbers{} : floats(plan_.vectors[norm.weight]),
            norm.epsilon);
  return out;
}

void DecoderReference::run(const cuda::LinearStep& step) {
  const Numbers x = step.norm ? normalized(value(step.input), *step.norm) : value(step.input);
  std::vector<Numbers> products;
  for (const std::size_t index : step.matrices) products.push_back(multiply(plan_.matrices[index], x));
  Numbers out;
  if (step.outcome == cuda::Outcome::gated) {
    for (std::size_t i = 0; i < products[0].size(); ++i) {
      out.push_back(static_cast<float>(gated(step.activation, products[0][i], products[1][i])));
    }
  } else {
    for (const Numbers& product : products) out.insert(out.end(), product.begin(), product.end());
  }
  if (step.outcome == cuda::Outcome::add) {
    const Numbers before = value(step.output);
    for (std::size_t i = 0; i < out.size(); ++i) out[i] += before[i];
  }
  set(step.output, out);
}

void DecoderReference::run(const cuda::EmbedStep& step) {
  const cuda::TablePlan& table = plan_.tables[step.table];
  const std::size_t row = step.of_positions ? position_ : static_cast<std::size_t>(id_);
  Numbers out = step.of_positions ? value(step.output) : Numbers(table.width);
  for (std::size_t i = 0; i < out.size(); ++i) {
    out[i] += step.scale * load_weight(data(table.tensor), table.type, row * table.width + i);
  }
  set(step.output, out);
}

void DecoderReference::run(const cuda::RegroupStep& step) {
  const Numbers x = value(step.input);
  Numbers out;
  std::size_t before = 0;
  for (const std::size_t width : step.widths) {
    const std::size_t own = width / step.groups;
    for (std::size_t group = 0; group < step.groups; ++group) {
      const auto first = x.begin() + static_cast<std::ptrdiff_t>(group * (x.size() / step.groups) + before);
      out.insert(out.end(), first, first + static_cast<std::ptrdiff_t>(own));
    }
    before += own;
  }
  set(step.output, out);
}

void DecoderReference::run(const cuda::NormStep& step) {
  Numbers x = value(step.input);
  const std::size_t width = x.size() / step.groups;
  const auto stored = [&](std::size_t index) {
    return index == cuda::kNoVector ? Numbers{} : floats(plan_.vectors[index]);
  };
  const Numbers weight = stored(step.norm.weight);
  const Numbers bias = stored(step.norm.bias);
  for (std::size_t group = 0; group < step.groups; ++group) {
    float* const own = x.data() + group * width;
    if (step.norm.centered) {
      double mean = 0;
      for (std::size_t i = 0; i < width; ++i) mean += double{own[i]} / static_cast<double>(width);
      for (std::size_t i = 0; i < width; ++i) own[i] = static_cast<float>(own[i] - mean);
    }
    const auto first = weight.begin() + static_cast<std::ptrdiff_t>(weight.size() > width ? group * width : 0);
    normalize(own, width, weight.empty() ? Numbers{} : Numbers(first, first + static_cast<std::ptrdiff_t>(width)),
              step.norm.epsilon);
    for (std::size_t i = 0; i < bias.size(); ++i) own[i] += bias[i];
  }
  set(step.output, x);
}

void DecoderReference::run(const cuda::AddStep& step) {
  const Numbers x = step.norm ? normalized(value(step.input), *step.norm) : value(step.input);
  Numbers to = value(step.to);
  for (std::size_t i = 0; i < to.size(); ++i) to[i] += step.factor * x[i];
  set(step.to, to);
}

void DecoderReference::run(const cuda::GatedStep& step) {
  Numbers gate = value(step.gate);
  const Numbers up = value(step.up);
  for (std::size_t i = 0; i < gate.size(); ++i) {
    gate[i] = static_cast<float>(gated(step.activation, gate[i], up[i]));
  }
  set(step.output, gate);
}

void DecoderReference::run(const cuda::ActivateStep& step) {
  Numbers x = value(step.input);
  if (step.xielu.empty()) {
    for (float& number : x) number = static_cast<float>(activate(step.activation, number));
  } else {
    const auto stored = [&](std::size_t index) { return double{floats(plan_.vectors[step.xielu[index]])[0]}; };
    const auto softplus = [](double number) { return std::log1p(std::exp(number)); };
    const double beta = stored(2);
    for (float& number : x) {
      const double curved =
          number > 0 ? softplus(stored(0)) * number * number
                     : (std::expm1(std::min(double{number}, stored(3))) - number) * (beta + softplus(stored(1)));
      number = static_cast<float>(curved + beta * number);
    }
  }
  set(step.output, x);
}

void DecoderReference::run(const cuda::SigmoidGateStep& step) {
  const double open = 1 / (1 + std::exp(-double{value(step.gate)[0]}));
  Numbers x = value(step.input);
  const Numbers added = value(step.added);
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = static_cast<float>(x[i] * open + added[i]);
  set(step.output, x);
}

void DecoderReference::run(const cuda::ScaleStep& step) {
  Numbers x = value(step.value);
  const float stored = step.stored_factor == cuda::kNoVector ? 1 : floats(plan_.vectors[step.stored_factor])[0];
  for (float& number : x) number = static_cast<float>(capped(double{number} * step.factor * stored, step.cap));
  set(step.value, x);
}

void DecoderReference::run(const cuda::ExpertsStep& step) {
  const Numbers x = step.norm ? normalized(value(step.input), *step.norm) : value(step.input);
  const Numbers logits = value(step.router);
  const auto stored = [&](std::size_t index) {
    return index == cuda::kNoVector ? Numbers{} : floats(plan_.vectors[index]);
  };
  const Numbers correction = stored(step.correction);
  const Numbers scales = stored(step.expert_scales);
  std::vector<double> scores(step.experts);
  double sum = 0;
  const double largest = *std::max_element(logits.begin(), logits.end());
  for (std::size_t i = 0; i < scores.size(); ++i) {
    scores[i] = step.sigmoid ? 1 / (1 + std::exp(-double{logits[i]})) : std::exp(logits[i] - largest);
    sum += scores[i];
  }
  std::vector<std::size_t> ids(step.experts);
  std::iota(ids.begin(), ids.end(), 0);
  if (!step.sigmoid) {
    for (double& score : scores) score /= sum;
  }
  std::vector<double> ranks = scores;
  for (std::size_t id = 0; id < correction.size(); ++id) ranks[id] += correction[id];
  if (step.groups > 0) leave_groups(step, ranks);
  const auto rank = [&](std::size_t id) { return ranks[id]; };
  std::stable_sort(ids.begin(), ids.end(), [&](std::size_t a, std::size_t b) { return rank(a) > rank(b); });
  ids.resize(step.chosen);
  double total = 0;
  for (const std::size_t id : ids) total += scores[id];
  const double divisor = step.normalized ? std::max(total, double{step.least_sum}) + step.sum_epsilon : 1;
  std::vector<double> out(x.size());
  for (const std::size_t id : ids) {
    const cuda::LinearPlan* const matrices = &plan_.matrices[step.first_matrix + id * cuda::kExpertMatrices];
    Numbers gate = multiply(matrices[0], x);
    const Numbers up = multiply(matrices[1], x);
    for (std::size_t i = 0; i < gate.size(); ++i) {
      gate[i] = static_cast<float>(gated(step.activation, gate[i], up[i]));
    }
    const Numbers product = multiply(matrices[2], gate);
    const double weight = scores[id] / divisor * step.scale * (scales.empty() ? 1 : scales[id]);
    for (std::size_t i = 0; i < out.size(); ++i) out[i] += weight * product[i];
  }
  if (step.adds) {
    const Numbers before = value(step.output);
    for (std::size_t i = 0; i < out.size(); ++i) out[i] += before[i];
  }
  set(step.output, {out.begin(), out.end()});
}

void DecoderReference::prepare(float* head, const cuda::AttentionStep& step, std::size_t norm) const {
  const auto apply_norm = [&] {
    if (norm != cuda::kNoVector) normalize(head, step.head_dim, floats(plan_.vectors[norm]), step.epsilon);
  };
  if (!step.norms_rotated) apply_norm();
  if (step.rotary) {
    const cuda::RotaryPlan& rotary = plan_.rotaries[*step.rotary];
    const std::size_t half = rotary.frequencies.size();
    for (std::size_t i = 0; i < half; ++i) {
      const double angle = static_cast<float>(position_) * rotary.frequencies[i];
      const double cosine = std::cos(angle) * rotary.scaling;
      const double sine = std::sin(angle) * rotary.scaling;
      float& a = head[step.interleaved ? 2 * i : i];
      float& b = head[step.interleaved ? 2 * i + 1 : i + half];
      const double before = a;
      a = static_cast<float>(before * cosine - b * sine);
      b = static_cast<float>(b * cosine + before * sine);
    }
  }
  if (step.norms_rotated) apply_norm();
}

void DecoderReference::run(const cuda::AttentionStep& step) {
  Cache& cache = caches_[step.cache];
  const std::size_t dim = step.head_dim;
  Numbers qkv = value(step.qkv);
  float* const k = qkv.data() + step.heads * dim;
  float* const v = k + step.kv_heads * dim;
  for (std::size_t head = 0; head < step.heads; ++head) prepare(qkv.data() + head * dim, step, step.q_norm);
  if (step.temperature != 0) {
    const double passed =
        std::floor((static_cast<float>(position_) + step.temperature_offset) / step.temperature_length);
    const double growth = 1 + step.temperature * std::log(1 + passed);
    for (std::size_t i = 0; i < step.heads * dim; ++i) qkv[i] = static_cast<float>(qkv[i] * growth);
  }
  if (!step.reads_others) {
    for (std::size_t head = 0; head < step.kv_heads; ++head) {
      prepare(k + head * dim, step, step.k_norm);
      if (step.normalizes_values) normalize(v + head * dim, dim, {}, step.epsilon);
    }
    for (std::size_t i = 0; i < step.kv_heads * dim; ++i) {
      cache.keys.push_back(rounded(k[i]));
      cache.values.push_back(rounded(v[i]));
    }
  }
  const std::size_t start = step.window != 0 && position_ + 1 > step.window ? position_ + 1 - step.window : 0;
  Numbers out(step.heads * dim);
  for (std::size_t head = 0; head < step.heads; ++head) {
    const std::size_t shared = head / (step.heads / step.kv_heads);
    std::vector<double> scores;
    double largest = -INFINITY;
    for (std::size_t p = start; p <= position_; ++p) {
      const float* key = cache.keys.data() + (p * step.kv_heads + shared) * dim;
      double score = 0;
      for (std::size_t i = 0; i < dim; ++i) score += double{qkv[head * dim + i]} * key[i];
      scores.push_back(capped(score * step.scale, step.softcap));
      largest = std::max(largest, scores.back());
    }
    double sum = 0;
    if (step.sinks != cuda::kNoVector) {
      const float sink = floats(plan_.vectors[step.sinks])[head];
      largest = std::max(largest, double{sink});
      sum = std::exp(sink - largest);
    }
    for (double& score : scores) sum += score = std::exp(score - largest);
    for (std::size_t i = 0; i < dim; ++i) {
      double total = 0;
      for (std::size_t p = start; p <= position_; ++p) {
        total += scores[p - start] * cache.values[(p * step.kv_heads + shared) * dim + i];
      }
      out[head * dim + i] = static_cast<float>(total / sum);
    }
  }
  set(step.output, out);
}

std::vector<float> DecoderReference::append(std::int64_t id) {
  id_ = id;
  Numbers embedded(plan_.hidden);
  for (std::size_t i = 0; i < embedded.size(); ++i) {
    const std::size_t at = static_cast<std::size_t>(id) * plan_.hidden + i;
    embedded[i] = plan_.embedding_scale * load_weight(data(plan_.embedding), plan_.embedding_type, at);
  }
  set(plan_.embedded, embedded);
  for (const cuda::Step& step : plan_.steps) {
    std::visit([&](const auto& each) { run(each); }, step);
  }
  ++position_;
  Numbers logits =
      multiply(plan_.matrices[plan_.head.matrices[0]],
               plan_.head.norm ? normalized(value(plan_.head.input), *plan_.head.norm) : value(plan_.head.input));
  for (float& logit : logits) logit = static_cast<float>(capped(double{logit} * plan_.logit_factor, plan_.logit_cap));
  return logits;
}

}  // namespace nibble::check

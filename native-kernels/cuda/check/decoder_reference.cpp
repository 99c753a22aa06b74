#include "cuda/check/decoder_reference.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <fstream>
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

std::vector<float> normalize(const float* x, const std::vector<float>& weight, float epsilon) {
  double squares = 0;
  for (std::size_t i = 0; i < weight.size(); ++i) squares += double{x[i]} * x[i];
  const double factor = 1 / std::sqrt(squares / static_cast<double>(weight.size()) + epsilon);
  std::vector<float> out(weight.size());
  for (std::size_t i = 0; i < out.size(); ++i) out[i] = static_cast<float>(x[i] * factor * weight[i]);
  return out;
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
  caches_.assign(plan_.layers.size(), {});
  position_ = 0;
}

const std::uint8_t* DecoderReference::data(const cuda::StoredTensor& tensor) const {
  return files_[tensor.file].data() + tensor.offset;
}

std::vector<float> DecoderReference::floats(const cuda::FloatsPlan& plan) const {
  std::vector<float> out(plan.count);
  for (std::size_t i = 0; i < out.size(); ++i) out[i] = load_weight(data(plan.tensor), plan.type, i) + plan.added;
  return out;
}

std::vector<float> DecoderReference::multiply(const cuda::LinearPlan& plan, const std::vector<float>& x) const {
  const Parallel parallel{nullptr, run_on_threads, std::max(1u, std::thread::hardware_concurrency())};
  std::vector<float> y(plan.rows);
  const std::vector<float> stored_bias = floats(plan.bias);
  const auto there = [&](const cuda::StoredTensor& tensor) { return tensor.bytes == 0 ? nullptr : data(tensor); };
  WeightView w{plan.format, plan.rows, plan.columns, plan.block_size, data(plan.codes)};
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
  return y;
}

std::vector<float> DecoderReference::attend(std::size_t index, const std::vector<float>& normed) {
  const cuda::LayerPlan& layer = plan_.layers[index];
  Cache& cache = caches_[index];
  const std::size_t dim = plan_.head_dim;
  std::vector<float> q = multiply(layer.q, normed);
  std::vector<float> k = multiply(layer.k, normed);
  const std::vector<float> v = multiply(layer.v, normed);
  const auto prepare = [&](float* head, const cuda::FloatsPlan& norm) {
    if (norm.count != 0) {
      const std::vector<float> out = normalize(head, floats(norm), layer.head_epsilon);
      std::copy(out.begin(), out.end(), head);
    }
    const std::size_t half = plan_.frequencies.size();
    for (std::size_t i = 0; i < half; ++i) {
      const double angle = static_cast<float>(position_) * plan_.frequencies[i];
      const double cosine = std::cos(angle) * plan_.rotary_scaling;
      const double sine = std::sin(angle) * plan_.rotary_scaling;
      const float a = head[i];
      const float b = head[i + half];
      head[i] = static_cast<float>(a * cosine - b * sine);
      head[i + half] = static_cast<float>(b * cosine + a * sine);
    }
  };
  for (std::size_t head = 0; head < plan_.heads; ++head) prepare(q.data() + head * dim, layer.q_norm);
  for (std::size_t head = 0; head < plan_.kv_heads; ++head) prepare(k.data() + head * dim, layer.k_norm);
  for (const float value : k) cache.keys.push_back(rounded(value));
  for (const float value : v) cache.values.push_back(rounded(value));
  const std::size_t start = layer.window != 0 && position_ + 1 > layer.window ? position_ + 1 - layer.window : 0;
  std::vector<float> out(plan_.heads * dim);
  for (std::size_t head = 0; head < plan_.heads; ++head) {
    const std::size_t shared = head / (plan_.heads / plan_.kv_heads);
    std::vector<double> scores;
    double largest = -INFINITY;
    for (std::size_t p = start; p <= position_; ++p) {
      const float* key = cache.keys.data() + (p * plan_.kv_heads + shared) * dim;
      double score = 0;
      for (std::size_t i = 0; i < dim; ++i) score += double{q[head * dim + i]} * key[i];
      scores.push_back(score * layer.scale);
      largest = std::max(largest, scores.back());
    }
    double sum = 0;
    for (double& score : scores) sum += score = std::exp(score - largest);
    for (std::size_t i = 0; i < dim; ++i) {
      double value = 0;
      for (std::size_t p = start; p <= position_; ++p) {
        value += scores[p - start] * cache.values[(p * plan_.kv_heads + shared) * dim + i];
      }
      out[head * dim + i] = static_cast<float>(value / sum);
    }
  }
  return multiply(layer.o, out);
}

std::vector<float> DecoderReference::append(std::int64_t id) {
  std::vector<float> stream(plan_.hidden);
  for (std::size_t i = 0; i < stream.size(); ++i) {
    stream[i] =
        load_weight(data(plan_.embedding), plan_.embedding_type, static_cast<std::size_t>(id) * plan_.hidden + i);
  }
  const auto add = [&](const std::vector<float>& value) {
    for (std::size_t i = 0; i < stream.size(); ++i) stream[i] += value[i];
  };
  for (std::size_t i = 0; i < plan_.layers.size(); ++i) {
    const cuda::LayerPlan& layer = plan_.layers[i];
    add(attend(i, normalize(stream.data(), floats(layer.attention_norm), layer.attention_epsilon)));
    const std::vector<float> normed = normalize(stream.data(), floats(layer.mlp_norm), layer.mlp_epsilon);
    std::vector<float> gate = multiply(layer.gate, normed);
    const std::vector<float> up = multiply(layer.up, normed);
    for (std::size_t j = 0; j < gate.size(); ++j) {
      gate[j] = static_cast<float>(gate[j] / (1 + std::exp(-double{gate[j]})) * up[j]);
    }
    add(multiply(layer.down, gate));
  }
  ++position_;
  return multiply(plan_.head, normalize(stream.data(), floats(plan_.final_norm), plan_.final_epsilon));
}

}  // namespace nibble::check

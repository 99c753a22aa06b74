#include <cmath>

#include "for_rows.h"
#include "operators.h"

namespace nibble {
namespace {

constexpr std::size_t kRowsPerTask = 8;

/// Sixteen partial sums, so that compilers may use vectors without reordering anything.
template <typename Term>
float sum_of(std::size_t count, Term term) {
  constexpr std::size_t kLanes = 16;
  float partial[kLanes] = {};
  std::size_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    for (std::size_t lane = 0; lane < kLanes; ++lane) partial[lane] += term(i + lane);
  }
  float sum = 0;
  for (const float value : partial) sum += value;
  for (; i < count; ++i) sum += term(i);
  return sum;
}

/// out[i] = (x[i] - mean) / sqrt(variance + epsilon) * weight[i] + bias[i]; an empty bias adds nothing. `x` and `out`
/// may be the same.
void layer_normalize(const float* x, const float* weight, const std::vector<float>& bias, std::size_t count,
                     float epsilon, float* out) {
  const auto divisor = static_cast<float>(count);
  const float mean = sum_of(count, [&](std::size_t i) { return x[i]; }) / divisor;
  // In a second pass: the mean of squares less the square of the mean would cancel where values share a large part.
  const float squares = sum_of(count, [&](std::size_t i) { return (x[i] - mean) * (x[i] - mean); });
  const float factor = 1.0f / std::sqrt(squares / divisor + epsilon);
  for (std::size_t i = 0; i < count; ++i) out[i] = (x[i] - mean) * factor * weight[i];
  for (std::size_t i = 0; i < bias.size(); ++i) out[i] += bias[i];
}

/// Weights and bias of a layer norm of one head or of several side by side.
struct LayerNormWeights {
  /// @param first the input with the first weight; the bias is the next one, further weights follow
  LayerNormWeights(const KernelInfo& info, std::size_t first)
      : heads(info.size("heads", 1, 1)), epsilon(info.real("epsilon")) {
    const std::size_t tensors = info.size("weights", 1, 1);
    const std::optional<Tensor> stored = info.constant(first);
    const bool is_matrix = stored && stored->dims.size() == 2;
    if (!stored || (stored->dims.size() != 1 && !is_matrix)) info.malformed("the weight is not a stored vector");
    width = static_cast<std::size_t>(stored->dims.back());
    const std::size_t count = stored->count();
    if (width == 0 || count / width != (is_matrix ? heads : 1) || (tensors != 1 && (tensors != heads || is_matrix))) {
      info.malformed("its weights are not those of one head or of every one");
    }
    weight = info.floats(first, "the weight", count);
    for (std::size_t other = 1; other < tensors; ++other) {
      const std::vector<float> next = info.floats(first + 1 + other, "the weight of a head", width);
      if (next.empty()) info.malformed("the weight of a head is missing");
      weight.insert(weight.end(), next.begin(), next.end());
    }
    bias = info.floats(first + 1, "the bias", width);
    const float offset = info.real("weight_offset", 0.0f);
    for (float& value : weight) value += offset;
  }

  std::size_t row() const { return heads * width; }

  void normalize(const float* x, float* out) const {
    const bool is_shared = weight.size() == width;
    for (std::size_t head = 0; head < heads; ++head) {
      const std::size_t offset = head * width;
      layer_normalize(x + offset, weight.data() + (is_shared ? 0 : offset), bias, width, epsilon, out + offset);
    }
  }

  std::size_t heads;
  float epsilon;
  std::size_t width = 0;
  std::vector<float> weight;
  std::vector<float> bias;
};

class LayerNorm final : public Kernel {
 public:
  explicit LayerNorm(const KernelInfo& info) : weights_(info, 1) {}

  void compute(const KernelContext& context) override {
    const std::size_t width = weights_.row();
    std::size_t rows = 0;
    const float* x = context.matrix(0, width, &rows);
    float* out = context.output(0, rows, width);
    for_rows(context.parallel(), rows, kRowsPerTask, [&](std::size_t begin, std::size_t end) {
      for (std::size_t row = begin; row < end; ++row) weights_.normalize(x + row * width, out + row * width);
    });
  }

 private:
  LayerNormWeights weights_;
};

class SkipLayerNorm final : public Kernel {
 public:
  explicit SkipLayerNorm(const KernelInfo& info) : weights_(info, 2) {}

  void compute(const KernelContext& context) override {
    const std::size_t width = weights_.row();
    std::size_t rows = 0;
    std::size_t skip_rows = 0;
    const float* x = context.matrix(0, width, &rows);
    const float* skip = context.matrix(1, width, &skip_rows);
    if (skip_rows != rows) throw Error("malformed-file", "operator SkipLayerNorm: its inputs differ in length");
    float* out = context.output(0, rows, width);
    float* sum = context.output(1, rows, width);
    for_rows(context.parallel(), rows, kRowsPerTask, [&](std::size_t begin, std::size_t end) {
      for (std::size_t row = begin; row < end; ++row) {
        const std::size_t offset = row * width;
        for (std::size_t i = 0; i < width; ++i) sum[offset + i] = x[offset + i] + skip[offset + i];
        weights_.normalize(sum + offset, out + offset);
      }
    });
  }

 private:
  LayerNormWeights weights_;
};

}  // namespace

std::unique_ptr<Kernel> create_layer_norm(const KernelInfo& info, SessionState&) {
  return std::make_unique<LayerNorm>(info);
}

std::unique_ptr<Kernel> create_skip_layer_norm(const KernelInfo& info, SessionState&) {
  return std::make_unique<SkipLayerNorm>(info);
}

}  // namespace nibble

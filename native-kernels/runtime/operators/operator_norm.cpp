#include <cmath>

#include "for_rows.h"
#include "operators.h"

namespace nibble {
namespace {

constexpr std::size_t kRowsPerTask = 8;

/// The weight with its offset added (Gemma stores weight - 1).
std::vector<float> read_weight(const KernelInfo& info, std::size_t index) {
  const std::optional<Tensor> tensor = info.constant(index);
  if (!tensor || tensor->dims.size() != 1) info.malformed("the weight is not a stored vector");
  std::vector<float> weight = info.floats(index, "the weight", tensor->count());
  const float offset = info.real("weight_offset", 0.0f);
  if (offset != 0.0f) {
    for (float& value : weight) value += offset;
  }
  return weight;
}

class RmsNorm final : public Kernel {
 public:
  explicit RmsNorm(const KernelInfo& info)
      : weight_(read_weight(info, 1)), epsilon_(info.real("epsilon")), groups_(info.size("groups", 1, 1)) {}

  void compute(const KernelContext& context) override {
    const std::size_t width = weight_.size();
    std::size_t rows = 0;
    const float* x = context.matrix(0, groups_ * width, &rows);
    float* out = context.output(0, rows, groups_ * width);
    for_rows(context.parallel(), rows * groups_, kRowsPerTask, [&](std::size_t begin, std::size_t end) {
      for (std::size_t row = begin; row < end; ++row) {
        rms_normalize(x + row * width, weight_.data(), width, epsilon_, out + row * width);
      }
    });
  }

 private:
  std::vector<float> weight_;
  float epsilon_;
  std::size_t groups_;
};

class SkipRmsNorm final : public Kernel {
 public:
  explicit SkipRmsNorm(const KernelInfo& info) : weight_(read_weight(info, 2)), epsilon_(info.real("epsilon")) {}

  void compute(const KernelContext& context) override {
    const std::size_t width = weight_.size();
    std::size_t rows = 0;
    std::size_t skip_rows = 0;
    const float* x = context.matrix(0, width, &rows);
    const float* skip = context.matrix(1, width, &skip_rows);
    if (skip_rows != rows) throw Error("malformed-file", "operator SkipRmsNorm: its inputs differ in length");
    float* out = context.output(0, rows, width);
    float* sum = context.output(1, rows, width);
    for_rows(context.parallel(), rows, kRowsPerTask, [&](std::size_t begin, std::size_t end) {
      for (std::size_t row = begin; row < end; ++row) {
        const std::size_t offset = row * width;
        for (std::size_t i = 0; i < width; ++i) sum[offset + i] = x[offset + i] + skip[offset + i];
        rms_normalize(sum + offset, weight_.data(), width, epsilon_, out + offset);
      }
    });
  }

 private:
  std::vector<float> weight_;
  float epsilon_;
};

}  // namespace

void rms_normalize(const float* x, const float* weight, std::size_t count, float epsilon, float* out) {
  // Sixteen partial sums, so that compilers may use vectors without reordering anything.
  constexpr std::size_t kLanes = 16;
  float partial[kLanes] = {};
  std::size_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    for (std::size_t lane = 0; lane < kLanes; ++lane) partial[lane] += x[i + lane] * x[i + lane];
  }
  float sum = 0;
  for (const float value : partial) sum += value;
  for (; i < count; ++i) sum += x[i] * x[i];
  const float factor = 1.0f / std::sqrt(sum / static_cast<float>(count) + epsilon);
  if (weight == nullptr) {
    for (i = 0; i < count; ++i) out[i] = x[i] * factor;
    return;
  }
  for (i = 0; i < count; ++i) out[i] = x[i] * factor * weight[i];
}

std::unique_ptr<Kernel> create_rms_norm(const KernelInfo& info, SessionState&) {
  return std::make_unique<RmsNorm>(info);
}

std::unique_ptr<Kernel> create_skip_rms_norm(const KernelInfo& info, SessionState&) {
  return std::make_unique<SkipRmsNorm>(info);
}

}  // namespace nibble

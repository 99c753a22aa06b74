#include <algorithm>
#include <cmath>

#include "for_rows.h"
#include "operators.h"

namespace nibble {
namespace {

constexpr std::size_t kElementsPerTask = 4096;

/// What transformers makes the buffers with, where a file lacks them.
constexpr float kBeta = 0.5f;
constexpr float kEpsilon = -1e-6f;

/// As torch computes it, in float32.
float softplus(float x) {
  constexpr float kLinearFrom = 20.0f;
  return x > kLinearFrom ? x : std::log1p(std::exp(x));
}

/// The activation of Huang & Schlag 2024; README.md has the formula.
class Xielu final : public Kernel {
 public:
  explicit Xielu(const KernelInfo& info) {
    const auto number = [&](std::size_t index, const char* what) {
      const std::vector<float> values = info.floats(index, what, 1);
      return values.empty() ? std::optional<float>{} : std::optional<float>{values[0]};
    };
    const std::optional<float> alpha_p = number(1, "alpha_p");
    const std::optional<float> alpha_n = number(2, "alpha_n");
    if (!alpha_p || !alpha_n) info.malformed("alpha_p or alpha_n is missing");
    beta_ = number(3, "beta").value_or(kBeta);
    epsilon_ = number(4, "eps").value_or(kEpsilon);
    alpha_p_ = softplus(*alpha_p);
    alpha_n_ = beta_ + softplus(*alpha_n);
  }

  void compute(const KernelContext& context) override {
    const std::optional<Tensor> input = context.optional_input(0);
    if (!input || input->dims.size() != 2) throw Error("malformed-file", "operator Xielu: its input is no matrix");
    const std::size_t count = input->count();
    float* out = context.output(0, static_cast<std::size_t>(input->dims[0]), static_cast<std::size_t>(input->dims[1]));
    const auto* x = static_cast<const float*>(input->data);
    for_rows(context.parallel(), count, kElementsPerTask, [&](std::size_t begin, std::size_t end) {
      for (std::size_t i = begin; i < end; ++i) out[i] = activate(x[i]);
    });
  }

 private:
  float activate(float x) const {
    if (x > 0.0f) return alpha_p_ * x * x + beta_ * x;
    return (std::expm1(std::min(x, epsilon_)) - x) * alpha_n_ + beta_ * x;
  }

  float alpha_p_ = 0;
  float alpha_n_ = 0;
  float beta_ = 0;
  float epsilon_ = 0;
};

}  // namespace

std::unique_ptr<Kernel> create_xielu(const KernelInfo& info, SessionState&) { return std::make_unique<Xielu>(info); }

}  // namespace nibble

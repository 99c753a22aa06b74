// The matrix products. Every size of the stored weights is checked while the graph is loaded; a run only checks that
// the activations have the right width.

#include <array>

#include "linear.h"
#include "operators.h"
#include "stored_matrices.h"

namespace nibble {
namespace {

/// One to kMostTogether matrices times the same activations.
template <class Matrix>
class LinearTogether final : public Kernel {
 public:
  LinearTogether(const KernelInfo& info, const SessionState& state) : mode_(state.mode), isa_(state.isa) {
    const std::size_t parts = info.size("parts", 1, 1);
    if (parts > kMostTogether) info.malformed("attribute parts is out of range: " + std::to_string(parts));
    for (std::size_t part = 0; part < parts; ++part) {
      matrices_.push_back(std::make_unique<Matrix>(info, part, 1 + part * Matrix::kInputs));
      weights_.push_back(matrices_.back()->w);
      if (weights_[part].columns != weights_[0].columns) info.malformed("its matrices differ in width");
      reading_.add(matrices_.back()->codes(), matrices_.back()->code_bytes());
    }
  }

  void compute(const KernelContext& context) override {
    std::size_t tokens = 0;
    const float* x = context.matrix(0, weights_[0].columns, &tokens);
    std::array<LinearOutput, kMostTogether> to{};
    for (std::size_t i = 0; i < weights_.size(); ++i) {
      const std::vector<float>& bias = matrices_[i]->bias;
      to[i] = {bias.empty() ? nullptr : bias.data(), context.output(i, tokens, weights_[i].rows)};
    }
    if (tokens == 0) return;
    context.begin_reading(reading_);
    linear_together(std::span<const typename Matrix::Weights>(weights_), x, tokens, to.data(), mode_, isa_,
                    context.parallel());
  }

 private:
  Mode mode_;
  Isa isa_;
  std::vector<std::unique_ptr<Matrix>> matrices_;
  std::vector<typename Matrix::Weights> weights_;
  Reading reading_;
};

}  // namespace

std::unique_ptr<Kernel> create_linear4(const KernelInfo& info, SessionState& state) {
  return std::make_unique<LinearTogether<Linear4>>(info, state);
}

std::unique_ptr<Kernel> create_linear_int8_rows(const KernelInfo& info, SessionState& state) {
  return std::make_unique<LinearTogether<LinearInt8Rows>>(info, state);
}

std::unique_ptr<Kernel> create_linear_affine(const KernelInfo& info, SessionState& state) {
  return std::make_unique<LinearTogether<LinearAffine>>(info, state);
}

std::unique_ptr<Kernel> create_linear16(const KernelInfo& info, SessionState& state) {
  return std::make_unique<LinearTogether<Linear16>>(info, state);
}

}  // namespace nibble

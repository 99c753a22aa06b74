// The operator Linear. A run only checks that the activations have the right width.

#include <array>

#include "operators.h"
#include "stored_matrix.h"

namespace nibble {
namespace {

/// One to kMostFused matrices times the same activations.
class Linear final : public Kernel {
 public:
  Linear(const KernelInfo& info, const SessionState& state) : mode_(state.mode), isa_(state.isa) {
    const std::size_t parts = info.size("parts", 1, 1);
    if (parts > kMostFused) info.malformed("attribute parts is out of range: " + std::to_string(parts));
    for (std::size_t part = 0; part < parts; ++part) {
      matrices_.push_back(std::make_unique<StoredMatrix>(info, part, 1 + part * kMatrixInputs));
      const bool lies_by_rows = matrices_.back()->transposed.width == 0;
      matrices_.back()->turn();
      weights_.push_back(matrices_.back()->w);
      if (weights_[part].columns != weights_[0].columns) info.malformed("its matrices differ in width");
      if (lies_by_rows) reading_.add(weights_[part].codes, code_bytes(weights_[part]));
    }
  }

  void compute(const KernelContext& context) override {
    std::size_t tokens = 0;
    const float* x = context.matrix(0, weights_[0].columns, &tokens);
    std::array<LinearOutput, kMostFused> to{};
    for (std::size_t i = 0; i < weights_.size(); ++i) {
      to[i] = matrices_[i]->output(context.output(i, tokens, weights_[i].rows));
    }
    if (tokens == 0) return;
    context.begin_reading(reading_);
    linear_product(weights_, x, tokens, to.data(), mode_, isa_, context.parallel());
  }

 private:
  Mode mode_;
  Isa isa_;
  std::vector<std::unique_ptr<StoredMatrix>> matrices_;
  std::vector<WeightView> weights_;
  Reading reading_;
};

}  // namespace

std::unique_ptr<Kernel> create_linear(const KernelInfo& info, SessionState& state) {
  return std::make_unique<Linear>(info, state);
}

}  // namespace nibble

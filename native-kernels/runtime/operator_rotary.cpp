#include <cmath>

#include "operators.h"

namespace nibble {
namespace {

class Rotary final : public Kernel {
 public:
  explicit Rotary(const KernelInfo& info) : scaling_(info.real("attention_scaling", 1.0f)) {
    const std::optional<Tensor> frequencies = info.constant(2);
    if (!frequencies || frequencies->dims.size() != 1) info.malformed("the inverse frequencies are not stored");
    frequencies_ = info.floats(2, "the inverse frequencies", frequencies->count());
  }

  void compute(const KernelContext& context) override {
    const std::size_t tokens = context.integers(0).size();
    const std::span<const std::int64_t> position = context.integers(1);
    if (position.size() != 1) throw Error("malformed-file", "operator Rotary: position is not one number");
    const std::size_t half = frequencies_.size();
    float* cosines = context.output(0, tokens, half);
    float* sines = context.output(1, tokens, half);
    for (std::size_t token = 0; token < tokens; ++token) {
      const auto absolute = static_cast<float>(position[0] + static_cast<std::int64_t>(token));
      for (std::size_t i = 0; i < half; ++i) {
        // The angle is rounded to float32 first, as in transformers, then its cosine taken without further error.
        const double angle = absolute * frequencies_[i];
        cosines[token * half + i] = static_cast<float>(std::cos(angle)) * scaling_;
        sines[token * half + i] = static_cast<float>(std::sin(angle)) * scaling_;
      }
    }
  }

 private:
  std::vector<float> frequencies_;
  float scaling_;
};

}  // namespace

std::unique_ptr<Kernel> create_rotary(const KernelInfo& info, SessionState&) { return std::make_unique<Rotary>(info); }

}  // namespace nibble

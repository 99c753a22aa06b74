#include <algorithm>
#include <cmath>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "operators.h"

namespace nibble {
namespace {

class Rotary final : public Kernel {
 public:
  Rotary(const KernelInfo& info, const SessionState& state)
      : state_(state),
        scaling_(info.real("attention_scaling", 1.0f)),
        theta_(info.real("theta", 0.0f)),
        growth_(info.real("growth", 0.0f)) {
    const std::optional<Tensor> frequencies = info.constant(2);
    if (!frequencies || frequencies->dims.size() != 1) info.malformed("the inverse frequencies are not stored");
    frequencies_ = info.floats(2, "the inverse frequencies", frequencies->count());
    original_length_ = info.size("original_length", 0, 0);
    if (original_length_ == 0) return;
    if (growth_ > 0.0f) {
      // With two rotated elements the exponent would be infinite.
      if (theta_ <= 0.0f || frequencies_.size() < 2) info.malformed("its base cannot grow");
      longer_.resize(frequencies_.size());
    } else {
      longer_ = info.floats(3, "the frequencies of long sequences", frequencies_.size());
    }
  }

  void compute(const KernelContext& context) override {
    const std::size_t tokens = context.integers(0).size();
    const std::span<const std::int64_t> position = context.integers(1);
    if (position.size() != 1) throw Error("malformed-file", "operator Rotary: position is not one number");
    const std::span<const float> frequencies = frequencies_for(static_cast<std::size_t>(position[0]) + tokens);
    const std::size_t half = frequencies.size();
    float* cosines = context.output(0, tokens, half);
    float* sines = context.output(1, tokens, half);
    for (std::size_t token = 0; token < tokens; ++token) {
      const auto absolute = static_cast<float>(position[0] + static_cast<std::int64_t>(token));
      for (std::size_t i = 0; i < half; ++i) {
        // The angle is rounded to float32 first, as in transformers, then its cosine taken without further error.
        const double angle = absolute * frequencies[i];
        cosines[token * half + i] = static_cast<float>(std::cos(angle)) * scaling_;
        sines[token * half + i] = static_cast<float>(std::sin(angle)) * scaling_;
      }
    }
  }

 private:
  /// Those of a sequence that will be as long as the tokens that were given at once.
  std::span<const float> frequencies_for(std::size_t end) {
    const std::size_t length = std::max(end, state_.sequence_end);
    if (original_length_ == 0 || length <= original_length_) return frequencies_;
    if (growth_ > 0.0f && length != grown_for_) grow(length);
    return longer_;
  }

  /// In float32 and in the order in which transformers computes it.
  void grow(std::size_t length) {
    const auto dimensions = static_cast<double>(2 * frequencies_.size());
    const double stretch =
        static_cast<double>(growth_) * static_cast<double>(length) / static_cast<double>(original_length_) -
        (static_cast<double>(growth_) - 1.0);
    const auto base = static_cast<float>(theta_ * std::pow(stretch, dimensions / (dimensions - 2.0)));
    for (std::size_t i = 0; i < longer_.size(); ++i) {
      const float exponent = static_cast<float>(static_cast<double>(2 * i) / dimensions);
      longer_[i] = 1.0f / static_cast<float>(std::pow(static_cast<double>(base), static_cast<double>(exponent)));
    }
    grown_for_ = length;
  }

  const SessionState& state_;
  std::vector<float> frequencies_;
  float scaling_;
  // What a sequence of more than original_length_ tokens is rotated by; 0: the same.
  std::size_t original_length_ = 0;
  std::vector<float> longer_;
  float theta_;
  float growth_;  // 0: longer_ is stored
  std::size_t grown_for_ = 0;
};

}  // namespace

std::unique_ptr<Kernel> create_rotary(const KernelInfo& info, SessionState& state) {
  return std::make_unique<Rotary>(info, state);
}

}  // namespace nibble

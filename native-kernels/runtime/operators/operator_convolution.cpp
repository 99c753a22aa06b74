// A causal convolution of every channel by itself, over the last few tokens.

#include <algorithm>

#include "for_rows.h"
#include "operators.h"
#include "recurrence.h"

namespace nibble {
namespace {

constexpr std::size_t kTokensPerTask = 4;

/// Far beyond any model.
constexpr std::size_t kMostTaps = 64;

class CausalConvolution final : public Kernel {
 public:
  CausalConvolution(const KernelInfo& info, SessionState& state) : state_(state), silu_(info.integer("silu") != 0) {
    const std::optional<Tensor> stored = info.constant(1);
    if (!stored || stored->dims.size() != 3 || stored->dims[0] < 1 || stored->dims[1] != 1 || stored->dims[2] < 1) {
      info.malformed("its weight is not a stored tensor [channels, 1, taps]");
    }
    channels_ = static_cast<std::size_t>(stored->dims[0]);
    taps_ = static_cast<std::size_t>(stored->dims[2]);
    if (taps_ > kMostTaps) info.malformed("it looks at " + std::to_string(taps_) + " tokens");
    const std::vector<float> given = info.floats(1, "the weight", channels_ * taps_);
    const std::size_t stride = convolution_stride(channels_);
    weights_.resize(stride * taps_);
    for (std::size_t channel = 0; channel < channels_; ++channel) {
      for (std::size_t tap = 0; tap < taps_; ++tap) weights_[tap * stride + channel] = given[channel * taps_ + tap];
    }
    bias_ = info.floats(2, "the bias", channels_);
    if (!bias_.empty()) bias_.resize(stride);
    past_ = state.states.add((taps_ - 1) * channels_);
  }

  void compute(const KernelContext& context) override {
    std::size_t tokens = 0;
    const float* x = context.matrix(0, channels_, &tokens);
    float* out = context.output(0, tokens, channels_);
    const float* const before = state_.states.before(past_);
    const std::size_t past = taps_ - 1;
    // Row 0 is the oldest one that the first token looks at.
    const auto row = [&](std::size_t i) { return i < past ? before + i * channels_ : x + (i - past) * channels_; };
    const Convolution convolution{channels_, taps_, weights_.data(), bias_.empty() ? nullptr : bias_.data(), silu_};
    for_rows(context.parallel(), tokens, kTokensPerTask, [&](std::size_t begin, std::size_t end) {
      const float* rows[kMostTaps];
      for (std::size_t token = begin; token < end; ++token) {
        for (std::size_t tap = 0; tap < taps_; ++tap) rows[tap] = row(token + tap);
        convolve(convolution, rows, out + token * channels_, state_.isa);
      }
    });
    float* const after = state_.states.after(past_);
    for (std::size_t i = 0; i < past; ++i) std::copy_n(row(tokens + i), channels_, after + i * channels_);
  }

 private:
  SessionState& state_;
  bool silu_;
  std::size_t channels_ = 0;
  std::size_t taps_ = 0;
  std::size_t past_ = 0;  // the state
  std::vector<float> weights_;
  std::vector<float> bias_;
};

}  // namespace

std::unique_ptr<Kernel> create_causal_convolution(const KernelInfo& info, SessionState& state) {
  return std::make_unique<CausalConvolution>(info, state);
}

}  // namespace nibble

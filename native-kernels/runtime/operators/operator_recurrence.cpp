// Linear attention: the gated delta rule, and Mamba 2's step.

#include <algorithm>
#include <cmath>
#include <limits>

#include "for_rows.h"
#include "operators.h"
#include "recurrence.h"

namespace nibble {
namespace {

constexpr std::size_t kTokensPerTask = 4;

/// Below the length that queries and keys are divided by.
constexpr float kLengthEpsilon = 1e-6f;

/// From here on log(1 + e^x) is x in float32, and e^x grows beyond it.
constexpr float kSoftplusLinear = 20.0f;

float softplus(float x) { return x > kSoftplusLinear ? x : std::log1p(std::exp(x)); }

RecurrenceShape shape_of(const KernelInfo& info, bool delta) {
  // Far beyond any model; their products stay far from overflow.
  constexpr std::size_t kMost = 65536;
  const RecurrenceShape shape{info.size("heads", 1), info.size("key_heads", 1), info.size("key_dim", 1),
                              info.size("value_dim", 1), delta};
  if (shape.heads % shape.key_heads != 0 || shape.heads > kMost || shape.key_dim > kMost || shape.value_dim > kMost) {
    info.malformed(std::to_string(shape.heads) + " heads cannot share " + std::to_string(shape.key_heads) +
                   " keys, or their sizes are out of range");
  }
  return shape;
}

/// What both have: a state, the decay of each of its heads, and room for one factor a token and head.
class Recurrence : public Kernel {
 public:
  std::optional<std::size_t> bytes_read() const override { return recurrence_state_elements(shape_) * sizeof(float); }

 protected:
  Recurrence(const KernelInfo& info, SessionState& state, bool delta)
      : state_(state),
        shape_(shape_of(info, delta)),
        rates_(info.floats(3 - (delta ? 0 : 1), "a_log", shape_.heads)),
        step_bias_(info.floats(4 - (delta ? 0 : 1), "dt_bias", shape_.heads)),
        number_(state.states.add(recurrence_state_elements(shape_))) {
    if (rates_.empty() || step_bias_.empty()) info.malformed("its decays are not stored");
    for (float& rate : rates_) rate = -std::exp(rate);
  }

  std::size_t key_width() const { return shape_.key_heads * shape_.key_dim; }
  std::size_t value_width() const { return shape_.heads * shape_.value_dim; }

  void grow(std::size_t tokens) {
    const std::size_t count = tokens * shape_.heads;
    if (decays_.size() < count) {
      decays_.resize(count);
      strengths_.resize(count);
    }
  }

  /// Runs over the state, with `decays_` and `strengths_`.
  void run(RecurrenceCall call, const KernelContext& context) {
    call.decays = decays_.data();
    call.strengths = strengths_.data();
    call.before = state_.states.before(number_);
    call.after = state_.states.after(number_);
    recurrence(shape_, call, state_.isa, context.parallel());
  }

  static std::size_t rows_of(const KernelContext& context, std::size_t index, std::size_t width, std::size_t tokens,
                             const float** data) {
    std::size_t rows = 0;
    *data = context.matrix(index, width, &rows);
    if (rows != tokens) throw Error("malformed-file", "a recurrent operator's inputs differ in length");
    return rows;
  }

  SessionState& state_;
  RecurrenceShape shape_;
  std::vector<float> rates_;  // of the decay, for a step of 1
  std::vector<float> step_bias_;
  std::vector<float> decays_;
  std::vector<float> strengths_;

 private:
  std::size_t number_;
};

class GatedDelta final : public Recurrence {
 public:
  GatedDelta(const KernelInfo& info, SessionState& state) : Recurrence(info, state, true) {}

  void compute(const KernelContext& context) override {
    std::size_t tokens = 0;
    const std::size_t width = 2 * key_width() + value_width();
    const float* x = context.matrix(0, width, &tokens);
    const float* a = nullptr;
    const float* b = nullptr;
    rows_of(context, 1, shape_.heads, tokens, &a);
    rows_of(context, 2, shape_.heads, tokens, &b);
    float* out = context.output(0, tokens, value_width());
    grow(tokens);
    if (normed_.size() < tokens * 2 * key_width()) normed_.resize(tokens * 2 * key_width());
    const float scale = 1.0f / std::sqrt(static_cast<float>(shape_.key_dim));
    for_rows(context.parallel(), tokens, kTokensPerTask, [&](std::size_t begin, std::size_t end) {
      for (std::size_t token = begin; token < end; ++token) {
        for (std::size_t head = 0; head < 2 * shape_.key_heads; ++head) {
          const float* const from = x + token * width + head * shape_.key_dim;
          float* const to = normed_.data() + (token * 2 * shape_.key_heads + head) * shape_.key_dim;
          divide_by_length(from, to, head < shape_.key_heads ? scale : 1.0f);
        }
        for (std::size_t head = 0; head < shape_.heads; ++head) {
          const std::size_t i = token * shape_.heads + head;
          decays_[i] = std::exp(rates_[head] * softplus(a[i] + step_bias_[head]));
          strengths_[i] = 1.0f / (1.0f + std::exp(-b[i]));
        }
      }
    });
    RecurrenceCall call{};
    call.tokens = tokens;
    call.queries = normed_.data();
    call.keys = normed_.data() + key_width();
    call.key_stride = 2 * key_width();
    call.values = x + 2 * key_width();
    call.value_stride = width;
    call.out = out;
    run(call, context);
  }

 private:
  void divide_by_length(const float* from, float* to, float scale) const {
    float sum = 0;
    for (std::size_t i = 0; i < shape_.key_dim; ++i) sum += from[i] * from[i];
    const float factor = scale / std::sqrt(sum + kLengthEpsilon);
    for (std::size_t i = 0; i < shape_.key_dim; ++i) to[i] = from[i] * factor;
  }

  std::vector<float> normed_;  // queries and keys of every token
};

class Mamba2 final : public Recurrence {
 public:
  Mamba2(const KernelInfo& info, SessionState& state)
      : Recurrence(info, state, false),
        skip_(info.floats(4, "d", shape_.heads)),
        least_(info.real("least_step", 0.0f)),
        largest_(info.real("largest_step", std::numeric_limits<float>::infinity())) {
    if (skip_.empty()) info.malformed("d is not stored");
  }

  void compute(const KernelContext& context) override {
    std::size_t tokens = 0;
    const std::size_t width = value_width() + 2 * key_width();
    const float* x = context.matrix(0, width, &tokens);
    const float* dt = nullptr;
    rows_of(context, 1, shape_.heads, tokens, &dt);
    float* out = context.output(0, tokens, value_width());
    grow(tokens);
    for (std::size_t i = 0; i < tokens * shape_.heads; ++i) {
      const std::size_t head = i % shape_.heads;
      const float step = std::min(std::max(softplus(dt[i] + step_bias_[head]), least_), largest_);
      decays_[i] = std::exp(rates_[head] * step);
      strengths_[i] = step;
    }
    RecurrenceCall call{};
    call.tokens = tokens;
    call.keys = x + value_width();
    call.queries = call.keys + key_width();
    call.key_stride = width;
    call.values = x;
    call.value_stride = width;
    call.out = out;
    run(call, context);
    for_rows(context.parallel(), tokens, kTokensPerTask, [&](std::size_t begin, std::size_t end) {
      for (std::size_t token = begin; token < end; ++token) {
        const float* const from = x + token * width;
        float* const to = out + token * value_width();
        for (std::size_t i = 0; i < value_width(); ++i) to[i] += skip_[i / shape_.value_dim] * from[i];
      }
    });
  }

 private:
  std::vector<float> skip_;
  float least_;
  float largest_;
};

}  // namespace

std::unique_ptr<Kernel> create_gated_delta(const KernelInfo& info, SessionState& state) {
  return std::make_unique<GatedDelta>(info, state);
}

std::unique_ptr<Kernel> create_mamba2(const KernelInfo& info, SessionState& state) {
  return std::make_unique<Mamba2>(info, state);
}

}  // namespace nibble

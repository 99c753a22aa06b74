// A mixture of experts: a router's logits choose some gated feed-forwards for every token (Shazeer et al. 2017).

#include <algorithm>
#include <cmath>

#include "elementwise.h"
#include "for_rows.h"
#include "operators.h"
#include "routing.h"
#include "stored_matrix.h"

namespace nibble {
namespace {

constexpr std::size_t kElementsPerTask = 4096;

/// Far beyond any model.
constexpr std::size_t kMostExperts = 4096;

/// Stored behind x and the router's logits: what is added to the scores for the choice, factors of the experts'
/// weights, then gate, up and down of every expert in turn.
constexpr std::size_t kCorrection = 2;
constexpr std::size_t kExpertScales = 3;
constexpr std::size_t kFirstMatrix = 4;
constexpr std::size_t kGatedMatrices = 3;
constexpr std::size_t kUngatedMatrices = 2;  // no gate: down(max(up(x), 0)^2)

RoutingRule::Scores scores_of(const KernelInfo& info) {
  const std::string name = info.text("scores");
  if (name.empty() || name == "softmax") return RoutingRule::Scores::softmax;
  if (name == "sigmoid") return RoutingRule::Scores::sigmoid;
  if (name == "sparse_mixer") return RoutingRule::Scores::sparse_mixer;
  info.malformed("the scores " + name + " are not known");
}

RoutingRule rule_of(const KernelInfo& info) {
  RoutingRule rule;
  rule.experts = info.size("experts", 1);
  if (rule.experts > kMostExperts) info.malformed("its numbers of experts are out of range");
  rule.per_token = info.size("experts_per_token", 1);
  rule.scores = scores_of(info);
  rule.jitter = info.real("jitter", 0.0f);
  rule.correction = info.floats(kCorrection, "the correction of the scores", rule.experts);
  rule.groups = info.size("groups", 0, 0);
  rule.chosen_groups = info.size("chosen_groups", 0, 0);
  rule.two_best = info.size("two_best", 0, 0) != 0;
  rule.normalized = info.integer("normalized") != 0;
  rule.epsilon = info.real("sum_epsilon", 0.0f);
  rule.least_sum = info.real("least_sum", 0.0f);
  rule.scale = info.real("scale", 1.0f);
  rule.expert_scales = info.floats(kExpertScales, "the factors of the experts", rule.experts);
  return rule;
}

class Experts final : public Kernel {
 public:
  Experts(const KernelInfo& info, const SessionState& state)
      : mode_(state.mode),
        isa_(state.isa),
        router_(rule_of(info)),
        count_(router_.rule().experts),
        weighs_input_(info.size("weighs_input", 0, 0) != 0),
        per_expert_(info.size("ungated", 0, 0) != 0 ? kUngatedMatrices : kGatedMatrices),
        multiply_(info.integer("gelu") != 0 ? gelu_multiply : silu_multiply),
        alpha_(info.real("swiglu_alpha", 0.0f)),
        limit_(info.real("swiglu_limit", 0.0f)) {
    if (limit_ != 0 && per_expert_ != kUngatedMatrices) info.malformed("gate and up lie apart");
    for (std::size_t i = 0; i < count_ * per_expert_; ++i) {
      matrices_.push_back(std::make_unique<StoredMatrix>(info, i, kFirstMatrix + i * kMatrixInputs));
      weights_.push_back(matrices_[i]->w);
    }
    width_ = weights_[0].columns;
    inner_ = weights_[per_expert_ - 1].columns;
    wide_ = limit_ != 0 ? 2 * inner_ : inner_;
    for (std::size_t expert = 0; expert < count_; ++expert) {
      const WeightView* const w = &weights_[expert * per_expert_];
      const WeightView& down = w[per_expert_ - 1];
      if (down.rows != width_ || down.columns != inner_) info.malformed("its experts differ in size");
      for (std::size_t i = 0; i + 1 < per_expert_; ++i) {
        if (w[i].columns != width_ || w[i].rows != wide_) info.malformed("its experts differ in size");
      }
      if (per_expert_ == kUngatedMatrices) continue;
      const std::size_t first = expert * per_expert_;
      if ((matrices_[first]->transposed.width != 0) != (matrices_[first + 1]->transposed.width != 0)) {
        info.malformed("gate and up of an expert lie in different ways");
      }
    }
    chosen_.resize(count_);
  }

  void compute(const KernelContext& context) override {
    std::size_t tokens = 0;
    std::size_t routed = 0;
    const float* x = context.matrix(0, width_, &tokens);
    const float* logits = context.matrix(1, count_, &routed);
    if (routed != tokens) throw Error("malformed-file", "operator Experts: its inputs differ in length");
    float* out = context.output(0, tokens, width_);
    std::fill_n(out, tokens * width_, 0.0f);
    for (std::vector<Choice>& choices : chosen_) choices.clear();
    for (std::size_t token = 0; token < tokens; ++token) {
      for (const ChosenExpert& each : router_.route(logits + token * count_)) {
        chosen_[each.expert].push_back({token, each.weight});
      }
    }
    bytes_read_ = 0;
    // In the order of the experts, so that a token's sum does not depend on what else is in the batch.
    for (std::size_t expert = 0; expert < count_; ++expert) {
      if (!chosen_[expert].empty()) add(expert, x, out, context.parallel());
    }
  }

  /// Of the experts that some token chose.
  std::optional<std::size_t> bytes_read() const override { return bytes_read_; }

 private:
  struct Choice {
    std::size_t token;
    float weight;
  };

  /// Adds what one expert says of the tokens that chose it.
  void add(std::size_t expert, const float* x, float* out, const Parallel& parallel) {
    const std::vector<Choice>& choices = chosen_[expert];
    const std::size_t rows = choices.size();
    grow(rows);
    for (std::size_t row = 0; row < rows; ++row) {
      const float factor = weighs_input_ ? choices[row].weight : 1.0f;
      const float* const own = x + choices[row].token * width_;
      for (std::size_t i = 0; i < width_; ++i) gathered_[row * width_ + i] = factor * own[i];
    }
    const std::size_t first = expert * per_expert_;
    float* const wide[] = {limit_ != 0 ? up_.data() : gate_.data(), up_.data()};
    multiply(first, per_expert_ - 1, gathered_.data(), rows, wide, parallel);
    for_rows(parallel, rows * inner_, kElementsPerTask, [&](std::size_t begin, std::size_t end) {
      if (per_expert_ == kGatedMatrices) {
        multiply_(gate_.data() + begin, up_.data() + begin, gate_.data() + begin, end - begin, isa_);
        return;
      }
      if (limit_ != 0) {
        clamped_swiglu(begin, end);
        return;
      }
      for (std::size_t i = begin; i < end; ++i) gate_[i] = gate_[i] > 0 ? gate_[i] * gate_[i] : 0.0f;
    });
    float* const narrow[] = {gathered_.data()};
    multiply(first + per_expert_ - 1, 1, gate_.data(), rows, narrow, parallel);
    for (std::size_t row = 0; row < rows; ++row) {
      float* const sum = out + choices[row].token * width_;
      const float* const y = gathered_.data() + row * width_;
      const float weight = weighs_input_ ? 1.0f : choices[row].weight;
      for (std::size_t i = 0; i < width_; ++i) sum[i] += weight * y[i];
    }
    for (std::size_t i = 0; i < per_expert_; ++i) bytes_read_ += code_bytes(weights_[first + i]);
  }

  /// Products of x with one or two matrices from `first` on.
  void multiply(std::size_t first, std::size_t count, const float* x, std::size_t rows, float* const* to,
                const Parallel& parallel) {
    if (matrices_[first]->transposed.width != 0) {
      for (std::size_t i = 0; i < count; ++i) matrices_[first + i]->transposed_product(x, rows, to[i], parallel);
      return;
    }
    LinearOutput outputs[2];
    for (std::size_t i = 0; i < count; ++i) outputs[i] = matrices_[first + i]->output(to[i]);
    linear_product(std::span(&weights_[first], count), x, rows, outputs, mode_, isa_, parallel);
  }

  void grow(std::size_t rows) {
    if (gathered_.size() < rows * width_) gathered_.resize(rows * width_);
    if (gate_.size() < rows * inner_) {
      gate_.resize(rows * inner_);
      up_.resize(rows * wide_);
    }
  }

  /// The activation of gpt-oss, of gate and up whose elements take turns: g * sigmoid(alpha * g) * (u + 1), g being the
  /// gate, at most the limit, and u up, within it.
  void clamped_swiglu(std::size_t begin, std::size_t end) {
    for (std::size_t i = begin; i < end; ++i) {
      const float gate = std::min(up_[2 * i], limit_);
      const float up = std::clamp(up_[2 * i + 1], -limit_, limit_);
      gate_[i] = gate / (1.0f + std::exp(-alpha_ * gate)) * (up + 1.0f);
    }
  }

  Mode mode_;
  Isa isa_;
  Router router_;
  std::size_t count_;
  bool weighs_input_;
  std::size_t per_expert_;  // matrices
  void (*multiply_)(const float* gate, const float* up, float* out, std::size_t count, Isa isa);
  float alpha_;
  float limit_;  // of the clamped activation; 0: another one
  std::size_t width_ = 0;
  std::size_t inner_ = 0;
  std::size_t wide_ = 0;  // rows of gate and up
  std::vector<std::unique_ptr<StoredMatrix>> matrices_;
  std::vector<WeightView> weights_;
  std::vector<std::vector<Choice>> chosen_;  // by expert
  std::vector<float> gathered_;
  std::vector<float> gate_;
  std::vector<float> up_;
  std::size_t bytes_read_ = 0;
};

}  // namespace

std::unique_ptr<Kernel> create_experts(const KernelInfo& info, SessionState& state) {
  return std::make_unique<Experts>(info, state);
}

}  // namespace nibble

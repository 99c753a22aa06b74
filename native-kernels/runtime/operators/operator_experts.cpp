// A mixture of experts: a router's logits choose some gated feed-forwards for every token (Shazeer et al. 2017, with
// the softmax over all experts of Qwen and Mixtral).

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "elementwise.h"
#include "for_rows.h"
#include "operators.h"
#include "stored_matrix.h"

namespace nibble {
namespace {

constexpr std::size_t kElementsPerTask = 4096;

/// Far beyond any model.
constexpr std::size_t kMostExperts = 4096;

/// Stored behind x and the router's logits: gate, up and down of every expert in turn.
constexpr std::size_t kFirstMatrix = 2;
constexpr std::size_t kMatricesPerExpert = 3;

class Experts final : public Kernel {
 public:
  Experts(const KernelInfo& info, const SessionState& state)
      : mode_(state.mode),
        isa_(state.isa),
        count_(info.size("experts", 1)),
        per_token_(info.size("experts_per_token", 1)),
        normalized_(info.integer("normalized") != 0),
        multiply_(info.integer("gelu") != 0 ? gelu_multiply : silu_multiply) {
    if (count_ > kMostExperts || per_token_ > count_) info.malformed("its numbers of experts are out of range");
    for (std::size_t i = 0; i < count_ * kMatricesPerExpert; ++i) {
      matrices_.push_back(std::make_unique<StoredMatrix>(info, i, kFirstMatrix + i * kMatrixInputs));
      weights_.push_back(matrices_[i]->w);
    }
    width_ = weights_[0].columns;
    inner_ = weights_[0].rows;
    for (std::size_t expert = 0; expert < count_; ++expert) {
      const WeightView* const w = &weights_[expert * kMatricesPerExpert];
      if (w[0].columns != width_ || w[1].columns != width_ || w[2].rows != width_ || w[0].rows != inner_ ||
          w[1].rows != inner_ || w[2].columns != inner_) {
        info.malformed("its experts differ in size");
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
    for (std::size_t token = 0; token < tokens; ++token) route(logits + token * count_, token);
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

  /// NaN has no place in an order; what comes of it is reported with the logits.
  static float ordered(float logit) { return std::isnan(logit) ? -std::numeric_limits<float>::infinity() : logit; }

  /// Chooses the experts of one token; of equal ones the first.
  void route(const float* logits, std::size_t token) {
    order_.resize(count_);
    std::iota(order_.begin(), order_.end(), std::size_t{0});
    std::partial_sort(order_.begin(), order_.begin() + static_cast<std::ptrdiff_t>(per_token_), order_.end(),
                      [&](std::size_t a, std::size_t b) {
                        const float left = ordered(logits[a]);
                        const float right = ordered(logits[b]);
                        return left != right ? left > right : a < b;
                      });
    const float largest = logits[order_[0]];
    float sum = 0;
    const std::size_t counted = normalized_ ? per_token_ : count_;
    for (std::size_t i = 0; i < counted; ++i) sum += std::exp(logits[order_[i]] - largest);
    for (std::size_t i = 0; i < per_token_; ++i) {
      chosen_[order_[i]].push_back({token, std::exp(logits[order_[i]] - largest) / sum});
    }
  }

  /// Adds what one expert says of the tokens that chose it.
  void add(std::size_t expert, const float* x, float* out, const Parallel& parallel) {
    const std::vector<Choice>& choices = chosen_[expert];
    const std::size_t rows = choices.size();
    grow(rows);
    for (std::size_t row = 0; row < rows; ++row) {
      std::copy_n(x + choices[row].token * width_, width_, gathered_.data() + row * width_);
    }
    const std::size_t first = expert * kMatricesPerExpert;
    const LinearOutput wide[] = {matrices_[first]->output(gate_.data()), matrices_[first + 1]->output(up_.data())};
    linear_product(std::span(&weights_[first], 2), gathered_.data(), rows, wide, mode_, isa_, parallel);
    for_rows(parallel, rows * inner_, kElementsPerTask, [&](std::size_t begin, std::size_t end) {
      multiply_(gate_.data() + begin, up_.data() + begin, gate_.data() + begin, end - begin, isa_);
    });
    const LinearOutput narrow[] = {matrices_[first + 2]->output(gathered_.data())};
    linear_product(std::span(&weights_[first + 2], 1), gate_.data(), rows, narrow, mode_, isa_, parallel);
    for (std::size_t row = 0; row < rows; ++row) {
      float* const sum = out + choices[row].token * width_;
      const float* const y = gathered_.data() + row * width_;
      for (std::size_t i = 0; i < width_; ++i) sum[i] += choices[row].weight * y[i];
    }
    for (std::size_t i = 0; i < kMatricesPerExpert; ++i) bytes_read_ += code_bytes(weights_[first + i]);
  }

  void grow(std::size_t rows) {
    if (gathered_.size() < rows * width_) gathered_.resize(rows * width_);
    if (gate_.size() < rows * inner_) {
      gate_.resize(rows * inner_);
      up_.resize(rows * inner_);
    }
  }

  Mode mode_;
  Isa isa_;
  std::size_t count_;
  std::size_t per_token_;
  bool normalized_;  // the softmax is over the chosen ones alone, which is the same as scaling those of all to a sum of
                     // 1
  void (*multiply_)(const float* gate, const float* up, float* out, std::size_t count, Isa isa);
  std::size_t width_ = 0;
  std::size_t inner_ = 0;
  std::vector<std::unique_ptr<StoredMatrix>> matrices_;
  std::vector<WeightView> weights_;
  std::vector<std::vector<Choice>> chosen_;  // by expert
  std::vector<std::size_t> order_;
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

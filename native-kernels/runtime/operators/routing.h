#pragma once

// Which experts a token goes through, and with what weights: what the logits of a router say, in every way that
// published mixtures read them.

#include <cstddef>
#include <vector>

namespace nibble {

/// How logits are read.
struct RoutingRule {
  enum class Scores {
    /// exp(logit) over the sum of all experts'.
    softmax,
    /// 1 / (1 + exp(-logit)).
    sigmoid,
    /// Two experts, one after the other, each weighted by the softmax of the logits close to its own (Liu et al. 2024).
    sparse_mixer,
  };

  std::size_t experts = 0;
  std::size_t per_token = 0;
  Scores scores = Scores::softmax;
  /// Of sparse_mixer: logits further away than twice this share of the larger one count for nothing.
  float jitter = 0;
  /// Added to the scores for the choice alone, [experts] or empty.
  std::vector<float> correction;
  /// Experts lie in groups of equal size, of which only the best `chosen_groups` are looked at; 0: all.
  std::size_t groups = 0;
  std::size_t chosen_groups = 0;
  /// How good a group is: its best expert, or its two best together.
  bool two_best = false;
  /// Whether the weights of the chosen ones are divided by max(their sum, least_sum) + epsilon.
  bool normalized = false;
  float epsilon = 0;
  float least_sum = 0;
  /// Factor of all weights, and factors of each expert's, [experts] or empty.
  float scale = 1;
  std::vector<float> expert_scales;
};

struct ChosenExpert {
  std::size_t expert;
  float weight;
};

class Router {
 public:
  /// @throws Error("malformed-file") for numbers that contradict each other
  explicit Router(RoutingRule rule);

  const RoutingRule& rule() const { return rule_; }

  /// The experts of one token, of equal ones the first. NaN is chosen last and makes NaN.
  /// @param logits [experts]
  /// @returns [per_token], valid until the next call
  const std::vector<ChosenExpert>& route(const float* logits);

 private:
  void score(const float* logits);
  void leave_groups();
  void choose(const float* values);
  void weigh_close(const float* logits);
  void weigh_sparsely(const float* logits);

  RoutingRule rule_;
  std::vector<float> scores_;
  std::vector<float> choice_;
  std::vector<std::size_t> order_;
  std::vector<ChosenExpert> chosen_;
};

}  // namespace nibble

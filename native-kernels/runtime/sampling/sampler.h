#pragma once

// From logits to a token. Order: repetition penalty, temperature, top-k, top-p, min-p, draw. All working memory is
// allocated when the sampler is made.

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "linear.h"

namespace nibble {

struct SamplingOptions {
  double temperature = 0;         // 0 = greedy
  std::size_t top_k = 0;          // 0 = off
  double top_p = 1;               // 1 = off
  double min_p = 0;               // 0 = off
  double repetition_penalty = 1;  // 1 = off
  std::uint64_t seed = 0;
};

struct Alternative {
  std::int32_t id;
  float logprob;
};

class Sampler {
 public:
  Sampler(std::size_t vocabulary, Isa isa);

  /// Starts an answer: forgets which tokens were seen.
  void begin(const SamplingOptions& options);

  /// Counts a token for the repetition penalty. `id` lies within the vocabulary or is ignored.
  void see(std::int64_t id);

  struct Choice {
    std::int32_t id;
    float logprob;  // in the distribution of the logits as they are
  };

  /// Picks the token for absolute position `position`. `logits` [vocabulary] is changed meanwhile and restored.
  /// `alternatives` is filled with the most probable tokens, the best first, up to its size.
  /// @throws Error("internal") when the logits are not finite numbers
  Choice sample(std::span<float> logits, std::uint64_t position, std::span<Alternative> alternatives);

 private:
  struct Candidate {
    float logit;
    std::int32_t id;
  };

  void penalize(std::span<float> logits);
  void restore(std::span<float> logits);
  std::int32_t choose(std::span<const float> logits, std::uint64_t position);
  /// Fills scaled_ with the differences to the best logit, divided by the temperature.
  void scale(std::span<const float> logits, float largest);
  std::int32_t draw_from_all(std::span<const float> logits, float largest, double uniform);

  /// Fills candidates_ with the `count` highest logits, best first (of equal ones the lower id).
  void select_highest(std::span<const float> logits, std::size_t count);
  /// Fills candidates_ with the logits of at least `bound`, in the order of their ids.
  void select_above(std::span<const float> logits, float bound);
  /// How far below the best logit, over the temperature, the tokens lie that make up the weight `wanted` (of scaled_).
  /// Never too little; infinity when it cannot tell.
  double nucleus_depth(double wanted);
  /// Selects what top-p and min-p could keep, in the order of their ids; returns the weight of the whole vocabulary
  /// relative to the highest.
  double select_probable(std::span<const float> logits, float largest);
  /// Sorts candidates_ [begin, end), best first.
  void sort(std::size_t begin, std::size_t end);
  /// Applies top-p and min-p to candidates_ in the order of their ids and draws.
  std::int32_t draw_from_many(float largest, double total, double uniform);
  /// Applies top-p and min-p to candidates_, best first, and draws.
  std::int32_t draw_from_candidates(double total, double uniform);
  double weight(float logit, float largest) const;

  Isa isa_;
  SamplingOptions options_;
  std::vector<Candidate> candidates_;
  std::vector<float> scaled_;
  std::vector<double> block_weights_;
  std::vector<bool> is_seen_;
  std::vector<std::int32_t> seen_;
  std::vector<float> saved_;
  std::vector<std::uint32_t> bin_counts_;
  std::vector<double> bin_weights_;
  std::vector<Candidate> unsorted_;
};

}  // namespace nibble

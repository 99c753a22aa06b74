#include "routing.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <utility>

#include "error.h"

namespace nibble {
namespace {

constexpr float kLowest = -std::numeric_limits<float>::infinity();

/// NaN has no place in an order; what comes of it is reported with the logits.
float ordered(float value) { return std::isnan(value) ? kLowest : value; }

std::size_t best_of(const float* values, std::size_t count) {
  std::size_t best = 0;
  for (std::size_t i = 1; i < count; ++i) {
    if (ordered(values[i]) > ordered(values[best])) best = i;
  }
  return best;
}

}  // namespace

Router::Router(RoutingRule rule) : rule_(std::move(rule)) {
  const auto require = [](bool condition, const char* what) {
    if (!condition) throw Error("malformed-file", std::string("operator Experts: ") + what);
  };
  const std::size_t experts = rule_.experts;
  require(rule_.per_token > 0 && rule_.per_token <= experts, "its numbers of experts are out of range");
  require(rule_.scores != RoutingRule::Scores::sparse_mixer || rule_.per_token == 2, "its router chooses two experts");
  if (rule_.groups > 0) {
    const std::size_t size = experts / rule_.groups;
    require(experts % rule_.groups == 0 && rule_.chosen_groups > 0 && rule_.chosen_groups <= rule_.groups,
            "its groups do not fit its experts");
    require(size >= (rule_.two_best ? 2u : 1u) && rule_.chosen_groups * size >= rule_.per_token,
            "its groups hold too few experts");
  }
  scores_.resize(experts);
  choice_.resize(experts);
  order_.resize(experts);
  chosen_.resize(rule_.per_token);
}

const std::vector<ChosenExpert>& Router::route(const float* logits) {
  using Scores = RoutingRule::Scores;
  if (rule_.scores == Scores::sparse_mixer) {
    weigh_sparsely(logits);
  } else if (rule_.scores == Scores::softmax && rule_.normalized && rule_.correction.empty() && rule_.groups == 0 &&
             rule_.least_sum == 0 && rule_.epsilon == 0) {
    weigh_close(logits);
  } else {
    score(logits);
    choice_ = scores_;
    for (std::size_t i = 0; i < rule_.correction.size(); ++i) choice_[i] += rule_.correction[i];
    if (rule_.groups > 0) leave_groups();
    choose(choice_.data());
    float sum = 0;
    for (std::size_t i = 0; i < rule_.per_token; ++i) sum += scores_[order_[i]];
    const float divisor = rule_.normalized ? std::max(sum, rule_.least_sum) + rule_.epsilon : 1.0f;
    for (std::size_t i = 0; i < rule_.per_token; ++i) chosen_[i] = {order_[i], scores_[order_[i]] / divisor};
  }
  for (ChosenExpert& each : chosen_) {
    each.weight *= rule_.scale;
    if (!rule_.expert_scales.empty()) each.weight *= rule_.expert_scales[each.expert];
  }
  return chosen_;
}

void Router::score(const float* logits) {
  if (rule_.scores == RoutingRule::Scores::sigmoid) {
    for (std::size_t i = 0; i < rule_.experts; ++i) scores_[i] = 1.0f / (1.0f + std::exp(-logits[i]));
    return;
  }
  const float largest = logits[best_of(logits, rule_.experts)];
  float sum = 0;
  for (std::size_t i = 0; i < rule_.experts; ++i) sum += scores_[i] = std::exp(logits[i] - largest);
  for (float& each : scores_) each /= sum;
}

/// Experts of groups that are not among the best are chosen by nobody.
void Router::leave_groups() {
  const std::size_t size = rule_.experts / rule_.groups;
  std::vector<std::pair<float, std::size_t>> groups(rule_.groups);
  for (std::size_t group = 0; group < rule_.groups; ++group) {
    float* const own = choice_.data() + group * size;
    const std::size_t best = best_of(own, size);
    float value = ordered(own[best]);
    if (rule_.two_best) {
      const float kept = std::exchange(own[best], kLowest);
      value += ordered(own[best_of(own, size)]);
      own[best] = kept;
    }
    groups[group] = {value, group};
  }
  std::stable_sort(groups.begin(), groups.end(), [](const auto& a, const auto& b) { return a.first > b.first; });
  for (std::size_t i = rule_.chosen_groups; i < groups.size(); ++i) {
    std::fill_n(choice_.begin() + static_cast<std::ptrdiff_t>(groups[i].second * size), size, kLowest);
  }
}

/// Sorts the best to the front of order_.
void Router::choose(const float* values) {
  std::iota(order_.begin(), order_.end(), std::size_t{0});
  std::partial_sort(order_.begin(), order_.begin() + static_cast<std::ptrdiff_t>(rule_.per_token), order_.end(),
                    [&](std::size_t a, std::size_t b) {
                      const float left = ordered(values[a]);
                      const float right = ordered(values[b]);
                      return left != right ? left > right : a < b;
                    });
}

/// The softmax over the chosen ones alone, which is the same as that of all scaled to a sum of 1.
void Router::weigh_close(const float* logits) {
  choose(logits);
  const float largest = logits[order_[0]];
  float sum = 0;
  for (std::size_t i = 0; i < rule_.per_token; ++i) sum += std::exp(logits[order_[i]] - largest);
  for (std::size_t i = 0; i < rule_.per_token; ++i) {
    chosen_[i] = {order_[i], std::exp(logits[order_[i]] - largest) / sum};
  }
}

void Router::weigh_sparsely(const float* logits) {
  std::copy_n(logits, rule_.experts, choice_.begin());
  for (ChosenExpert& each : chosen_) {
    const std::size_t best = best_of(choice_.data(), rule_.experts);
    const float largest = choice_[best];
    float sum = 0;
    for (std::size_t i = 0; i < rule_.experts; ++i) {
      if (choice_[i] == kLowest) continue;
      const float share = (largest - logits[i]) / std::max(std::abs(logits[i]), largest);
      if (!(share > 2 * rule_.jitter)) sum += std::exp(logits[i] - largest);
    }
    each = {best, 1.0f / sum};
    choice_[best] = kLowest;
  }
}

}  // namespace nibble

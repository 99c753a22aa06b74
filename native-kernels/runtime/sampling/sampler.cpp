#include "runtime/sampling/sampler.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "elementwise.h"
#include "runtime/sampling/logits_error.h"
#include "runtime/sampling/philox.h"

namespace nibble {
namespace {

// Runs of logits whose maximum decides at once that none of them is wanted.
constexpr std::size_t kBlock = 256;

/// Tokens whose probability is e^-32 of the best one's do not count, not even 10^9 of them.
constexpr float kDeepest = 32;
/// A nucleus of 0.99 of the probability is found although its tokens count as the least of their bins: 1 - 1/128 is
/// more.
constexpr std::size_t kBinsPerNat = 128;
constexpr std::size_t kBins = static_cast<std::size_t>(kDeepest) * kBinsPerNat;
/// More candidates than this are not sorted, but put into bins of like probability: sorting 100,000 takes 7 ms.
constexpr std::size_t kFewCandidates = 256;

/// @param scaled difference to the best logit, divided by the temperature
std::size_t bin_of(float scaled) {
  const float bin = -scaled * static_cast<float>(kBinsPerNat);
  return bin < static_cast<float>(kBins - 1) ? static_cast<std::size_t>(bin) : kBins - 1;
}

constexpr float kLowest = -std::numeric_limits<float>::infinity();

/// Whether candidate `a` comes before `b`: the higher logit, of equal ones the lower id.
constexpr auto kBetter = [](const auto& a, const auto& b) {
  return a.logit > b.logit || (a.logit == b.logit && a.id < b.id);
};

}  // namespace

Sampler::Sampler(std::size_t vocabulary, Isa isa)
    : isa_(isa),
      scaled_(vocabulary),
      block_weights_((vocabulary + kBlock - 1) / kBlock),
      is_seen_(vocabulary, false),
      bin_counts_(kBins),
      bin_weights_(kBins) {
  candidates_.reserve(vocabulary);
  unsorted_.reserve(vocabulary);
  seen_.reserve(vocabulary);
  saved_.reserve(vocabulary);
}

void Sampler::begin(const SamplingOptions& options) {
  options_ = options;
  for (const std::int32_t id : seen_) is_seen_[static_cast<std::size_t>(id)] = false;
  seen_.clear();
}

void Sampler::see(std::int64_t id) {
  if (id < 0 || static_cast<std::size_t>(id) >= is_seen_.size() || is_seen_[static_cast<std::size_t>(id)]) return;
  is_seen_[static_cast<std::size_t>(id)] = true;
  seen_.push_back(static_cast<std::int32_t>(id));
}

Sampler::Choice Sampler::sample(std::span<float> logits, std::uint64_t position, std::span<Alternative> alternatives) {
  const float largest = maximum(logits.data(), logits.size(), isa_);
  const double sum = sum_of_exponentials(logits.data(), logits.size(), largest, isa_);
  if (!std::isfinite(largest) || !std::isfinite(sum)) {
    throw logits_not_finite();
  }
  const double log_sum = static_cast<double>(largest) + std::log(sum);
  const auto logprob = [&](std::int32_t id) {
    return static_cast<float>(static_cast<double>(logits[static_cast<std::size_t>(id)]) - log_sum);
  };
  if (!alternatives.empty()) {
    select_highest(logits, alternatives.size());
    for (std::size_t i = 0; i < alternatives.size(); ++i) {
      alternatives[i] = {candidates_[i].id, logprob(candidates_[i].id)};
    }
  }
  const bool penalized = options_.repetition_penalty != 1;
  if (penalized) penalize(logits);
  const std::int32_t id = choose(logits, position);
  if (penalized) restore(logits);
  return {id, logprob(id)};
}

void Sampler::penalize(std::span<float> logits) {
  const auto penalty = static_cast<float>(options_.repetition_penalty);
  saved_.clear();
  for (const std::int32_t id : seen_) {
    float& logit = logits[static_cast<std::size_t>(id)];
    saved_.push_back(logit);
    logit = logit < 0 ? logit * penalty : logit / penalty;
  }
}

void Sampler::restore(std::span<float> logits) {
  for (std::size_t i = 0; i < seen_.size(); ++i) logits[static_cast<std::size_t>(seen_[i])] = saved_[i];
}

std::int32_t Sampler::choose(std::span<const float> logits, std::uint64_t position) {
  const float largest = maximum(logits.data(), logits.size(), isa_);
  if (options_.temperature == 0) {
    return static_cast<std::int32_t>(std::find(logits.begin(), logits.end(), largest) - logits.begin());
  }
  const double uniform = philox_uniform(options_.seed, position);
  const bool limited = options_.top_k != 0 && options_.top_k < logits.size();
  if (!limited && options_.top_p >= 1 && options_.min_p <= 0) return draw_from_all(logits, largest, uniform);
  if (limited) {
    select_highest(logits, options_.top_k);
    double total = 0;
    for (const Candidate& candidate : candidates_) total += weight(candidate.logit, largest);
    return draw_from_candidates(total, uniform);
  }
  const double total = select_probable(logits, largest);
  if (candidates_.size() > kFewCandidates) return draw_from_many(largest, total, uniform);
  sort(0, candidates_.size());
  return draw_from_candidates(total, uniform);
}

double Sampler::weight(float logit, float largest) const {
  return std::exp((static_cast<double>(logit) - static_cast<double>(largest)) / options_.temperature);
}

void Sampler::scale(std::span<const float> logits, float largest) {
  const auto factor = static_cast<float>(1 / options_.temperature);
  for (std::size_t i = 0; i < logits.size(); ++i) scaled_[i] = (logits[i] - largest) * factor;
}

std::int32_t Sampler::draw_from_all(std::span<const float> logits, float largest, double uniform) {
  scale(logits, largest);
  double total = 0;
  for (std::size_t block = 0; block < block_weights_.size(); ++block) {
    const std::size_t begin = block * kBlock;
    block_weights_[block] =
        sum_of_exponentials(scaled_.data() + begin, std::min(kBlock, scaled_.size() - begin), 0, isa_);
    total += block_weights_[block];
  }
  double rest = uniform * total;
  std::size_t block = 0;
  while (block + 1 < block_weights_.size() && rest >= block_weights_[block]) rest -= block_weights_[block++];
  // Within the block the terms are summed one by one; should rounding leave a remainder, the last possible one has it.
  std::size_t chosen = block * kBlock;
  const std::size_t end = std::min(scaled_.size(), chosen + kBlock);
  for (std::size_t i = chosen; i < end; ++i) {
    const double term = std::exp(static_cast<double>(scaled_[i]));
    if (term > 0) chosen = i;
    if (rest < term) break;
    rest -= term;
  }
  return static_cast<std::int32_t>(chosen);
}

void Sampler::select_highest(std::span<const float> logits, std::size_t count) {
  // A heap whose top is the worst candidate kept: the lowest logit, of equal ones the highest id.
  count = std::min(count, logits.size());
  candidates_.clear();
  for (std::size_t begin = 0; begin < logits.size(); begin += kBlock) {
    const std::size_t end = std::min(logits.size(), begin + kBlock);
    if (candidates_.size() == count &&
        !(maximum(logits.data() + begin, end - begin, isa_) > candidates_.front().logit)) {
      continue;
    }
    for (std::size_t i = begin; i < end; ++i) {
      if (candidates_.size() == count) {
        // Ids come in rising order, so an equal logit never displaces one that is there.
        if (!(logits[i] > candidates_.front().logit)) continue;
        std::pop_heap(candidates_.begin(), candidates_.end(), kBetter);
        candidates_.pop_back();
      }
      candidates_.push_back({logits[i], static_cast<std::int32_t>(i)});
      std::push_heap(candidates_.begin(), candidates_.end(), kBetter);
    }
  }
  std::sort_heap(candidates_.begin(), candidates_.end(), kBetter);
}

void Sampler::select_above(std::span<const float> logits, float bound) {
  candidates_.clear();
  for (std::size_t begin = 0; begin < logits.size(); begin += kBlock) {
    const std::size_t end = std::min(logits.size(), begin + kBlock);
    if (maximum(logits.data() + begin, end - begin, isa_) < bound) continue;
    for (std::size_t i = begin; i < end; ++i) {
      if (logits[i] >= bound) candidates_.push_back({logits[i], static_cast<std::int32_t>(i)});
    }
  }
}

double Sampler::nucleus_depth(double wanted) {
  std::fill(bin_counts_.begin(), bin_counts_.end(), 0u);
  for (std::size_t begin = 0; begin < scaled_.size(); begin += kBlock) {
    const std::size_t end = std::min(scaled_.size(), begin + kBlock);
    if (maximum(scaled_.data() + begin, end - begin, isa_) <= -kDeepest) continue;
    for (std::size_t i = begin; i < end; ++i) ++bin_counts_[bin_of(scaled_[i])];
  }
  // Every token counts as the least of its bin, so that the depth is rather too large.
  double mass = 0;
  for (std::size_t bin = 0; bin + 1 < kBins; ++bin) {
    const double edge = static_cast<double>(bin + 1) / kBinsPerNat;
    mass += bin_counts_[bin] * std::exp(-edge);
    if (mass >= wanted) return edge;
  }
  return std::numeric_limits<double>::infinity();
}

double Sampler::select_probable(std::span<const float> logits, float largest) {
  const double everything = std::numeric_limits<double>::infinity();
  double depth = options_.min_p > 0 ? -std::log(options_.min_p) : everything;
  double total = 0;
  if (options_.top_p < 1) {
    scale(logits, largest);
    total = sum_of_exponentials(scaled_.data(), scaled_.size(), 0, isa_);
    depth = std::min(depth, nucleus_depth(options_.top_p * total));
  }
  // A little more than the bound: the exact comparison is made on the weights.
  const double reach = depth * options_.temperature * 1.0001 + 1e-3;
  select_above(logits, reach == everything ? kLowest : static_cast<float>(static_cast<double>(largest) - reach));
  return total;
}

void Sampler::sort(std::size_t begin, std::size_t end) {
  const auto at = [&](std::size_t i) { return candidates_.begin() + static_cast<std::ptrdiff_t>(i); };
  std::sort(at(begin), at(end), kBetter);
}

std::int32_t Sampler::draw_from_many(float largest, double total, double uniform) {
  const auto factor = static_cast<float>(1 / options_.temperature);
  const auto bin_at = [&](const Candidate& candidate) { return bin_of((candidate.logit - largest) * factor); };
  std::fill(bin_counts_.begin(), bin_counts_.end(), 0u);
  std::fill(bin_weights_.begin(), bin_weights_.end(), 0.0);
  for (const Candidate& candidate : candidates_) {
    const std::size_t bin = bin_at(candidate);
    ++bin_counts_[bin];
    bin_weights_[bin] += static_cast<double>(std::exp((candidate.logit - largest) * factor));
  }
  std::uint32_t next = 0;
  for (std::size_t bin = 0; bin < kBins; ++bin) next += std::exchange(bin_counts_[bin], next);
  unsorted_.swap(candidates_);
  candidates_.resize(unsorted_.size());
  // The counts are the bins' begins now, and their ends, which are the next ones' begins, afterwards.
  for (const Candidate& candidate : unsorted_) candidates_[bin_counts_[bin_at(candidate)]++] = candidate;
  const auto begin_of = [&](std::size_t bin) -> std::size_t { return bin == 0 ? 0 : bin_counts_[bin - 1]; };

  const double wanted = options_.top_p < 1 ? options_.top_p * total : std::numeric_limits<double>::infinity();
  double kept = 0;
  std::size_t last = 0;  // the bin in which what is kept ends
  for (; last < kBins; ++last) {
    const bool whole = kept + bin_weights_[last] < wanted &&
                       std::exp(-static_cast<double>(last + 1) / kBinsPerNat) >= options_.min_p && last + 1 < kBins;
    if (!whole) break;
    kept += bin_weights_[last];
  }
  std::size_t end = begin_of(last);
  sort(end, bin_counts_[last]);
  for (; end < bin_counts_[last] && kept < wanted; ++end) {
    const double own = weight(candidates_[end].logit, largest);
    if (own < options_.min_p) break;
    kept += own;
  }
  // top_p = 0 keeps the best one.
  if (end == 0) return candidates_.front().id;
  double rest = uniform * kept;
  std::size_t bin = 0;
  while (bin < last && rest >= bin_weights_[bin]) rest -= bin_weights_[bin++];
  // Rounding may leave a remainder behind the last one kept; that one has it.
  std::size_t chosen = std::min(begin_of(bin), end - 1);
  const std::size_t limit = std::min<std::size_t>(bin_counts_[bin], end);
  if (bin < last) sort(chosen, limit);
  for (std::size_t i = chosen; i < limit; ++i) {
    chosen = i;
    rest -= weight(candidates_[i].logit, largest);
    if (rest < 0) break;
  }
  return candidates_[chosen].id;
}

std::int32_t Sampler::draw_from_candidates(double total, double uniform) {
  const float largest = candidates_.front().logit;
  const double wanted = options_.top_p < 1 ? options_.top_p * total : std::numeric_limits<double>::infinity();
  double kept = 0;
  std::size_t count = 0;
  while (count < candidates_.size() && kept < wanted) {
    const double next = weight(candidates_[count].logit, largest);
    if (count != 0 && next < options_.min_p) break;
    kept += next;
    ++count;
  }
  // top_p = 0 keeps the best one.
  if (count == 0) return candidates_.front().id;
  double rest = uniform * kept;
  for (std::size_t i = 0; i + 1 < count; ++i) {
    rest -= weight(candidates_[i].logit, largest);
    if (rest < 0) return candidates_[i].id;
  }
  return candidates_[count - 1].id;
}

}  // namespace nibble

#include "sampler.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "elementwise.h"
#include "error.h"
#include "philox.h"

namespace nibble {
namespace {

// Runs of logits whose maximum decides at once that none of them is wanted.
constexpr std::size_t kBlock = 256;

constexpr float kLowest = -std::numeric_limits<float>::infinity();

}  // namespace

Sampler::Sampler(std::size_t vocabulary, Isa isa)
    : isa_(isa), scaled_(vocabulary), block_weights_((vocabulary + kBlock - 1) / kBlock), is_seen_(vocabulary, false) {
  candidates_.reserve(vocabulary);
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
    throw Error("internal", "the model computed logits that are not numbers");
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
  double total = 0;
  if (limited) {
    select_highest(logits, options_.top_k);
    for (const Candidate& candidate : candidates_) total += weight(candidate.logit, largest);
  } else {
    total = select_probable(logits, largest);
  }
  return draw_from_candidates(total, uniform);
}

double Sampler::weight(float logit, float largest) const {
  return std::exp((static_cast<double>(logit) - static_cast<double>(largest)) / options_.temperature);
}

std::int32_t Sampler::draw_from_all(std::span<const float> logits, float largest, double uniform) {
  const auto factor = static_cast<float>(1 / options_.temperature);
  for (std::size_t i = 0; i < logits.size(); ++i) scaled_[i] = (logits[i] - largest) * factor;
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
  const auto better = [](const Candidate& a, const Candidate& b) {
    return a.logit > b.logit || (a.logit == b.logit && a.id < b.id);
  };
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
        std::pop_heap(candidates_.begin(), candidates_.end(), better);
        candidates_.pop_back();
      }
      candidates_.push_back({logits[i], static_cast<std::int32_t>(i)});
      std::push_heap(candidates_.begin(), candidates_.end(), better);
    }
  }
  std::sort_heap(candidates_.begin(), candidates_.end(), better);
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
  std::sort(candidates_.begin(), candidates_.end(), [](const Candidate& a, const Candidate& b) {
    return a.logit > b.logit || (a.logit == b.logit && a.id < b.id);
  });
}

double Sampler::select_probable(std::span<const float> logits, float largest) {
  const double everything = std::numeric_limits<double>::infinity();
  const double lowest_kept = options_.min_p > 0 ? -std::log(options_.min_p) : everything;
  double total = 0;
  if (options_.top_p < 1) {
    const auto factor = static_cast<float>(1 / options_.temperature);
    for (std::size_t i = 0; i < logits.size(); ++i) scaled_[i] = (logits[i] - largest) * factor;
    total = sum_of_exponentials(scaled_.data(), scaled_.size(), 0, isa_);
  }
  // Widen the net until it holds what top-p asks for, or all that min-p could keep.
  for (const double depth : {8.0, 16.0, 32.0, everything}) {
    const bool complete = depth >= lowest_kept || depth == everything;
    // A little more than the bound: the exact comparison is made on the weights.
    const double reach = std::min(depth, lowest_kept) * options_.temperature * 1.0001;
    select_above(logits,
                 reach == everything ? kLowest : static_cast<float>(static_cast<double>(largest) - reach - 1e-3));
    if (complete) break;
    double mass = 0;
    for (const Candidate& candidate : candidates_) mass += weight(candidate.logit, largest);
    if (options_.top_p < 1 && mass >= options_.top_p * total) break;
  }
  return total;
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

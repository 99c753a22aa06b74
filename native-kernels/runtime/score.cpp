// Scoring where the logits are: a few numbers per token leave this process instead of a row of logits.

#include <cmath>
#include <optional>

#include "model.h"
#include "positioned_file.h"
#include "runtime/sampling/logits_error.h"
#include "score_rows.h"
#include "threads.h"

namespace nibble {
namespace {

void check(const ScoreRequest& request, std::size_t vocabulary) {
  if (request.targets.size() != request.ids.size()) throw Error("invalid-input", "scoring takes one target per id");
  for (const std::int64_t target : request.targets) {
    if (target < -1 || (target >= 0 && static_cast<std::size_t>(target) >= vocabulary)) {
      throw Error("invalid-input",
                  "target " + std::to_string(target) + " is outside the vocabulary of " + std::to_string(vocabulary));
    }
  }
}

/// One row that has a target.
struct ScoredRow {
  std::size_t index;  // of the id
  std::size_t token;
};

}  // namespace

Scores Model::score(const ScoreRequest& request, const CancelFlag& cancelled) {
  const std::size_t vocabulary = vocabulary_size();
  check(request, vocabulary);
  check_ids(request.ids);
  std::optional<PositionedFile> keep;
  std::optional<PositionedFile> reference;
  if (!request.keep.empty()) keep.emplace(request.keep, PositionedFile::Access::write);
  if (!request.reference.empty()) reference.emplace(request.reference, PositionedFile::Access::read);

  if (score_logits_.size() < request.ids.size() * vocabulary) score_logits_.resize(request.ids.size() * vocabulary);
  evaluate(request.ids, LogitRows::all, score_logits_.data(), cancelled);

  std::vector<ScoredRow> rows;
  for (std::size_t i = 0; i < request.targets.size(); ++i) {
    if (request.targets[i] >= 0) rows.push_back({i, static_cast<std::size_t>(request.targets[i])});
  }
  Scores scores;
  scores.losses.resize(rows.size());
  if (reference) {
    scores.kl.resize(rows.size());
    scores.same_top.resize(rows.size());
  }
  Control control;
  control.threads = request.threads;
  control.cancelled = &cancelled;
  for_each_task(rows.size(), control, {0, 1}, [&](std::size_t task) {
    const ScoredRow& row = rows[task];
    const float* logits = score_logits_.data() + row.index * vocabulary;
    const std::size_t row_bytes = vocabulary * sizeof(float);
    const std::uint64_t place = static_cast<std::uint64_t>(request.first_row + row.index) * row_bytes;
    if (keep) keep->write(place, logits, row_bytes);
    double log_sum = 0;
    if (reference) {
      thread_local std::vector<float> expected;
      expected.resize(vocabulary);
      reference->read(place, expected.data(), row_bytes);
      const RowDivergence divergence = row_divergence(expected.data(), logits, vocabulary, isa_);
      if (!std::isfinite(divergence.kl)) throw logits_not_finite();
      scores.kl[task] = divergence.kl;
      scores.same_top[task] = divergence.same_top ? 1 : 0;
      log_sum = divergence.log_sum;
    } else {
      log_sum = log_sum_of_exponentials(logits, vocabulary, isa_);
    }
    if (!std::isfinite(log_sum)) throw logits_not_finite();
    scores.losses[task] = log_sum - static_cast<double>(logits[row.token]);
  });
  return scores;
}

}  // namespace nibble

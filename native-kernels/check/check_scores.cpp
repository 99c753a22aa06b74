// Scores of rows of logits: the reference against the definition, every other set against the reference, bit for bit.

#include <algorithm>
#include <limits>

#include "check/checks.h"
#include "score_rows.h"

namespace nibble::check {
namespace {

/// Errors of some float64 roundings of the sums, and of logits of this size.
double score_bound(const std::vector<float>& row) {
  double largest = 0;
  for (const float logit : row) {
    if (std::isfinite(logit)) largest = std::max(largest, static_cast<double>(std::fabs(logit)));
  }
  return 1e-14 * (16 + largest);
}

/// The sum of f(i) for i in [0, count), in two steps, which keeps its rounding far below the bound.
template <typename Term>
double sum_of(std::size_t count, Term term) {
  double total = 0;
  for (std::size_t at = 0; at < count; at += 256) {
    double part = 0;
    for (std::size_t i = at; i < std::min(count, at + 256); ++i) part += term(i);
    total += part;
  }
  return total;
}

double log_sum_by_definition(const std::vector<float>& row) {
  const double peak = *std::max_element(row.begin(), row.end());
  return peak + std::log(sum_of(row.size(), [&](std::size_t i) { return std::exp(row[i] - peak); }));
}

double kl_by_definition(const std::vector<float>& p, const std::vector<float>& q) {
  const double log_p = log_sum_by_definition(p);
  const double log_q = log_sum_by_definition(q);
  return sum_of(p.size(), [&](std::size_t i) { return std::exp(p[i] - log_p) * ((p[i] - log_p) - (q[i] - log_q)); });
}

std::size_t top_of(const std::vector<float>& row) {
  return static_cast<std::size_t>(std::max_element(row.begin(), row.end()) - row.begin());
}

void check_rows(Isa isa, const std::vector<float>& p, const std::vector<float>& q, Report& report) {
  const std::string name = "scores of " + std::to_string(p.size());
  const RowDivergence actual = row_divergence(p.data(), q.data(), p.size(), isa);
  const RowDivergence wanted = row_divergence(p.data(), q.data(), p.size(), Isa::reference);
  report.equal(name + ", kl", &actual.kl, &wanted.kl, sizeof(double));
  report.equal(name + ", log sum", &actual.log_sum, &wanted.log_sum, sizeof(double));
  const double log_sum = log_sum_of_exponentials(q.data(), q.size(), isa);
  report.equal(name + ", log sum alone", &log_sum, &wanted.log_sum, sizeof(double));
  report.near(name + ", log sum by definition", log_sum, log_sum_by_definition(q), score_bound(q));
  const double kl = kl_by_definition(p, q);
  report.near(name + ", kl by definition", actual.kl, std::max(0.0, kl), score_bound(p) + score_bound(q));
  report.holds(name + ", same top", actual.same_top == (top_of(p) == top_of(q)));
}

}  // namespace

void check_scores(Isa isa, std::uint64_t seed, Report& report) {
  Random random(seed);
  for (const std::size_t count : {1, 2, 7, 8, 9, 255, 256, 257, 511, 513, 1000, 4099, 128256}) {
    for (const float spread : {0.0f, 1.0f, 12.0f, 400.0f}) {
      std::vector<float> p(count);
      std::vector<float> q(count);
      for (std::size_t i = 0; i < count; ++i) {
        p[i] = spread * random.gaussian();
        q[i] = p[i] + 0.1f * spread * random.gaussian();
      }
      check_rows(isa, p, q, report);
      report.holds("a row is no way from itself", row_divergence(p.data(), p.data(), count, isa).kl < 1e-14);
      // Of equals the first counts.
      const std::size_t at = random.below(count);
      q[at] = q[count - 1] = *std::max_element(q.begin(), q.end()) + 1;
      p = q;
      p[count - 1] = q[count - 1];
      report.holds("equal tops", row_divergence(p.data(), q.data(), count, isa).same_top);
      for (const float bad : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
        std::vector<float> broken = q;
        broken[at] = bad;
        report.holds("what is no number shows",
                     !std::isfinite(log_sum_of_exponentials(broken.data(), count, isa)) &&
                         !std::isfinite(row_divergence(p.data(), broken.data(), count, isa).kl) &&
                         !std::isfinite(row_divergence(broken.data(), p.data(), count, isa).kl));
      }
      if (count > 1) {
        // A token that cannot be: its probability is 0.
        std::vector<float> without = q;
        without[at == 0 ? 1 : 0] = -std::numeric_limits<float>::infinity();
        report.near("log sum without a token", log_sum_of_exponentials(without.data(), count, isa),
                    log_sum_by_definition(without), score_bound(without));
      }
    }
  }
}

}  // namespace nibble::check

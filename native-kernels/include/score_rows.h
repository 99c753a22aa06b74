#pragma once

// What a row of logits says of the token that came, and how far it is from another model's row.

#include <cstddef>
#include <cstdint>

#include "cpu.h"

namespace nibble {

/// Two rows of the same vocabulary for the same place of a text.
struct RowDivergence {
  double kl;       // KL(reference || row), nats, at least 0
  bool same_top;   // whether both think the same token most likely; of equals the lowest id counts
  double log_sum;  // ln of the sum of e^logit of the row
};

// All sums are float64 in one order (base/score_kernels.h): the same bits on every instruction set. Exponentials have a
// relative error below 1e-15; NaN or an infinity in a row shows in its sums.

/// ln of the sum of e^logits[i], i in [0, count), count > 0. A token's loss, -ln p, is this less its logit.
double log_sum_of_exponentials(const float* logits, std::size_t count, Isa isa);

/// How far `row` is from `reference`, both [count], count > 0.
RowDivergence row_divergence(const float* reference, const float* row, std::size_t count, Isa isa);

}  // namespace nibble

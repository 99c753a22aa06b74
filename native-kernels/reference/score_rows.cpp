// The sums of score_rows.h for any processor: what the versions of instruction sets are compared with.

#include "base/score_kernels.h"

namespace nibble {

const ScoreKernels kScoreReference{score_log_sum, score_divergence};

}  // namespace nibble

// The sums of score_rows.h, compiled for NEON.

#include "base/score_kernels.h"

namespace nibble {

const ScoreKernels kScoreNeon{score_log_sum, score_divergence};

}  // namespace nibble

// The sums of score_rows.h, compiled for AVX2.

#include "base/score_kernels.h"

namespace nibble {

const ScoreKernels kScoreAvx2{score_log_sum, score_divergence};

}  // namespace nibble

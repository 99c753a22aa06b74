// The sums of score_rows.h, compiled for AVX-512.

#include "base/score_kernels.h"

namespace nibble {

const ScoreKernels kScoreAvx512{score_log_sum, score_divergence};

}  // namespace nibble

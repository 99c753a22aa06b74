#include "score_rows.h"

#include "base/score_kernels.h"
#include "isa_versions.h"

namespace nibble {
namespace {

constexpr IsaVersion<const ScoreKernels*> kVersions[] = {
    {Isa::reference, &kScoreReference},
#ifdef NIBBLE_X86
    {Isa::avx2, &kScoreAvx2},
    {Isa::avx512, &kScoreAvx512},
#endif
#ifdef NIBBLE_NEON
    {Isa::neon, &kScoreNeon},
#endif
};

}  // namespace

Isa score_version(Isa isa) { return version_for(isa, kVersions).isa; }

double log_sum_of_exponentials(const float* logits, std::size_t count, Isa isa) {
  return version_for(isa, kVersions).version->log_sum(logits, count);
}

RowDivergence row_divergence(const float* reference, const float* row, std::size_t count, Isa isa) {
  return version_for(isa, kVersions).version->divergence(reference, row, count);
}

}  // namespace nibble

#include "elementwise.h"

#include "base/vector_functions.h"
#include "isa_versions.h"

namespace nibble {

namespace kernels {
namespace {

constexpr IsaVersion<const VectorFunctions*> kVersions[] = {
    {Isa::reference, &kReferenceFunctions},
#ifdef NIBBLE_X86
    {Isa::avx2, &kAvx2Functions},
    {Isa::avx512, &kAvx512Functions},
#endif
#ifdef NIBBLE_NEON
    {Isa::neon, &kNeonFunctions},
#endif
};

}  // namespace

const VectorFunctions& vector_functions(Isa isa) { return *version_for(isa, kVersions).version; }

}  // namespace kernels

Isa vectors_version(Isa isa) { return version_for(isa, kernels::kVersions).isa; }

void silu_multiply(const float* gate, const float* up, float* out, std::size_t count, Isa isa) {
  kernels::vector_functions(isa).silu_multiply(gate, up, out, count);
}

void gelu_multiply(const float* gate, const float* up, float* out, std::size_t count, Isa isa) {
  kernels::vector_functions(isa).gelu_multiply(gate, up, out, count);
}

float maximum(const float* values, std::size_t count, Isa isa) {
  return kernels::vector_functions(isa).maximum(values, count);
}

double sum_of_exponentials(const float* values, std::size_t count, float shift, Isa isa) {
  return kernels::vector_functions(isa).sum_of_exponentials(values, count, shift);
}

}  // namespace nibble

#include "elementwise.h"

#include "cpu/vector_functions.h"

namespace nibble {

namespace kernels {

const VectorFunctions& vector_functions(Isa isa) {
  switch (isa) {
#ifdef NIBBLE_X86
    case Isa::avx2:
    case Isa::avx_vnni:
      return kAvx2Functions;
    case Isa::avx512:
    case Isa::avx512_vnni:
      return kAvx512Functions;
#endif
#ifdef NIBBLE_NEON
    case Isa::neon:
    case Isa::neon_dotprod:
    case Isa::neon_i8mm:
      return kNeonFunctions;
#endif
    default:
      return kReferenceFunctions;
  }
}

}  // namespace kernels

void silu_multiply(const float* gate, const float* up, float* out, std::size_t count, Isa isa) {
  kernels::vector_functions(isa).silu_multiply(gate, up, out, count);
}

float maximum(const float* values, std::size_t count, Isa isa) {
  return kernels::vector_functions(isa).maximum(values, count);
}

double sum_of_exponentials(const float* values, std::size_t count, float shift, Isa isa) {
  return kernels::vector_functions(isa).sum_of_exponentials(values, count, shift);
}

}  // namespace nibble

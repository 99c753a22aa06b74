#include "reference/quantize_kernels.h"

namespace nibble {

const QuantizeKernels& quantize_kernels(Isa isa) {
#if defined(NIBBLE_X86)
  // The quantizers have no use for VNNI.
  if (isa == Isa::avx512 || isa == Isa::avx512_vnni) return quantize_kernels_avx512();
  if (isa == Isa::avx2 || isa == Isa::avx_vnni) return quantize_kernels_avx2();
#endif
  (void)isa;
  return quantize_kernels_reference();
}

}  // namespace nibble

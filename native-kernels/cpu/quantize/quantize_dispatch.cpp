#include "base/quantize_kernels.h"
#include "isa_versions.h"

namespace nibble {
namespace {

constexpr IsaVersion<const QuantizeKernels& (*)()> kVersions[] = {
    {Isa::reference, quantize_kernels_reference},
#if defined(NIBBLE_X86)
    {Isa::avx2, quantize_kernels_avx2},
    {Isa::avx512, quantize_kernels_avx512},
#endif
};

}  // namespace

const QuantizeKernels& quantize_kernels(Isa isa) { return version_for(isa, kVersions).version(); }

Isa quantizers_version(Isa isa) { return version_for(isa, kVersions).isa; }

}  // namespace nibble

// The table of AVX-512 kernels; needs AVX-512 F, BW, DQ, VL and VNNI.

#include "cpu/linear_kernels.h"

#include "cpu/avx512/linear_table.h"

namespace nibble::linear {

const LinearKernels kAvx512Kernels = {
    avx512::quantize, avx512::pack,    avx512::round_lanes, avx512::lanes, avx512::grouped_many,
    avx512::expand4,  avx512::expand8, avx512::widen,       avx512::dots,  avx512::dots16,
};

}  // namespace nibble::linear

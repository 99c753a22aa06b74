// The table of AVX2 kernels; needs AVX2, FMA and F16C.

#include "cpu/linear_kernels.h"

#include "cpu/avx2/linear_table.h"

namespace nibble::linear {

const LinearKernels kAvx2Kernels = {
    avx2::quantize,
    /*pack=*/nullptr,
    /*round_lanes=*/nullptr, avx2::lanes, avx2::grouped_many, avx2::expand4,
    avx2::expand8,           avx2::widen, avx2::dots,         avx2::dots16,
};

}  // namespace nibble::linear

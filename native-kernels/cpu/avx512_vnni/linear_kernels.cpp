// The table of AVX-512 kernels; needs AVX-512 F, BW, DQ, VL and VNNI.

#include "cpu/linear/linear_kernels.h"

#include "cpu/avx512_vnni/linear_table.h"

namespace nibble::linear {

const LinearKernels kAvx512VnniKernels = {
    avx512_vnni::quantize,     avx512_vnni::pack,    avx512_vnni::round_lanes, avx512_vnni::lanes,
    avx512_vnni::grouped_many, avx512_vnni::expand4, avx512_vnni::expand8,     avx512_vnni::widen,
    avx512_vnni::dots,         avx512_vnni::dots16,
};

}  // namespace nibble::linear

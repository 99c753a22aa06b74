#pragma once

// Members of QuantizeKernels (base/quantize_kernels.h) for AVX2.

#include "base/quantize_kernels.h"

namespace nibble {

std::size_t quantize_blocks_avx2(const FourBitTables& tables, const void* source, WeightType type, std::size_t blocks,
                                 std::size_t block_size, std::uint8_t* codes, float* absmax, Moments* moments);
void dequantize_blocks_avx2(const FourBitTables& tables, const std::uint8_t* codes, const float* absmax,
                            std::size_t blocks, std::size_t block_size, float* out);

}  // namespace nibble

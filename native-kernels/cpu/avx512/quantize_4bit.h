#pragma once

// Members of QuantizeKernels (base/quantize_kernels.h) for AVX-512.

#include "base/quantize_kernels.h"

namespace nibble {

std::size_t quantize_blocks_avx512(const FourBitTables& tables, const void* source, WeightType type, std::size_t blocks,
                                   std::size_t block_size, std::uint8_t* codes, float* absmax, Moments* moments);
void dequantize_blocks_avx512(const FourBitTables& tables, const std::uint8_t* codes, const float* absmax,
                              std::size_t blocks, std::size_t block_size, float* out);

NestedResult quantize_nested_avx512(const NestedInput& input, std::uint8_t* codes);

std::size_t quantize_absmax_groups_avx512(const void* source, WeightType type, std::size_t groups,
                                          std::size_t group_size, std::int8_t* codes, float* scales, Moments* moments);

}  // namespace nibble

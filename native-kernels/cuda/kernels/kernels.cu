// Every kernel under the name that the host looks it up by. One file, so that a build starts the compiler once.

#include "dequantize.h"
#include "quantize_integers.h"
#include "quantize_scales.h"

using namespace nibble::cuda;

// 256 threads and at least four blocks on a multiprocessor: up to 64 registers a thread, and enough loads in flight.
#define NIBBLE_KERNEL extern "C" __global__ void __launch_bounds__(256, 4)

#define NIBBLE_FOUR_BIT(type, format, fp4)                                    \
  NIBBLE_KERNEL quantize_blocks_64_##type##_##format(QuantizeBlocks job) {    \
    quantize_blocks<SourceType::type, fp4, 4>(job);                           \
  }                                                                           \
  NIBBLE_KERNEL quantize_blocks_##type##_##format(QuantizeBlocks job) {       \
    quantize_blocks<SourceType::type, fp4, 0>(job);                           \
  }                                                                           \
  NIBBLE_KERNEL quantize_leaves_64_##type##_##format(QuantizeBlocks job) {    \
    quantize_leaves<SourceType::type, fp4, 4>(job);                           \
  }                                                                           \
  NIBBLE_KERNEL quantize_leaves_128_##type##_##format(QuantizeBlocks job) {   \
    quantize_leaves<SourceType::type, fp4, 8>(job);                           \
  }                                                                           \
  NIBBLE_KERNEL quantize_leaves_##type##_##format(QuantizeBlocks job) {       \
    quantize_leaves<SourceType::type, fp4, 0>(job);                           \
  }                                                                           \
  NIBBLE_KERNEL quantize_large_blocks_##type##_##format(QuantizeBlocks job) { \
    quantize_large_blocks<SourceType::type, fp4>(job);                        \
  }

NIBBLE_FOUR_BIT(bf16, nf4, false)
NIBBLE_FOUR_BIT(f16, nf4, false)
NIBBLE_FOUR_BIT(f32, nf4, false)
NIBBLE_FOUR_BIT(bf16, fp4, true)
NIBBLE_FOUR_BIT(f16, fp4, true)
NIBBLE_FOUR_BIT(f32, fp4, true)

extern "C" __global__ void quantize_last_block_nf4(QuantizeBlocks job, SourceType type) {
  quantize_last_block<false>(job, type);
}
extern "C" __global__ void quantize_last_block_fp4(QuantizeBlocks job, SourceType type) {
  quantize_last_block<true>(job, type);
}

extern "C" __global__ void __launch_bounds__(512, 1) mean_of_scales(MeanOfScales job) {
  nibble::cuda::mean_of_scales(job);
}
extern "C" __global__ void __launch_bounds__(256, 5) quantize_scales(QuantizeScales job) {
  nibble::cuda::quantize_scales(job);
}
NIBBLE_KERNEL largest_error(LargestError job) { nibble::cuda::largest_error(job); }

// Zero points take more registers: three blocks with 80 each are faster than four that keep some in memory.
#define NIBBLE_GROUPS(type, mode, blocks)                            \
  extern "C" __global__ void __launch_bounds__(256, blocks)          \
      quantize_small_groups_##type##_##mode(QuantizeGroups job) {    \
    quantize_small_groups<SourceType::type, IntegerMode::mode>(job); \
  }                                                                  \
  NIBBLE_WIDE(type, mode)
#define NIBBLE_WIDE(type, mode)                                                                                   \
  extern "C" __global__ void __launch_bounds__(512, 2) quantize_wide_groups_##type##_##mode(QuantizeGroups job) { \
    quantize_wide_groups<SourceType::type, IntegerMode::mode>(job);                                               \
  }

NIBBLE_WIDE(bf16, llm_int8)
NIBBLE_WIDE(f16, llm_int8)
NIBBLE_WIDE(f32, llm_int8)
NIBBLE_GROUPS(bf16, absmax, 4)
NIBBLE_GROUPS(f16, absmax, 4)
NIBBLE_GROUPS(f32, absmax, 4)
NIBBLE_GROUPS(bf16, zero_point, 3)
NIBBLE_GROUPS(f16, zero_point, 3)
NIBBLE_GROUPS(f32, zero_point, 3)

NIBBLE_KERNEL quantize_any_groups_llm_int8(QuantizeGroups job) { quantize_any_groups<IntegerMode::llm_int8>(job); }
NIBBLE_KERNEL quantize_any_groups_absmax(QuantizeGroups job) { quantize_any_groups<IntegerMode::absmax>(job); }
NIBBLE_KERNEL quantize_any_groups_zero_point(QuantizeGroups job) { quantize_any_groups<IntegerMode::zero_point>(job); }
NIBBLE_KERNEL pack_codes(PackCodes job) { nibble::cuda::pack_codes(job); }

NIBBLE_KERNEL dequantize_blocks(DequantizeBlocks job) { nibble::cuda::dequantize_blocks<false>(job); }
NIBBLE_KERNEL dequantize_blocks_nested(DequantizeBlocks job) { nibble::cuda::dequantize_blocks<true>(job); }

#define NIBBLE_DEQUANTIZE(bits)                                                                              \
  NIBBLE_KERNEL dequantize_small_groups_##bits(DequantizeGroups job) { dequantize_small_groups<bits>(job); } \
  NIBBLE_KERNEL dequantize_wide_groups_##bits(DequantizeGroups job) { dequantize_wide_groups<bits>(job); }   \
  NIBBLE_KERNEL dequantize_any_groups_##bits(DequantizeGroups job) { dequantize_any_groups<bits>(job); }
NIBBLE_DEQUANTIZE(8)
NIBBLE_DEQUANTIZE(4)

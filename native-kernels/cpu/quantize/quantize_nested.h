#pragma once

// Double quantization: the float32 scales of 4-bit blocks become 8-bit codes (Dettmers et al. 2023, QLoRA).

#include <cstddef>
#include <cstdint>

namespace nibble {

/// Mean of `values` as PyTorch computes it on one thread, to the bit (0 for none).
///
/// bitsandbytes takes this mean off before it quantizes, so every nested scale depends on its last bit. PyTorch adds in
/// float32, eight lanes of four rows each, folded every 2^k rows. On more threads it cuts tensors of over 32,768 values
/// into a part per thread, so there its result depends on the machine; ours does not.
float mean_as_pytorch(const float* values, std::size_t count);

/// Logarithm of the number of groups of 32 values that mean_as_pytorch adds up before it folds their sum.
std::size_t mean_fold_power(std::size_t groups);

/// [65536] code of each step from -1 to 1 that quantize_nested_run (base/nested_run.h) looks up: the number of
/// midpoints of the dynamic map below it.
const std::uint8_t* nested_steps();

/// The scales that the nested codes of one block stand for.
/// @param absmax [count]
void dequantize_nested_block(const std::uint8_t* codes, std::size_t count, float nested_absmax, float offset,
                             float* absmax);

}  // namespace nibble

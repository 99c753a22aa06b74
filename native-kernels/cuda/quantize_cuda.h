#pragma once

// The quantizers of include/quantize.h on a CUDA device: same codes and scales to the bit, same statistics up to
// kStatisticsBound. Tensors stream through the device in pieces, so that neither they nor their codes have to fit
// there; double quantization keeps 7 bytes a block on the device, 9 of float32 weights.

#include "cuda/device.h"
#include "quantize.h"

namespace nibble::cuda {

/// Largest relative difference of a sum of the statistics, and of their largest error, from the processor's.
constexpr double kStatisticsBound = 1e-5;

/// The same with double quantization, where the sums of a block, from which the drift of its scale is reckoned, are
/// kept as two float16. They are rounded at every addition, up to 14 times by 2^-11. It shows in tensors of a few
/// difficult blocks (1e-3 was seen); those of models are as close as without.
constexpr double kNestedStatisticsBound = 7e-3;

/// Weights of a tensor, wherever they are.
struct Origin {
  WeightReader read;
  WeightType type;
  std::size_t numel;
};

Origin origin_of(const Source& source);
CodeWriter writer_to(void* codes);

/// @param target as for the processor; `codes` is not used
/// @throws InvalidWeights, Error("aborted", "out-of-memory", "kernel-failed", "runtime-unavailable")
Statistics quantize_4bit(Device& device, const Origin& origin, const FourBitSpec& spec, const CodeWriter& codes,
                         const FourBitTarget& target, const Control& control);

/// @throws as quantize_4bit
Statistics quantize_int8_rows(Device& device, const Origin& origin, Shape shape, const CodeWriter& codes,
                              float* row_absmax, const Control& control);

/// @param target `codes` is not used
/// @throws as quantize_4bit; Error("invalid-input") for one scale per tensor, which needs two passes over it
Statistics quantize_affine(Device& device, const Origin& origin, Shape shape, const AffineSpec& spec,
                           const CodeWriter& codes, const AffineTarget& target, const Control& control);

}  // namespace nibble::cuda

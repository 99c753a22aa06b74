#pragma once

// Reading stored floating-point numbers of any width, at any alignment, as float32.

#include <cstddef>

#include "linear.h"

namespace nibble {

/// @throws Error("malformed-file") when the ONNX element type is not bf16, f16 or f32
WeightType weight_type(int onnx_type);

/// out[i] = data[begin + i] for i in [0, count); exact for every value.
void convert_to_float(const void* data, WeightType type, std::size_t begin, std::size_t count, float* out);

}  // namespace nibble

#pragma once

// The parts of the table that all three ARM sets share: plain NEON, compiled once.

#include "cpu/linear/linear_kernels.h"

namespace nibble::linear::neon {

void quantize(const QuantizeJob& job);
void expand4(const std::uint8_t* codes, std::size_t first, std::size_t count, const float* map, float scale,
             float* out);
void expand8(const std::int8_t* codes, std::size_t count, int zero, float scale, float* out);
void widen(const void* source, WeightType type, std::size_t count, float* out);
void dots(const float* w, std::size_t rows, std::size_t columns, const float* x, std::size_t tokens, const float* bias,
          float* y, std::size_t y_stride);
void dots16(const void* rows_data, WeightType type, std::size_t rows, std::size_t columns, const float* x,
            std::size_t tokens, const float* bias, float* y, std::size_t y_stride);

}  // namespace nibble::linear::neon

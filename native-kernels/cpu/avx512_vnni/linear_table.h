#pragma once

// The parts of the AVX-512 table, one per file.

#include "cpu/linear/linear_kernels.h"

namespace nibble::linear::avx512_vnni {

void quantize(const QuantizeJob& job);
void pack(const PackJob& job);
std::size_t round_lanes(const LaneJob& job);
void lanes(const GroupedWeights& w, std::size_t begin, std::size_t end, const LaneActivations* x, std::size_t tokens,
           const float* bias, float* y, void* scratch);
void grouped_many(const GroupedWeights& w, std::size_t begin, std::size_t end, const Int8Activations& x,
                  const float* bias, float* y, void* scratch);
void expand4(const std::uint8_t* codes, std::size_t first, std::size_t count, const float* map, float scale,
             float* out);
void expand8(const std::int8_t* codes, std::size_t count, int zero, float scale, float* out);
void widen(const void* source, WeightType type, std::size_t count, float* out);
void dots(const float* w, std::size_t rows, std::size_t columns, const float* x, std::size_t tokens, const float* bias,
          float* y, std::size_t y_stride);
void dots16(const void* rows_data, WeightType type, std::size_t rows, std::size_t columns, const float* x,
            std::size_t tokens, const float* bias, float* y, std::size_t y_stride);

}  // namespace nibble::linear::avx512_vnni

#pragma once

// Float32 products, and widening to float32, out of a set's blocks. Everything is static (see cpu/linear_scalars.h).
//
// A Set has
//   kDotRows                              rows of decoded weights that a block takes at once
//   block<type, rows, tokens>(w, row_stride, columns, x, x_stride, bias, y, y_stride)
//   widen_all<type>(source, count, out)

#include "linear_scalars.h"

namespace nibble::linear {

template <WeightType kType>
static constexpr std::size_t kBytes = kType == WeightType::f32 ? 4 : 2;

template <class Set, WeightType kType, int kRows>
static void all_tokens(const unsigned char* w, std::size_t row_stride, std::size_t columns, const float* x,
                       std::size_t tokens, const float* bias, float* y, std::size_t y_stride) {
  std::size_t t = 0;
  for (; t + 4 <= tokens; t += 4) {
    Set::template block<kType, kRows, 4>(w, row_stride, columns, x + t * columns, columns, bias, y + t * y_stride,
                                         y_stride);
  }
  if (t + 2 <= tokens) {
    Set::template block<kType, kRows, 2>(w, row_stride, columns, x + t * columns, columns, bias, y + t * y_stride,
                                         y_stride);
    t += 2;
  }
  if (t < tokens) {
    Set::template block<kType, kRows, 1>(w, row_stride, columns, x + t * columns, columns, bias, y + t * y_stride,
                                         y_stride);
  }
}

template <class Set, WeightType kType>
static void single_rows(const void* rows_data, std::size_t rows, std::size_t columns, const float* x,
                        std::size_t tokens, const float* bias, float* y, std::size_t y_stride) {
  const std::size_t row_stride = columns * kBytes<kType>;
  for (std::size_t r = 0; r < rows; ++r) {
    all_tokens<Set, kType, 1>(static_cast<const unsigned char*>(rows_data) + r * row_stride, row_stride, columns, x,
                              tokens, bias != nullptr ? bias + r : nullptr, y + r, y_stride);
  }
}

/// LinearKernels::widen
template <class Set>
static void widen_of(const void* source, WeightType type, std::size_t count, float* out) {
  const auto* bytes = static_cast<const unsigned char*>(source);
  if (type == WeightType::bf16) return Set::template widen_all<WeightType::bf16>(bytes, count, out);
  if (type == WeightType::f16) return Set::template widen_all<WeightType::f16>(bytes, count, out);
  Set::template widen_all<WeightType::f32>(bytes, count, out);
}

/// LinearKernels::dots
template <class Set>
static void dots_of(const float* w, std::size_t rows, std::size_t columns, const float* x, std::size_t tokens,
                    const float* bias, float* y, std::size_t y_stride) {
  const auto* bytes = reinterpret_cast<const unsigned char*>(w);
  const std::size_t row_stride = columns * sizeof(float);
  // Tokens outside: four of them stay in L1 while the decoded rows pass.
  for (std::size_t t = 0; t < tokens; t += 4) {
    const std::size_t count = smaller(4, tokens - t);
    std::size_t r = 0;
    for (; r + Set::kDotRows <= rows; r += Set::kDotRows) {
      all_tokens<Set, WeightType::f32, Set::kDotRows>(bytes + r * row_stride, row_stride, columns, x + t * columns,
                                                      count, bias != nullptr ? bias + r : nullptr, y + t * y_stride + r,
                                                      y_stride);
    }
    for (; r < rows; ++r) {
      all_tokens<Set, WeightType::f32, 1>(bytes + r * row_stride, row_stride, columns, x + t * columns, count,
                                          bias != nullptr ? bias + r : nullptr, y + t * y_stride + r, y_stride);
    }
  }
}

/// LinearKernels::dots16
template <class Set>
static void dots16_of(const void* rows_data, WeightType type, std::size_t rows, std::size_t columns, const float* x,
                      std::size_t tokens, const float* bias, float* y, std::size_t y_stride) {
  if (type == WeightType::bf16) {
    return single_rows<Set, WeightType::bf16>(rows_data, rows, columns, x, tokens, bias, y, y_stride);
  }
  if (type == WeightType::f16) {
    return single_rows<Set, WeightType::f16>(rows_data, rows, columns, x, tokens, bias, y, y_stride);
  }
  single_rows<Set, WeightType::f32>(rows_data, rows, columns, x, tokens, bias, y, y_stride);
}

}  // namespace nibble::linear

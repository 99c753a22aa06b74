#pragma once

// Arguments and results that calls on tensors in memory and calls on tensors in files have in common.

#include <napi.h>

#include <algorithm>
#include <string>

#include "addon/arguments.h"
#include "quantize.h"

namespace nibble::addon {

constexpr double kMostElements = 1e12;

inline WeightType weight_type_argument(const Napi::Value& value) {
  const std::string name = string_argument(value, "source.type");
  if (name == "bf16") return WeightType::bf16;
  if (name == "f16") return WeightType::f16;
  if (name != "f32") refuse_argument("source.type", "must be 'bf16', 'f16' or 'f32'");
  return WeightType::f32;
}

inline FourBitSpec four_bit_arguments(const Napi::Value& type, const Napi::Value& block_size) {
  const std::string name = string_argument(type, "type");
  if (name != "nf4" && name != "fp4") refuse_argument("type", "must be 'nf4' or 'fp4'");
  const std::size_t size = size_argument(block_size, "blockSize", 32, 4096);
  if ((size & (size - 1)) != 0) refuse_argument("blockSize", "must be a power of two from 32 to 4096");
  return {name == "nf4" ? FourBitType::nf4 : FourBitType::fp4, size};
}

inline Shape shape_arguments(const Napi::Value& rows, const Napi::Value& columns) {
  const Shape shape{size_argument(rows, "rows", 0, kMostElements), size_argument(columns, "columns", 0, kMostElements)};
  if (shape.columns != 0 && shape.rows > kMostElements / static_cast<double>(shape.columns)) {
    refuse_argument("rows", "times columns is too large");
  }
  return shape;
}

/// @param block_size undefined: one scale per row; 0: one for the tensor
inline AffineSpec affine_arguments(const Napi::Value& symmetric, const Napi::Value& bits, const Napi::Value& block_size,
                                   Shape shape) {
  AffineSpec spec{boolean_argument(symmetric, "mode"), 8, false, std::max<std::size_t>(shape.columns, 1)};
  const double width = number_argument(bits, "bits");
  if (width != 8 && width != 4) refuse_argument("bits", "must be 8 or 4");
  spec.bits = static_cast<int>(width);
  if (!block_size.IsUndefined()) {
    const std::size_t size = size_argument(block_size, "granularity.blockSize", 0, kMostElements);
    spec.per_tensor = size == 0;
    if (size != 0) spec.block_size = std::min(size, spec.block_size);
  }
  return spec;
}

inline Napi::Object to_javascript(Napi::Env env, const Statistics& statistics, std::size_t numel) {
  Napi::Object object = Napi::Object::New(env);
  object.Set("numel", static_cast<double>(numel));
  object.Set("errorSquares", statistics.error_squares);
  object.Set("sourceSquares", statistics.source_squares);
  object.Set("dequantizedSquares", statistics.dequantized_squares);
  object.Set("dot", statistics.dot);
  object.Set("maxError", statistics.max_error);
  return object;
}

}  // namespace nibble::addon

#pragma once

// The matrices of the operators Linear… and Experts…: what each format stores, checked while the graph is loaded.

#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "codebook.h"
#include "custom_operator.h"
#include "float_convert.h"
#include "linear.h"

namespace nibble {

inline std::size_t ceil_divide(std::size_t a, std::size_t b) { return (a + b - 1) / b; }

/// A small table of float32 numbers, copied because mapped data may be unaligned.
inline std::vector<float> read_table(const KernelInfo& info, std::size_t index, const char* what, std::size_t count) {
  const Tensor tensor = info.weight(index, what, {ort::kFloat}, count);
  std::vector<float> table(count);
  std::memcpy(table.data(), tensor.data, count * sizeof(float));
  return table;
}

/// Sizes and numbers that each of several matrices has for itself are attributes with the matrix's number behind their
/// name; the first has none.
inline std::string numbered(const char* name, std::size_t part) {
  return part == 0 ? std::string(name) : std::string(name) + std::to_string(part);
}

/// The same for what all matrices of a node may share: the first one's holds for those that have none.
inline std::size_t numbered_size(const KernelInfo& info, const char* name, std::size_t part) {
  const std::size_t shared = info.size(name, 1);
  return part == 0 ? shared : info.size(numbered(name, part).c_str(), 1, shared);
}

/// One matrix of 4-bit codes, with the tables that it points to.
struct Linear4 {
  using Weights = Linear4Weights;
  static constexpr std::size_t kInputs = 6;

  Linear4(const KernelInfo& info, std::size_t part, std::size_t input) {
    w.rows = info.size(numbered("out_features", part).c_str(), 1);
    w.columns = numbered_size(info, "in_features", part);
    w.block_size = info.size(numbered("block_size", part).c_str(), 1);
    const std::size_t count = w.rows * w.columns;
    const std::size_t blocks = ceil_divide(count, w.block_size);
    w.codes =
        static_cast<const std::uint8_t*>(info.weight(input, "the codes", {ort::kUint8}, ceil_divide(count, 2)).data);
    const Tensor absmax = info.weight(input + 1, "absmax", {ort::kFloat, ort::kUint8}, blocks);
    map = read_table(info, input + 2, "the quantization map", 16);
    w.map = map.data();
    if (absmax.type == ort::kFloat) {
      w.absmax = static_cast<const float*>(absmax.data);
    } else {
      w.absmax_codes = static_cast<const std::uint8_t*>(absmax.data);
      w.nested_absmax = static_cast<const float*>(
          info.weight(input + 3, "the nested absmax", {ort::kFloat}, ceil_divide(blocks, kNestedBlockSize)).data);
      nested_map = read_table(info, input + 4, "the nested quantization map", 256);
      w.nested_map = nested_map.data();
      w.nested_offset = info.real(numbered("nested_offset", part).c_str());
      curve = nested_curve(nested_map.data());
      if (curve) w.nested_curve = &*curve;
    }
    bias = info.floats(input + 5, "the bias", w.rows);
  }
  std::size_t code_bytes() const { return w.rows * w.columns / 2; }
  const void* codes() const { return w.codes; }

  // w points into this object.
  Linear4(const Linear4&) = delete;
  Linear4& operator=(const Linear4&) = delete;

  Linear4Weights w{};
  std::vector<float> map;
  std::vector<float> nested_map;
  std::optional<NestedCurve> curve;
  std::vector<float> bias;
};

struct LinearInt8Rows {
  using Weights = LinearInt8RowsWeights;
  static constexpr std::size_t kInputs = 3;

  LinearInt8Rows(const KernelInfo& info, std::size_t, std::size_t input) {
    const std::optional<Tensor> codes = info.constant(input);
    if (!codes || codes->type != ort::kInt8 || codes->dims.size() != 2 || codes->count() == 0) {
      info.malformed("the weight is not a stored int8 matrix");
    }
    w.codes = static_cast<const std::int8_t*>(codes->data);
    w.rows = static_cast<std::size_t>(codes->dims[0]);
    w.columns = static_cast<std::size_t>(codes->dims[1]);
    w.row_absmax = static_cast<const float*>(info.weight(input + 1, "the row absmax", {ort::kFloat}, w.rows).data);
    w.threshold = info.real("threshold", 6.0f);
    bias = info.floats(input + 2, "the bias", w.rows);
  }
  std::size_t code_bytes() const { return w.rows * w.columns; }
  const void* codes() const { return w.codes; }

  LinearInt8RowsWeights w{};
  std::vector<float> bias;
};

struct LinearAffine {
  using Weights = LinearAffineWeights;
  static constexpr std::size_t kInputs = 4;

  LinearAffine(const KernelInfo& info, std::size_t part, std::size_t input) {
    w.rows = info.size(numbered("out_features", part).c_str(), 1);
    w.columns = numbered_size(info, "in_features", part);
    const std::size_t block_size = info.size(numbered("block_size", part).c_str(), 0);
    w.per_tensor = block_size == 0;
    w.block_size = w.per_tensor ? w.columns : block_size;
    w.bits = static_cast<int>(numbered_size(info, "bits", part));
    const std::size_t count = w.rows * w.columns;
    if (w.bits == 8) {
      w.codes = static_cast<const std::int8_t*>(info.weight(input, "the codes", {ort::kInt8}, count).data);
    } else if (w.bits == 4) {
      w.packed =
          static_cast<const std::uint8_t*>(info.weight(input, "the codes", {ort::kUint8}, ceil_divide(count, 2)).data);
    } else {
      info.malformed("bits is neither 4 nor 8");
    }
    const std::size_t scales = w.per_tensor ? 1 : w.rows * ceil_divide(w.columns, w.block_size);
    w.scales = static_cast<const float*>(info.weight(input + 1, "the scales", {ort::kFloat}, scales).data);
    if (info.constant(input + 2)) {
      w.zero_points =
          static_cast<const std::int8_t*>(info.weight(input + 2, "the zero points", {ort::kInt8}, scales).data);
    }
    bias = info.floats(input + 3, "the bias", w.rows);
  }
  std::size_t code_bytes() const { return w.rows * w.columns * static_cast<std::size_t>(w.bits) / 8; }
  const void* codes() const { return w.bits == 8 ? static_cast<const void*>(w.codes) : w.packed; }

  LinearAffineWeights w{};
  std::vector<float> bias;
};

/// Weights as they were published.
struct Linear16 {
  using Weights = Linear16Weights;
  static constexpr std::size_t kInputs = 2;

  Linear16(const KernelInfo& info, std::size_t, std::size_t input) {
    const std::optional<Tensor> weight = info.constant(input);
    if (!weight || weight->dims.size() != 2 || weight->count() == 0)
      info.malformed("the weight is not a stored matrix");
    w.weight = weight->data;
    w.type = weight_type(weight->type);
    w.rows = static_cast<std::size_t>(weight->dims[0]);
    w.columns = static_cast<std::size_t>(weight->dims[1]);
    bias = info.floats(input + 1, "the bias", w.rows);
  }
  std::size_t code_bytes() const { return w.rows * w.columns * (w.type == WeightType::f32 ? 4 : 2); }
  const void* codes() const { return w.weight; }

  Linear16Weights w{};
  std::vector<float> bias;
};

/// Nothing is gained by several at once: their activations are not rounded.
inline void linear_together(std::span<const Linear16Weights> w, const float* x, std::size_t tokens,
                            const LinearOutput* to, Mode mode, Isa isa, const Parallel& parallel) {
  for (std::size_t i = 0; i < w.size(); ++i) linear16(w[i], x, tokens, to[i].bias, to[i].y, mode, isa, parallel);
}

}  // namespace nibble

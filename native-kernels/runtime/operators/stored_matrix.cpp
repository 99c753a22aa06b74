#include "stored_matrix.h"

#include <cstring>

#include "codebook.h"
#include "float_convert.h"
#include "for_rows.h"

namespace nibble {
namespace {

std::size_t ceil_divide(std::size_t a, std::size_t b) { return (a + b - 1) / b; }

/// A small table of float32 numbers, copied because mapped data may be unaligned.
std::vector<float> read_table(const KernelInfo& info, std::size_t index, const char* what, std::size_t count) {
  const Tensor tensor = info.weight(index, what, {ort::kFloat}, count);
  std::vector<float> table(count);
  std::memcpy(table.data(), tensor.data, count * sizeof(float));
  return table;
}

/// Sizes and numbers that each of several matrices has for itself are attributes with the matrix's number behind their
/// name; the first has none.
std::string numbered(const char* name, std::size_t part) {
  return part == 0 ? std::string(name) : std::string(name) + std::to_string(part);
}

int element_type(FormatTraits::Codes codes) {
  switch (codes) {
    case FormatTraits::Codes::U8:
      return ort::kUint8;
    case FormatTraits::Codes::I8:
      return ort::kInt8;
    case FormatTraits::Codes::BF16:
      return ort::kBfloat16;
    case FormatTraits::Codes::F16:
      return ort::kFloat16;
    default:
      return ort::kFloat;
  }
}

/// The inputs of a matrix, in this order.
enum Input : std::size_t { kCodes, kScales, kZeroPoints, kLevels, kNestedScales, kNestedMap, kBias, kInputs };
static_assert(kInputs == kMatrixInputs);

WeightType float_type(WeightFormat format) {
  if (format == WeightFormat::bf16) return WeightType::bf16;
  return format == WeightFormat::f16 ? WeightType::f16 : WeightType::f32;
}

}  // namespace

StoredMatrix::StoredMatrix(const KernelInfo& info, std::size_t part, std::size_t first) {
  const std::string format = info.text(numbered("format", part).c_str());
  const std::optional<WeightFormat> known = weight_format_from_name(format);
  if (!known) info.malformed("the format " + format + " is not known");
  const FormatTraits& traits = traits_of(*known);
  w.format = *known;
  w.rows = info.size(numbered("out_features", part).c_str(), 1);
  // The matrices of a node may share it.
  const std::size_t columns = info.size("in_features", 1);
  w.columns = part == 0 ? columns : info.size(numbered("in_features", part).c_str(), 1, columns);
  const std::size_t least = traits.blocks == FormatTraits::Blocks::flat ? 1 : 0;
  if (traits.blocks != FormatTraits::Blocks::none)
    w.block_size = info.size(numbered("block_size", part).c_str(), least);
  read_transposed(info, part);
  const std::size_t width = transposed.width == 0 ? w.columns : transposed.width;
  const std::size_t stored_rows = transposed.width == 0 ? w.rows : w.columns;
  const std::size_t elements = traits.bits < 8 ? code_bytes(w) : stored_rows * width;
  const Tensor codes = info.weight(first + kCodes, "the codes", {element_type(traits.codes)}, elements);
  // Codes of less than a byte are a row of bytes, in whatever shape the file has them.
  const bool is_matrix = codes.dims.size() == 2 && codes.dims[1] == static_cast<std::int64_t>(width);
  if (traits.bits >= 8 && !is_matrix) info.malformed("the weight is not a stored matrix of its size");
  w.codes = codes.data;
  if (traits.scales != FormatTraits::Scales::none) read_scales(info, part, first);
  if (traits.zero_points && info.constant(first + kZeroPoints)) {
    w.zero_points = static_cast<const std::int8_t*>(
        info.weight(first + kZeroPoints, "the zero points", {ort::kInt8}, block_count(w)).data);
  }
  if (traits.values == FormatTraits::Values::levels) {
    levels_ = read_table(info, first + kLevels, "the levels", 16);
    w.levels = levels_.data();
  }
  if (traits.outliers == FormatTraits::Outliers::threshold)
    w.threshold = info.real(numbered("threshold", part).c_str(), 6.0f);
  bias = info.floats(first + kBias, "the bias", w.rows);
}

void StoredMatrix::read_transposed(const KernelInfo& info, std::size_t part) {
  transposed.width = info.size(numbered("transposed_width", part).c_str(), 0, 0);
  if (transposed.width == 0) return;
  transposed.first = info.size(numbered("transposed_first", part).c_str(), 0);
  transposed.step = info.size(numbered("transposed_step", part).c_str(), 1);
  if (traits_of(w.format).scales != FormatTraits::Scales::none) info.malformed("only floats may lie by columns");
  if (w.rows > (transposed.width + transposed.step - 1) / transposed.step ||
      transposed.first + (w.rows - 1) * transposed.step >= transposed.width) {
    info.malformed("a matrix by columns leaves its block");
  }
}

void StoredMatrix::turn() {
  if (transposed.width == 0) return;
  const std::size_t size = traits_of(w.format).bits / 8;
  const auto* stored = static_cast<const std::uint8_t*>(w.codes);
  turned_.resize(w.rows * w.columns * size);
  for (std::size_t column = 0; column < w.columns; ++column) {
    for (std::size_t row = 0; row < w.rows; ++row) {
      const std::size_t from = column * transposed.width + transposed.first + row * transposed.step;
      std::memcpy(turned_.data() + (row * w.columns + column) * size, stored + from * size, size);
    }
  }
  w.codes = turned_.data();
  transposed = {};
}

void StoredMatrix::transposed_product(const float* x, std::size_t tokens, float* y, const Parallel& parallel) const {
  // So many sums stay in the first-level cache while the columns pass.
  constexpr std::size_t kRowsPerTask = 256;
  for_rows(parallel, w.rows, kRowsPerTask, [&](std::size_t begin, std::size_t end) {
    const std::size_t count = end - begin;
    const std::size_t step = transposed.step;
    const std::size_t reach = (count - 1) * step + 1;
    std::vector<float> column(reach);
    for (std::size_t token = 0; token < tokens; ++token) {
      float* const sums = y + token * w.rows + begin;
      for (std::size_t i = 0; i < count; ++i) sums[i] = bias.empty() ? 0.0f : bias[begin + i];
    }
    for (std::size_t k = 0; k < w.columns; ++k) {
      const std::size_t start = k * transposed.width + transposed.first + begin * step;
      convert_to_float(w.codes, float_type(w.format), start, reach, column.data());
      for (std::size_t token = 0; token < tokens; ++token) {
        const float factor = x[token * w.columns + k];
        float* const sums = y + token * w.rows + begin;
        for (std::size_t i = 0; i < count; ++i) sums[i] += factor * column[i * step];
      }
    }
  });
}

void StoredMatrix::read_scales(const KernelInfo& info, std::size_t part, std::size_t first) {
  const std::size_t blocks = block_count(w);
  const Tensor scales = info.weight(first + kScales, "the scales", {ort::kFloat, ort::kUint8}, blocks);
  const bool exponents = traits_of(w.format).scales == FormatTraits::Scales::e8m0;
  if (exponents && scales.type != ort::kUint8) info.malformed("the scales are no exponents");
  if (exponents || scales.type == ort::kFloat) {
    w.scales = scales.data;
    return;
  }
  w.scale_codes = static_cast<const std::uint8_t*>(scales.data);
  w.nested_scales = static_cast<const float*>(
      info.weight(first + kNestedScales, "the nested scales", {ort::kFloat}, ceil_divide(blocks, kNestedBlockSize))
          .data);
  nested_map_ = read_table(info, first + kNestedMap, "the nested map", 256);
  w.nested_map = nested_map_.data();
  w.nested_offset = info.real(numbered("nested_offset", part).c_str());
  curve_ = nested_curve(nested_map_.data());
  if (curve_) w.nested_curve = &*curve_;
}

}  // namespace nibble

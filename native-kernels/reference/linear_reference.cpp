// See linear_reference.h. Written for reading, not for speed.

#include "reference/linear_reference.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include "codebook.h"
#include "reference/linear_lanes.h"
#include "reference/linear_outliers.h"

namespace nibble::reference {
namespace {

/// Columns of LLM.int8 activations that share a scale, see cpu/linear_rows.cpp.
constexpr std::size_t kInt8Group = 32;

std::size_t blocks_per_row(const LinearAffineWeights& w) { return (w.columns + w.block_size - 1) / w.block_size; }

std::size_t scale_index(const LinearAffineWeights& w, std::size_t row, std::size_t column) {
  return w.per_tensor ? 0 : row * blocks_per_row(w) + column / w.block_size;
}

int nibble_at(const std::uint8_t* codes, std::size_t element) {
  const std::uint8_t byte = codes[element / 2];
  return element % 2 == 0 ? byte >> 4 : byte & 15;
}

float load_float(const float* p, std::size_t index) {
  float value;
  std::memcpy(&value, reinterpret_cast<const unsigned char*>(p) + index * sizeof value, sizeof value);
  return value;
}

float half_to_float(std::uint16_t half) {
  const std::uint32_t sign = static_cast<std::uint32_t>(half & 0x8000u) << 16;
  const std::uint32_t exponent = (half >> 10) & 31u;
  const std::uint32_t mantissa = half & 1023u;
  if (exponent == 0) {
    const float magnitude = std::ldexp(static_cast<float>(mantissa), -24);
    return sign != 0 ? -magnitude : magnitude;
  }
  const std::uint32_t bits =
      exponent == 31 ? 0x7f800000u | (mantissa << 13) : ((exponent + 112) << 23) | (mantissa << 13);
  return std::bit_cast<float>(sign | bits);
}

template <typename Weights>
void exact(const Weights& w, const float* x, std::size_t tokens, const float* bias, float* y) {
  std::vector<float> row_values(w.columns);
  for (std::size_t row = 0; row < w.rows; ++row) {
    for (std::size_t k = 0; k < w.columns; ++k) row_values[k] = weight_at(w, row, k);
    for (std::size_t t = 0; t < tokens; ++t) {
      double sum = bias != nullptr ? load_float(bias, row) : 0.0;
      for (std::size_t k = 0; k < w.columns; ++k) sum += static_cast<double>(row_values[k]) * x[t * w.columns + k];
      y[t * w.rows + row] = static_cast<float>(sum);
    }
  }
}

/// `integer_weight(row, k)` is the integer factor, `scale(row, k)` what multiplies the integer sum of k's group.
template <typename Weights, typename IntegerWeight, typename Scale>
void grouped(const Weights& w, std::size_t rows, std::size_t columns, std::size_t group, const float* x,
             std::size_t tokens, const float* bias, float* y, IntegerWeight integer_weight, Scale scale) {
  std::vector<std::int8_t> codes(columns);
  std::vector<float> scales((columns + group - 1) / group);
  std::vector<float> scores(columns);
  std::vector<float> inliers(columns);
  score_outliers(x, tokens, columns, group, 0, columns, scores.data());
  const OutlierColumns outliers = choose_outliers(scores.data(), columns, tokens);
  for (std::size_t t = 0; t < tokens; ++t) {
    std::copy(x + t * columns, x + (t + 1) * columns, inliers.begin());
    for (std::size_t i = 0; i < outliers.count; ++i) inliers[outliers.columns[i]] = 0;
    for (std::size_t k = 0; k < columns; k += group) {
      scales[k / group] = quantize_activations(inliers.data() + k, std::min(group, columns - k), codes.data() + k);
    }
    for (std::size_t row = 0; row < rows; ++row) {
      double sum = bias != nullptr ? load_float(bias, row) : 0.0;
      for (std::size_t first = 0; first < columns; first += group) {
        std::int32_t products = 0;
        const std::size_t end = std::min(columns, first + group);
        for (std::size_t k = first; k < end; ++k) products += integer_weight(row, k) * codes[k];
        sum += static_cast<double>(products) * (static_cast<double>(scale(row, first)) * scales[first / group]);
      }
      for (std::size_t i = 0; i < outliers.count; ++i) {
        const std::size_t k = outliers.columns[i];
        sum += static_cast<double>(x[t * columns + k]) * weight_at(w, row, k);
      }
      y[t * rows + row] = static_cast<float>(sum);
    }
  }
}

/// Weights that are integers from the start.
std::int32_t no_rest(std::size_t, std::size_t) { return 0; }

/// The same for few tokens, whose activations are rounded by lanes. `rest(row, k)`: rest_of the integer weight.
template <typename IntegerWeight, typename Rest, typename Scale>
void by_lanes(std::size_t rows, std::size_t columns, int bits, const float* x, std::size_t tokens, const float* bias,
              float* y, IntegerWeight integer_weight, Rest rest, Scale scale) {
  const std::size_t lane = lane_columns(bits);
  const std::size_t chunk = chunk_columns(bits);
  const std::size_t chunks = (columns + chunk - 1) / chunk;
  for (std::size_t t = 0; t < tokens; ++t) {
    const RoundedLanes rounded = round_lanes(x + t * columns, columns, bits);
    for (std::size_t row = 0; row < rows; ++row) {
      double sum = bias != nullptr ? load_float(bias, row) : 0.0;
      for (std::size_t pass = 0; pass < chunks + rounded.places.size(); ++pass) {
        const std::size_t place = pass < chunks ? pass : rounded.places[pass - chunks];
        for (std::size_t i = 0; i < kLanes; ++i) {
          const std::size_t first = place * chunk + i * lane;
          if (first >= columns) break;
          std::int32_t products = 0;
          std::int32_t rests = 0;
          for (std::size_t k = first; k < std::min(columns, first + lane); ++k) {
            products += integer_weight(row, k) * rounded.codes[pass * chunk + k - place * chunk];
            if (pass >= chunks) rests += rest(row, k) * rounded.codes[k];
          }
          const double weight_scale = scale(row, first);
          sum += static_cast<double>(products) * (weight_scale * rounded.scales[pass * kLanes + i]);
          sum += static_cast<double>(rests) * (weight_scale * rounded.scales[place * kLanes + i] * kRestStep);
        }
      }
      y[t * rows + row] = static_cast<float>(sum);
    }
  }
}

}  // namespace

std::size_t activation_group(const Linear4Weights& w) {
  for (const std::size_t group : {std::size_t{64}, std::size_t{32}}) {
    if (w.columns % group == 0 && w.block_size % group == 0) return group;
  }
  return 0;
}

std::size_t activation_group(const LinearAffineWeights& w) {
  if (w.bits == 4 && w.columns % 2 != 0) return 0;  // rows begin in the middle of a byte
  if (w.per_tensor || w.block_size >= w.columns) return 64;
  if (w.block_size % 64 == 0) return 64;
  return w.block_size % 32 == 0 ? 32 : 0;
}

ByteMap byte_map(const float* map) {
  float largest = 0;
  for (std::size_t i = 0; i < 16; ++i) largest = std::max(largest, std::fabs(load_float(map, i)));
  ByteMap result{};
  if (largest == 0) return result;
  result.unit = largest / 127.0f;
  for (std::size_t i = 0; i < 16; ++i) {
    result.bytes[i] = static_cast<std::int8_t>(std::nearbyint(load_float(map, i) * (127.0f / largest)));
  }
  return result;
}

float quantize_activations(const float* x, std::size_t count, std::int8_t* codes) {
  float absmax = 0;
  bool finite = true;
  for (std::size_t i = 0; i < count; ++i) {
    finite = finite && std::isfinite(x[i]);
    absmax = std::max(absmax, std::fabs(x[i]));
  }
  std::fill(codes, codes + count, std::int8_t{0});
  if (!finite) return std::numeric_limits<float>::quiet_NaN();
  if (absmax < kSmallestAbsmax) return 0;
  const float inverse = 127.0f / absmax;
  for (std::size_t i = 0; i < count; ++i) codes[i] = static_cast<std::int8_t>(std::nearbyint(x[i] * inverse));
  return absmax / 127.0f;
}

float block_absmax(const Linear4Weights& w, std::size_t block) {
  if (w.absmax != nullptr) return load_float(w.absmax, block);
  const float product =
      load_float(w.nested_map, w.absmax_codes[block]) * load_float(w.nested_absmax, block / kNestedBlockSize);
  return product + w.nested_offset;
}

float weight_at(const Linear4Weights& w, std::size_t row, std::size_t column) {
  const std::size_t element = row * w.columns + column;
  return load_float(w.map, static_cast<std::size_t>(nibble_at(w.codes, element))) *
         block_absmax(w, element / w.block_size);
}

float weight_at(const LinearInt8RowsWeights& w, std::size_t row, std::size_t column) {
  return static_cast<float>(w.codes[row * w.columns + column]) * (load_float(w.row_absmax, row) / 127.0f);
}

float weight_at(const LinearAffineWeights& w, std::size_t row, std::size_t column) {
  const std::size_t element = row * w.columns + column;
  const int code = w.bits == 8 ? w.codes[element] : nibble_at(w.packed, element) - 8;
  const std::size_t index = scale_index(w, row, column);
  const int zero = w.zero_points != nullptr ? w.zero_points[index] : 0;
  return static_cast<float>(code - zero) * load_float(w.scales, index);
}

float weight_at(const Linear16Weights& w, std::size_t row, std::size_t column) {
  const std::size_t element = row * w.columns + column;
  const auto* bytes = static_cast<const unsigned char*>(w.weight);
  if (w.type == WeightType::f32) {
    float value;
    std::memcpy(&value, bytes + element * 4, 4);
    return value;
  }
  std::uint16_t value;
  std::memcpy(&value, bytes + element * 2, 2);
  return w.type == WeightType::bf16 ? std::bit_cast<float>(static_cast<std::uint32_t>(value) << 16)
                                    : half_to_float(value);
}

void linear4(const Linear4Weights& w, const float* x, std::size_t tokens, const float* bias, float* y, Mode mode) {
  const std::size_t group = activation_group(w);
  if (mode == Mode::exact || group == 0) return exact(w, x, tokens, bias, y);
  const ByteMap map = byte_map(w.map);
  const auto weight = [&](std::size_t row, std::size_t k) {
    return static_cast<std::int32_t>(map.bytes[nibble_at(w.codes, row * w.columns + k)]);
  };
  const auto scale = [&](std::size_t row, std::size_t k) {
    return block_absmax(w, (row * w.columns + k) / w.block_size) * map.unit;
  };
  if (tokens < kFewTokens) {
    const auto rest = [&](std::size_t row, std::size_t k) {
      const auto code = static_cast<std::size_t>(nibble_at(w.codes, row * w.columns + k));
      return static_cast<std::int32_t>(map.unit == 0 ? 0
                                                     : rest_of(load_float(w.map, code) / map.unit, map.bytes[code]));
    };
    return by_lanes(w.rows, w.columns, 4, x, tokens, bias, y, weight, rest, scale);
  }
  grouped(w, w.rows, w.columns, group, x, tokens, bias, y, weight, scale);
}

void linear_affine(const LinearAffineWeights& w, const float* x, std::size_t tokens, const float* bias, float* y,
                   Mode mode) {
  const std::size_t group = activation_group(w);
  if (mode == Mode::exact || group == 0) return exact(w, x, tokens, bias, y);
  const auto weight = [&](std::size_t row, std::size_t k) {
    const std::size_t element = row * w.columns + k;
    const int code = w.bits == 8 ? w.codes[element] : nibble_at(w.packed, element) - 8;
    return static_cast<std::int32_t>(code - (w.zero_points != nullptr ? w.zero_points[scale_index(w, row, k)] : 0));
  };
  const auto scale = [&](std::size_t row, std::size_t k) { return load_float(w.scales, scale_index(w, row, k)); };
  if (tokens < kFewTokens) return by_lanes(w.rows, w.columns, w.bits, x, tokens, bias, y, weight, no_rest, scale);
  grouped(w, w.rows, w.columns, group, x, tokens, bias, y, weight, scale);
}

void linear_int8_rows(const LinearInt8RowsWeights& w, const float* x, std::size_t tokens, const float* bias, float* y,
                      Mode mode) {
  if (mode == Mode::exact) return exact(w, x, tokens, bias, y);
  if (tokens < kFewTokens) {
    return by_lanes(
        w.rows, w.columns, 8, x, tokens, bias, y,
        [&](std::size_t row, std::size_t k) { return static_cast<std::int32_t>(w.codes[row * w.columns + k]); },
        no_rest, [&](std::size_t row, std::size_t) { return load_float(w.row_absmax, row) / 127.0f; });
  }
  std::vector<float> inliers(w.columns);
  std::vector<std::int8_t> codes(w.columns);
  std::vector<float> scales((w.columns + kInt8Group - 1) / kInt8Group);
  for (std::size_t t = 0; t < tokens; ++t) {
    const float* token = x + t * w.columns;
    const auto outlier = [&](std::size_t k) { return w.threshold > 0 && std::fabs(token[k]) >= w.threshold; };
    for (std::size_t k = 0; k < w.columns; ++k) inliers[k] = outlier(k) ? 0.0f : token[k];
    for (std::size_t first = 0; first < w.columns; first += kInt8Group) {
      scales[first / kInt8Group] =
          quantize_activations(inliers.data() + first, std::min(kInt8Group, w.columns - first), codes.data() + first);
    }
    for (std::size_t row = 0; row < w.rows; ++row) {
      double sum = bias != nullptr ? load_float(bias, row) : 0.0;
      const double row_scale = load_float(w.row_absmax, row) / 127.0f;
      for (std::size_t first = 0; first < w.columns; first += kInt8Group) {
        std::int32_t products = 0;
        for (std::size_t k = first; k < std::min(w.columns, first + kInt8Group); ++k) {
          products += static_cast<std::int32_t>(w.codes[row * w.columns + k]) * codes[k];
          if (outlier(k)) sum += static_cast<double>(weight_at(w, row, k)) * token[k];
        }
        sum += static_cast<double>(products) * (row_scale * scales[first / kInt8Group]);
      }
      y[t * w.rows + row] = static_cast<float>(sum);
    }
  }
}

void linear16(const Linear16Weights& w, const float* x, std::size_t tokens, const float* bias, float* y) {
  exact(w, x, tokens, bias, y);
}

}  // namespace nibble::reference

// See linear_reference.h. Written for reading, not for speed.

#include "base/linear_reference.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "base/activation_rounding.h"
#include "base/outlier_columns.h"
#include "base/weights.h"
#include "reference/linear_lanes.h"

namespace nibble::reference {

using namespace rounding;

namespace {

void exact(const WeightView& w, const float* x, std::size_t tokens, const float* bias, float* y) {
  std::vector<float> row_values(w.columns);
  for (std::size_t row = 0; row < w.rows; ++row) {
    for (std::size_t k = 0; k < w.columns; ++k) row_values[k] = weight_at_position(w, row, k);
    for (std::size_t t = 0; t < tokens; ++t) {
      double sum = bias != nullptr ? load_float(bias, row) : 0.0;
      for (std::size_t k = 0; k < w.columns; ++k) sum += static_cast<double>(row_values[k]) * x[t * w.columns + k];
      y[t * w.rows + row] = static_cast<float>(sum);
    }
  }
}

/// `integer_weight(row, k)` is the integer factor, `scale(row, k)` what multiplies the integer sum of k's group.
template <typename IntegerWeight, typename Scale>
void grouped(const WeightView& w, std::size_t group, const float* x, std::size_t tokens, const float* bias, float* y,
             IntegerWeight integer_weight, Scale scale) {
  const std::size_t rows = w.rows;
  const std::size_t columns = w.columns;
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
        sum += static_cast<double>(x[t * columns + k]) * weight_at_position(w, row, k);
      }
      y[t * rows + row] = static_cast<float>(sum);
    }
  }
}

/// The same with the outliers of LLM.int8: each token's activations from the threshold on stay float32.
template <typename IntegerWeight, typename Scale>
void with_threshold(const WeightView& w, std::size_t group, const float* x, std::size_t tokens, const float* bias,
                    float* y, IntegerWeight integer_weight, Scale scale) {
  std::vector<float> inliers(w.columns);
  std::vector<std::int8_t> codes(w.columns);
  std::vector<float> scales((w.columns + group - 1) / group);
  for (std::size_t t = 0; t < tokens; ++t) {
    const float* token = x + t * w.columns;
    const auto outlier = [&](std::size_t k) { return w.threshold > 0 && std::fabs(token[k]) >= w.threshold; };
    for (std::size_t k = 0; k < w.columns; ++k) inliers[k] = outlier(k) ? 0.0f : token[k];
    for (std::size_t first = 0; first < w.columns; first += group) {
      scales[first / group] =
          quantize_activations(inliers.data() + first, std::min(group, w.columns - first), codes.data() + first);
    }
    for (std::size_t row = 0; row < w.rows; ++row) {
      double sum = bias != nullptr ? load_float(bias, row) : 0.0;
      for (std::size_t first = 0; first < w.columns; first += group) {
        std::int32_t products = 0;
        for (std::size_t k = first; k < std::min(w.columns, first + group); ++k) {
          products += integer_weight(row, k) * codes[k];
          if (outlier(k)) sum += static_cast<double>(weight_at_position(w, row, k)) * token[k];
        }
        sum += static_cast<double>(products) * (static_cast<double>(scale(row, first)) * scales[first / group]);
      }
      y[t * w.rows + row] = static_cast<float>(sum);
    }
  }
}

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

void linear_product(const WeightView& w, const float* x, std::size_t tokens, const LinearOutput& to, Mode mode) {
  const std::size_t group = activation_group(w);
  if (mode == Mode::exact || group == 0) return exact(w, x, tokens, to.bias, to.y);
  const FormatTraits& traits = traits_of(w.format);
  const bool by_levels = has_levels(traits);
  const float* levels = levels_of(w);
  const ByteMap map = by_levels ? byte_map(levels) : ByteMap{{}, 1.0f};
  const auto code = [&](std::size_t row, std::size_t k) { return code_of(w, row * w.columns + k); };
  const auto weight = [&](std::size_t row, std::size_t k) -> std::int32_t {
    return by_levels ? map.bytes[code(row, k)] : code(row, k) - zero_point(w, block_of(w, row, k));
  };
  const auto scale = [&](std::size_t row, std::size_t k) { return block_scale(w, block_of(w, row, k)) * map.unit; };
  if (tokens < kFewTokens) {
    const auto rest = [&](std::size_t row, std::size_t k) -> std::int32_t {
      if (!by_levels || map.unit == 0) return 0;
      const auto index = static_cast<std::size_t>(code(row, k));
      return rest_of(load_float(levels, index) / map.unit, map.bytes[index]);
    };
    return by_lanes(w.rows, w.columns, traits.bits, x, tokens, to.bias, to.y, weight, rest, scale);
  }
  if (traits.outliers == FormatTraits::Outliers::threshold) {
    return with_threshold(w, group, x, tokens, to.bias, to.y, weight, scale);
  }
  grouped(w, group, x, tokens, to.bias, to.y, weight, scale);
}

}  // namespace nibble::reference

// Matrix products of every kind of weights against the reference, the same promises as in linear.test.ts and
// linear-parity.test.ts.

#include <algorithm>
#include <cstring>
#include <limits>
#include <memory>
#include <optional>
#include <stdexcept>

#include "check/checks.h"
#include "codebook.h"
#include "half.h"
#include "reference/linear_reference.h"

namespace nibble::check {
namespace {

/// A matrix in one of the formats.
struct Layer {
  std::string name;
  std::size_t rows;
  std::size_t columns;
  std::function<void(const float* x, std::size_t tokens, const float* bias, float* y, Mode mode, Isa isa)> multiply;
  std::vector<double> weights;  // [rows, columns]
};

std::vector<std::uint8_t> random_bytes(std::size_t count, Random& random) {
  std::vector<std::uint8_t> bytes(count);
  for (std::uint8_t& byte : bytes) byte = static_cast<std::uint8_t>(random.bits());
  return bytes;
}

std::vector<float> random_scales(std::size_t count, Random& random) {
  std::vector<float> scales(count);
  for (float& scale : scales) scale = random.positive();
  return scales;
}

template <typename Weights>
std::vector<double> values_of(const Weights& w) {
  std::vector<double> values(w.rows * w.columns);
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = reference::weight_at(w, i / w.columns, i % w.columns);
  return values;
}

/// How the scales of 4-bit weights are stored: nested ones by the map of double quantization, or by one that no
/// straight pieces describe.
enum class Absmax { plain, nested, nested_otherwise };

Layer four_bit(std::size_t rows, std::size_t columns, std::size_t block_size, Absmax absmax, Random& random) {
  const bool nested = absmax != Absmax::plain;
  struct Storage {
    Misaligned codes, absmax, absmax_codes, nested_absmax, nested_map, map;
    std::optional<NestedCurve> curve;
    Linear4Weights w;
  };
  auto s = std::make_shared<Storage>();
  const std::size_t blocks = (rows * columns + block_size - 1) / block_size;
  const float* map = four_bit_values(nested ? FourBitType::nf4 : FourBitType::fp4);
  float offset = 0;
  s->codes = Misaligned(random_bytes((rows * columns + 1) / 2, random));
  s->map = Misaligned(std::vector<float>(map, map + 16));
  if (nested) {
    s->absmax_codes = Misaligned(random_bytes(blocks, random));
    const std::vector<float> nested_absmax = random_scales((blocks + 255) / 256, random);
    // As the largest magnitudes of blocks are: positive. The bound knows nothing of scales that cancel to nearly 0.
    offset = 1.5f * *std::max_element(nested_absmax.begin(), nested_absmax.end());
    s->nested_absmax = Misaligned(nested_absmax);
    s->nested_map = Misaligned(absmax == Absmax::nested ? std::vector<float>(dynamic8_values(), dynamic8_values() + 256)
                                                        : random_scales(256, random));
    s->curve = nested_curve(s->nested_map.floats());
    if (s->curve.has_value() != (absmax == Absmax::nested)) throw std::logic_error("nested_curve judges wrongly");
  } else {
    s->absmax = Misaligned(random_scales(blocks, random));
  }
  s->w = {s->codes.bytes(),
          nested ? nullptr : s->absmax.floats(),
          nested ? s->absmax_codes.bytes() : nullptr,
          nested ? s->nested_absmax.floats() : nullptr,
          nested ? s->nested_map.floats() : nullptr,
          offset,
          s->map.floats(),
          rows,
          columns,
          block_size,
          s->curve ? &*s->curve : nullptr};
  return {std::string(nested ? "nf4-dq " : "fp4 ") + std::to_string(block_size), rows, columns,
          [s](const float* x, std::size_t tokens, const float* bias, float* y, Mode mode, Isa isa) {
            linear4(s->w, x, tokens, bias, y, mode, isa, kBackwards);
          },
          values_of(s->w)};
}

Layer int8_rows(std::size_t rows, std::size_t columns, float threshold, Random& random) {
  struct Storage {
    Misaligned codes, row_absmax;
    LinearInt8RowsWeights w;
  };
  auto s = std::make_shared<Storage>();
  s->codes = Misaligned(random_bytes(rows * columns, random));
  s->row_absmax = Misaligned(random_scales(rows, random));
  s->w = {s->codes.codes(), s->row_absmax.floats(), rows, columns, threshold};
  return {"llm-int8 " + std::to_string(threshold), rows, columns,
          [s](const float* x, std::size_t tokens, const float* bias, float* y, Mode mode, Isa isa) {
            linear_int8_rows(s->w, x, tokens, bias, y, mode, isa, kBackwards);
          },
          values_of(s->w)};
}

/// @param block_size 0 for one scale per tensor, `columns` for one per row
Layer affine(std::size_t rows, std::size_t columns, int bits, std::size_t block_size, bool zero_points,
             Random& random) {
  struct Storage {
    Misaligned codes, scales, zero_points;
    LinearAffineWeights w;
  };
  auto s = std::make_shared<Storage>();
  const std::size_t count = block_size == 0 ? 1 : rows * ((columns + block_size - 1) / block_size);
  s->codes = Misaligned(random_bytes(bits == 8 ? rows * columns : (rows * columns + 1) / 2, random));
  s->scales = Misaligned(random_scales(count, random));
  std::vector<std::int8_t> zeros(count);
  for (std::int8_t& zero : zeros)
    zero = static_cast<std::int8_t>(static_cast<int>(random.below(1u << bits)) - (1 << (bits - 1)));
  s->zero_points = Misaligned(zeros);
  s->w = {bits == 8 ? s->codes.codes() : nullptr,
          bits == 4 ? s->codes.bytes() : nullptr,
          s->scales.floats(),
          zero_points ? s->zero_points.codes() : nullptr,
          bits,
          block_size == 0,
          rows,
          columns,
          block_size == 0 ? columns : block_size};
  return {"int" + std::to_string(bits) + " block " + std::to_string(block_size) + (zero_points ? " zero points" : ""),
          rows, columns,
          [s](const float* x, std::size_t tokens, const float* bias, float* y, Mode mode, Isa isa) {
            linear_affine(s->w, x, tokens, bias, y, mode, isa, kBackwards);
          },
          values_of(s->w)};
}

Layer sixteen_bit(std::size_t rows, std::size_t columns, WeightType type, Random& random) {
  struct Storage {
    Misaligned bytes;
    Linear16Weights w;
  };
  auto s = std::make_shared<Storage>();
  std::vector<std::uint16_t> halves(rows * columns);
  std::vector<float> floats(rows * columns);
  for (std::size_t i = 0; i < floats.size(); ++i) {
    floats[i] = random.gaussian();
    std::uint32_t bits;
    std::memcpy(&bits, &floats[i], sizeof bits);
    halves[i] = type == WeightType::f16 ? half_from_float(floats[i]) : static_cast<std::uint16_t>(bits >> 16);
  }
  s->bytes = type == WeightType::f32 ? Misaligned(floats) : Misaligned(halves);
  s->w = {s->bytes.bytes(), type, rows, columns};
  return {"type " + std::to_string(static_cast<int>(type)), rows, columns,
          [s](const float* x, std::size_t tokens, const float* bias, float* y, Mode mode, Isa isa) {
            linear16(s->w, x, tokens, bias, y, mode, isa, kBackwards);
          },
          values_of(s->w)};
}

std::vector<Layer> layers_of(std::size_t rows, std::size_t columns, Random& random) {
  std::vector<Layer> layers;
  for (const std::size_t block : {32u, 64u, 128u, 4096u}) {
    layers.push_back(four_bit(rows, columns, block, Absmax::nested, random));
    layers.push_back(four_bit(rows, columns, block, Absmax::nested_otherwise, random));
    layers.push_back(four_bit(rows, columns, block, Absmax::plain, random));
  }
  for (const std::size_t block :
       {std::size_t{0}, columns, std::size_t{16}, std::size_t{32}, std::size_t{64}, std::size_t{128}}) {
    for (const bool zero_points : {false, true}) {
      layers.push_back(affine(rows, columns, 8, block, zero_points, random));
      layers.push_back(affine(rows, columns, 4, block, zero_points, random));
    }
  }
  for (const float threshold : {0.0f, 6.0f, 0.5f}) layers.push_back(int8_rows(rows, columns, threshold, random));
  for (const WeightType type : {WeightType::bf16, WeightType::f16, WeightType::f32}) {
    layers.push_back(sixteen_bit(rows, columns, type, random));
  }
  return layers;
}

/// Activations as models have them: normal, some tokens tiny or all zero, a few outliers far above the rest.
std::vector<float> activations(std::size_t tokens, std::size_t columns, Random& random) {
  std::vector<float> x(tokens * columns);
  for (std::size_t t = 0; t < tokens; ++t) {
    const float scale = t % 5 == 3 ? 0.0f : t % 5 == 4 ? 1e-20f : 1.0f;
    for (std::size_t k = 0; k < columns; ++k) x[t * columns + k] = scale * random.gaussian();
    if (t % 5 < 3) x[t * columns + random.below(columns)] = 30 * random.gaussian();
  }
  return x;
}

/// Some counts for each of the many layers: every kernel meets every count all the same, and an emulator is slow.
std::vector<std::size_t> some_token_counts(Random& random) {
  constexpr std::size_t kCounts[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 16, 33};
  return {1, kCounts[random.below(11)], kCounts[random.below(11)], 9 + random.below(25)};
}

void check_products(const Layer& layer, const std::vector<std::size_t>& token_counts, Isa isa, Random& random,
                    Report& report) {
  std::vector<float> bias(layer.rows);
  for (float& value : bias) value = random.gaussian();
  for (const std::size_t tokens : token_counts) {
    const std::vector<float> x = activations(tokens, layer.columns, random);
    std::vector<float> exact(tokens * layer.rows), fast(tokens * layer.rows), defined(tokens * layer.rows);
    layer.multiply(x.data(), tokens, bias.data(), exact.data(), Mode::exact, isa);
    layer.multiply(x.data(), tokens, bias.data(), fast.data(), Mode::fast, isa);
    layer.multiply(x.data(), tokens, bias.data(), defined.data(), Mode::fast, Isa::reference);
    const std::string name = layer.name + ", " + std::to_string(layer.rows) + " x " + std::to_string(layer.columns) +
                             ", " + std::to_string(tokens) + " tokens";
    for (std::size_t i = 0; i < fast.size(); ++i) {
      const float* token = x.data() + i / layer.rows * layer.columns;
      const double* weights = layer.weights.data() + i % layer.rows * layer.columns;
      double sum = bias[i % layer.rows];
      double magnitude = std::fabs(sum);
      for (std::size_t k = 0; k < layer.columns; ++k) {
        sum += weights[k] * token[k];
        magnitude += std::fabs(weights[k] * token[k]);
      }
      const double bound = magnitude * float_bound(layer.columns);
      report.near(name + ", exact", exact[i], sum, bound);
      // Sets round activations alike: between them only the order of float32 sums differs.
      report.near(name + ", fast", fast[i], defined[i], bound);
    }
  }
}

/// Zeros give the bias; NaN and infinity show in their own token and in no other.
void check_faults(const Layer& layer, Isa isa, Random& random, Report& report) {
  const std::size_t n = layer.rows;
  std::vector<float> bias(n);
  for (float& value : bias) value = random.gaussian();
  for (const std::size_t tokens : {3u, 11u}) {
    std::vector<float> x = activations(tokens, layer.columns, random);
    for (std::size_t k = 0; k < layer.columns; ++k) x[k] = 0;
    x[layer.columns + layer.columns / 2] = std::numeric_limits<float>::quiet_NaN();
    x[2 * layer.columns + 7] = -std::numeric_limits<float>::infinity();
    for (const Mode mode : {Mode::fast, Mode::exact}) {
      std::vector<float> y(tokens * n);
      layer.multiply(x.data(), tokens, bias.data(), y.data(), mode, isa);
      report.equal(layer.name + ": the bias for zeros", y.data(), bias.data(), n * sizeof(float));
      for (std::size_t i = n; i < y.size(); ++i) {
        report.holds(layer.name + ": faults in their token", std::isfinite(y[i]) == (i >= 3 * n));
      }
    }
  }
}

/// Whole activations with 127 in every group: each scale is 1, and every product must be the exact integer.
void check_integers(Isa isa, Random& random, Report& report) {
  constexpr std::size_t kRows = 19;
  constexpr std::size_t kColumns = 416;
  for (const int pattern : {0, 1, 2}) {
    std::vector<std::int8_t> codes(kRows * kColumns);
    for (std::int8_t& code : codes) {
      code = static_cast<std::int8_t>(pattern == 0                           ? static_cast<int>(random.below(256)) - 128
                                      : pattern == 2 || random.below(2) == 0 ? -128
                                                                             : 127);
    }
    std::vector<std::int8_t> zeros(kRows);
    for (std::int8_t& zero : zeros) zero = static_cast<std::int8_t>(static_cast<int>(random.below(9)) - 4);
    const std::vector<float> ones(kRows, 1.0f);
    for (const std::size_t tokens : {1u, 2u, 4u, 8u, 9u, 17u}) {
      std::vector<float> x(tokens * kColumns);
      for (std::size_t i = 0; i < x.size(); ++i) {
        const int value = pattern == 0 ? static_cast<int>(random.below(255)) - 127 : pattern == 1 ? 127 : -127;
        x[i] = i % kColumns % 4 == 0 ? 127.0f : static_cast<float>(value);
      }
      for (const bool shifted : {false, true}) {
        const LinearAffineWeights w{codes.data(), nullptr,  ones.data(), shifted ? zeros.data() : nullptr, 8, false,
                                    kRows,        kColumns, kColumns};
        std::vector<float> y(tokens * kRows);
        linear_affine(w, x.data(), tokens, nullptr, y.data(), Mode::fast, isa, kBackwards);
        for (std::size_t i = 0; i < y.size(); ++i) {
          const std::size_t row = i % kRows;
          std::int64_t sum = 0;
          for (std::size_t k = 0; k < kColumns; ++k) {
            const int weight = codes[row * kColumns + k] - (shifted ? zeros[row] : 0);
            sum += weight * static_cast<int>(x[i / kRows * kColumns + k]);
          }
          report.holds("exact integers, pattern " + std::to_string(pattern), y[i] == static_cast<float>(sum));
        }
      }
    }
  }
}

/// Powers of two change no rounding, only the exponent.
void check_ends(Isa isa, Random& random, Report& report) {
  const Layer layer = affine(40, 128, 8, 128, false, random);
  const std::vector<float> x = activations(1, 128, random);
  const auto scaled = [&](int exponent) {
    std::vector<float> values(x);
    for (float& value : values) value = std::ldexp(value, exponent);
    std::vector<float> y(40);
    layer.multiply(values.data(), 1, nullptr, y.data(), Mode::fast, isa);
    return y;
  };
  const std::vector<float> plain = scaled(0);
  for (const int exponent : {-80, 80}) {
    const std::vector<float> y = scaled(exponent);
    for (std::size_t i = 0; i < y.size(); ++i) {
      report.holds("scales near the ends of float32", y[i] == std::ldexp(plain[i], exponent));
    }
  }
}

}  // namespace

void check_linear(Isa isa, std::uint64_t seed, Report& report) {
  Random random(seed);
  // Odd rows and columns, tails of every kernel, blocks of 4-bit weights that straddle rows, more than one strip.
  constexpr std::size_t kShapes[][2] = {{1, 24}, {5, 37}, {16, 96}, {33, 160}, {21, 250}, {35, 320}, {9, 1056}};
  for (const auto& [rows, columns] : kShapes) {
    for (const Layer& layer : layers_of(rows, columns, random)) {
      check_products(layer, some_token_counts(random), isa, random, report);
      if (columns == 320) check_faults(layer, isa, random, report);
    }
  }
  // Strips of several tiles, the last of them incomplete.
  for (const Layer& layer : layers_of(531, 96, random)) {
    check_products(layer, {34 + random.below(7)}, isa, random, report);
  }
  // Of a long prompt the tokens are split as well.
  for (const Layer& layer : layers_of(35, 96, random)) {
    check_products(layer, {129 + random.below(14)}, isa, random, report);
  }
  check_integers(isa, random, report);
  check_ends(isa, random, report);
}

}  // namespace nibble::check

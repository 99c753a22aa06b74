// Matrix products of every kind of weights against the reference, the same promises as in linear.test.ts and
// linear-parity.test.ts.

#include <algorithm>
#include <cstring>
#include <limits>
#include <memory>
#include <optional>
#include <stdexcept>

#include "base/weights.h"
#include "check/checks.h"
#include "codebook.h"
#include "half.h"

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

std::vector<double> values_of(const WeightView& w) {
  std::vector<double> values(w.rows * w.columns);
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = weight_at(w, i / w.columns, i % w.columns);
  return values;
}

/// What a view points to.
struct Storage {
  Misaligned codes, scales, zero_points, levels, scale_codes, nested_scales, nested_map;
  std::optional<NestedCurve> curve;
  WeightView w{};
};

Layer layer_of(std::string name, std::shared_ptr<Storage> s) {
  return {std::move(name), s->w.rows, s->w.columns,
          [s](const float* x, std::size_t tokens, const float* bias, float* y, Mode mode, Isa isa) {
            linear_product(s->w, x, tokens, bias, y, mode, isa, kBackwards);
          },
          values_of(s->w)};
}

/// How scales are stored: nested ones by the map of double quantization, or by one that no straight pieces describe.
enum class ScaleStorage { plain, nested, nested_otherwise };

void add_nested_scales(Storage& s, ScaleStorage storage, Random& random) {
  const std::size_t blocks = block_count(s.w);
  s.scale_codes = Misaligned(random_bytes(blocks, random));
  const std::vector<float> nested = random_scales((blocks + 255) / 256, random);
  // As the largest magnitudes of blocks are: positive. The bound knows nothing of scales that cancel to nearly 0.
  s.w.nested_offset = 1.5f * *std::max_element(nested.begin(), nested.end());
  s.nested_scales = Misaligned(nested);
  s.nested_map =
      Misaligned(storage == ScaleStorage::nested ? std::vector<float>(dynamic8_values(), dynamic8_values() + 256)
                                                 : random_scales(256, random));
  s.curve = nested_curve(s.nested_map.floats());
  if (s.curve.has_value() != (storage == ScaleStorage::nested)) throw std::logic_error("nested_curve judges wrongly");
  s.w.scale_codes = s.scale_codes.bytes();
  s.w.nested_scales = s.nested_scales.floats();
  s.w.nested_map = s.nested_map.floats();
  s.w.nested_curve = s.curve ? &*s.curve : nullptr;
}

/// A matrix of codes with random scales.
/// @param block_size 0 for one scale for all
Layer coded(WeightFormat format, std::size_t rows, std::size_t columns, std::size_t block_size, ScaleStorage storage,
            bool zero_points, Random& random, float threshold = 0) {
  const FormatTraits& traits = traits_of(format);
  auto s = std::make_shared<Storage>();
  WeightView& w = s->w;
  w.format = format;
  w.rows = rows;
  w.columns = columns;
  w.block_size = block_size;
  w.threshold = threshold;
  s->codes = Misaligned(random_bytes(code_bytes(w), random));
  w.codes = s->codes.bytes();
  if (traits.values == FormatTraits::Values::levels) {
    const float* levels = four_bit_values(storage == ScaleStorage::plain ? FourBitType::fp4 : FourBitType::nf4);
    s->levels = Misaligned(std::vector<float>(levels, levels + 16));
    w.levels = s->levels.floats();
  }
  if (traits.scales == FormatTraits::Scales::e8m0) {
    std::vector<std::uint8_t> exponents(block_count(w));
    for (std::uint8_t& exponent : exponents) exponent = static_cast<std::uint8_t>(120 + random.below(12));
    s->scales = Misaligned(exponents);
    w.scales = s->scales.bytes();
  } else if (storage == ScaleStorage::plain) {
    s->scales = Misaligned(random_scales(block_count(w), random));
    w.scales = s->scales.floats();
  } else {
    add_nested_scales(*s, storage, random);
  }
  if (zero_points) {
    std::vector<std::int8_t> zeros(block_count(w));
    for (std::int8_t& zero : zeros) {
      zero = static_cast<std::int8_t>(static_cast<int>(random.below(std::size_t{1} << traits.bits)) -
                                      (1 << (traits.bits - 1)));
    }
    s->zero_points = Misaligned(zeros);
    w.zero_points = s->zero_points.codes();
  }
  return layer_of(std::string(traits.name) + " block " + std::to_string(block_size) +
                      (storage == ScaleStorage::plain ? "" : " nested") + (zero_points ? " zero points" : ""),
                  s);
}

Layer floats(WeightFormat format, std::size_t rows, std::size_t columns, Random& random) {
  auto s = std::make_shared<Storage>();
  std::vector<std::uint16_t> halves(rows * columns);
  std::vector<float> values(rows * columns);
  for (std::size_t i = 0; i < values.size(); ++i) {
    values[i] = random.gaussian();
    std::uint32_t bits;
    std::memcpy(&bits, &values[i], sizeof bits);
    halves[i] = format == WeightFormat::f16 ? half_from_float(values[i]) : static_cast<std::uint16_t>(bits >> 16);
  }
  s->codes = format == WeightFormat::f32 ? Misaligned(values) : Misaligned(halves);
  s->w.format = format;
  s->w.rows = rows;
  s->w.columns = columns;
  s->w.codes = s->codes.bytes();
  return layer_of(traits_of(format).name, s);
}

/// One layer or more of every row of formats.def.
std::vector<Layer> layers_of(std::size_t rows, std::size_t columns, Random& random) {
  std::vector<Layer> layers;
  for (const FormatTraits& traits : kFormats) {
    const WeightFormat format = traits.format;
    if (traits.order != FormatTraits::Order::high_first && columns % 2 != 0) continue;
    switch (traits.blocks) {
      case FormatTraits::Blocks::none:
        layers.push_back(floats(format, rows, columns, random));
        break;
      case FormatTraits::Blocks::flat:
        for (const std::size_t block : {32u, 64u, 128u, 4096u}) {
          for (const ScaleStorage storage :
               {ScaleStorage::nested, ScaleStorage::nested_otherwise, ScaleStorage::plain}) {
            layers.push_back(coded(format, rows, columns, block, storage, false, random));
          }
        }
        break;
      case FormatTraits::Blocks::row:
        if (traits.outliers == FormatTraits::Outliers::threshold) {
          for (const float threshold : {0.0f, 6.0f, 0.5f}) {
            layers.push_back(coded(format, rows, columns, columns, ScaleStorage::plain, false, random, threshold));
          }
          break;
        }
        for (const std::size_t block :
             {std::size_t{0}, columns, std::size_t{16}, std::size_t{32}, std::size_t{64}, std::size_t{128}}) {
          layers.push_back(coded(format, rows, columns, block, ScaleStorage::plain, false, random));
          if (traits.zero_points)
            layers.push_back(coded(format, rows, columns, block, ScaleStorage::plain, true, random));
        }
        break;
    }
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
        WeightView w{WeightFormat::int8, kRows, kColumns, kColumns, codes.data()};
        w.scales = ones.data();
        if (shifted) w.zero_points = zeros.data();
        std::vector<float> y(tokens * kRows);
        linear_product(w, x.data(), tokens, nullptr, y.data(), Mode::fast, isa, kBackwards);
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
  const Layer layer = coded(WeightFormat::int8, 40, 128, 128, ScaleStorage::plain, false, random);
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

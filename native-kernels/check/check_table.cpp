// Every entry of a LinearKernels table by itself: rounding and decoding bit for bit, float32 sums within their bound.

#include <algorithm>
#include <cstring>
#include <limits>

#include "base/activation_rounding.h"
#include "check/checks.h"
#include "cpu/linear/linear_kernels.h"
#include "half.h"
#include "reference/linear_lanes.h"

namespace nibble::check {
namespace {

using linear::LinearKernels;
using linear::Order;

constexpr std::size_t round_up(std::size_t value, std::size_t multiple) {
  return (value + multiple - 1) / multiple * multiple;
}

std::string named(const char* what, std::size_t a, std::size_t b = 0) {
  return std::string(what) + " " + std::to_string(a) + " " + std::to_string(b);
}

/// Activations with everything that rounding must survive, group by group.
std::vector<float> difficult(std::size_t columns, std::size_t group, Random& random) {
  std::vector<float> x(columns);
  for (std::size_t k = 0; k < columns; ++k) {
    switch (k / group % 9) {
      case 1:
        x[k] = 0;
        break;
      case 2:
        x[k] = std::ldexp(random.gaussian(), -140);
        break;
      case 3:
        x[k] = std::ldexp(random.gaussian(), 120);
        break;
      case 4:  // ties: halves of a step of 1
        x[k] = k % group == 0 ? 127.0f : static_cast<float>(random.below(254)) / 2;
        break;
      default:
        x[k] = random.gaussian();
    }
    if (k / group % 9 == 5 && k % group == 3) x[k] = std::numeric_limits<float>::infinity();
    if (k / group % 9 == 7 && k % group == 5) x[k] = std::numeric_limits<float>::quiet_NaN();
  }
  return x;
}

void check_quantize(const LinearKernels& kernels, Random& random, Report& report) {
  for (const std::size_t columns : {1u, 24u, 37u, 64u, 96u, 160u, 250u, 1056u, 1152u}) {
    for (const std::size_t group : {64u, 32u}) {
      for (const Order order : {Order::natural, Order::even_odd}) {
        for (const std::int32_t factor : {-1, -128}) {
          const std::size_t padded = round_up(columns, linear::kActivationPad);
          const std::size_t stride = round_up(padded / group, linear::kScalePad);
          const std::vector<float> x = difficult(columns, group, random);
          std::vector<std::int8_t> natural(padded), wanted(padded), codes(padded, std::int8_t{99});
          std::vector<float> wanted_scales(stride), scales(stride, 99.0f);
          std::vector<std::int32_t> wanted_offsets(stride), offsets(stride, 99);
          for (std::size_t at = 0; at < columns; at += group) {
            const std::size_t count = std::min(group, columns - at);
            wanted_scales[at / group] = rounding::quantize_activations(x.data() + at, count, natural.data() + at);
            for (std::size_t k = at; k < at + count; ++k) wanted_offsets[at / group] += factor * natural[k];
          }
          for (std::size_t k = 0; k < padded; ++k) {
            const std::size_t inside = k % 128;
            const std::size_t to = order == Order::natural ? k : k - inside + inside % 2 * 64 + inside / 2;
            wanted[to] = natural[k];
          }
          kernels.quantize(
              {x.data(), columns, group, order, factor, codes.data(), scales.data(), offsets.data(), stride});
          const std::string name = named("quantize", columns, group);
          report.equal(name + " codes", codes.data(), wanted.data(), padded);
          report.equal(name + " offsets", offsets.data(), wanted_offsets.data(), stride * sizeof(std::int32_t));
          for (std::size_t g = 0; g < stride; ++g) {
            const bool both_nan = std::isnan(scales[g]) && std::isnan(wanted_scales[g]);
            report.holds(name + " scales", both_nan || scales[g] == wanted_scales[g]);
          }
        }
      }
    }
  }
}

void check_round_lanes(const LinearKernels& kernels, Random& random, Report& report) {
  if (kernels.round_lanes == nullptr) return;
  for (const int bits : {4, 8}) {
    const std::size_t lane = rounding::lane_columns(bits);
    const std::size_t chunk = rounding::chunk_columns(bits);
    for (const std::size_t columns : {1u, 24u, 37u, 64u, 96u, 160u, 250u, 1056u, 1152u}) {
      std::vector<float> x = difficult(columns, 2 * chunk, random);
      // Outliers, whose chunks get a second pass.
      for (std::size_t k = 0; k < columns; k += 1 + random.below(300)) x[k] *= 300;
      const reference::RoundedLanes wanted = reference::round_lanes(x.data(), columns, bits);
      const std::size_t chunks = (columns + chunk - 1) / chunk;
      std::vector<std::int8_t> codes(2 * chunks * chunk, std::int8_t{99});
      std::vector<std::int32_t> offsets(2 * chunks * rounding::kLanes, 99);
      std::vector<float> scales(2 * chunks * rounding::kLanes, 99.0f);
      std::vector<std::uint32_t> places(chunks);
      const std::size_t passes =
          kernels.round_lanes({x.data(), columns, bits, codes.data(), offsets.data(), scales.data(), places.data()});
      const std::string name = named("round_lanes", columns, static_cast<std::size_t>(bits));
      report.holds(name + " second passes", passes == wanted.places.size());
      if (passes != wanted.places.size()) continue;
      report.equal(name + " places", places.data(), wanted.places.data(), passes * sizeof(std::uint32_t));
      for (std::size_t k = 0; k < wanted.codes.size(); ++k) {
        const std::size_t inside = k % chunk;
        const std::size_t to = bits == 8 ? k : k - inside + inside % 2 * 64 + inside / 2;
        report.holds(name + " codes", codes[to] == wanted.codes[k]);
      }
      for (std::size_t i = 0; i < wanted.scales.size(); ++i) {
        const bool both_nan = std::isnan(scales[i]) && std::isnan(wanted.scales[i]);
        report.holds(name + " scales", both_nan || scales[i] == wanted.scales[i]);
        std::int32_t sum = 0;
        for (std::size_t k = 0; k < lane; ++k) sum += wanted.codes[i * lane + k];
        report.holds(name + " offsets", offsets[i] == -128 * sum);
      }
    }
  }
}

void check_expand(const LinearKernels& kernels, Random& random, Report& report) {
  float map[16];
  for (float& value : map) value = random.gaussian();
  for (const std::size_t count : {0u, 1u, 2u, 7u, 8u, 15u, 16u, 17u, 33u, 64u, 131u}) {
    for (const std::size_t first : {0u, 1u, 6u}) {
      const float scale = random.positive();
      Misaligned codes((first + count + 1) / 2);
      for (std::size_t i = 0; i < (first + count + 1) / 2; ++i)
        codes.data()[i] = static_cast<unsigned char>(random.bits());
      std::vector<float> out(count), wanted(count);
      for (std::size_t i = 0; i < count; ++i) {
        const std::uint8_t byte = codes.bytes()[(first + i) / 2];
        wanted[i] = map[(first + i) % 2 == 0 ? byte >> 4 : byte & 15] * scale;
      }
      kernels.expand4(codes.bytes(), first, count, map, scale, out.data());
      report.equal(named("expand4", first, count), out.data(), wanted.data(), count * sizeof(float));
    }
    const float scale = random.positive();
    const int zero = static_cast<int>(random.below(256)) - 128;
    Misaligned codes(count);
    for (std::size_t i = 0; i < count; ++i) codes.data()[i] = static_cast<unsigned char>(random.bits());
    std::vector<float> out(count), wanted(count);
    for (std::size_t i = 0; i < count; ++i) wanted[i] = static_cast<float>(codes.codes()[i] - zero) * scale;
    kernels.expand8(codes.codes(), count, zero, scale, out.data());
    report.equal(named("expand8", count), out.data(), wanted.data(), count * sizeof(float));
  }
}

/// Stored weights of a type and what they mean.
struct Stored {
  Misaligned bytes;
  std::vector<float> values;
};

Stored stored(WeightType type, std::size_t count, Random& random) {
  Stored result;
  result.values.resize(count);
  std::vector<std::uint16_t> halves(count);
  for (std::size_t i = 0; i < count; ++i) {
    // Now and then a denormal half.
    const float value = random.below(50) == 0 ? 3.1e-6f * random.gaussian() : random.gaussian();
    std::uint32_t bits;
    std::memcpy(&bits, &value, sizeof bits);
    halves[i] = type == WeightType::f16 ? half_from_float(value) : static_cast<std::uint16_t>(bits >> 16);
    bits = static_cast<std::uint32_t>(halves[i]) << 16;
    if (type == WeightType::f32) {
      result.values[i] = value;
    } else if (type == WeightType::f16) {
      result.values[i] = float_from_half(halves[i]);
    } else {
      std::memcpy(&result.values[i], &bits, sizeof bits);
    }
  }
  result.bytes = type == WeightType::f32 ? Misaligned(result.values) : Misaligned(halves);
  return result;
}

void check_dots(const LinearKernels& kernels, Random& random, Report& report) {
  constexpr WeightType kTypes[] = {WeightType::bf16, WeightType::f16, WeightType::f32};
  for (const std::size_t columns : {1u, 3u, 8u, 37u, 64u, 250u, 515u}) {
    for (const std::size_t rows : {1u, 2u, 5u, 16u}) {
      for (const std::size_t tokens : {1u, 2u, 3u, 4u, 7u, 9u}) {
        std::vector<float> x(tokens * columns);
        for (float& value : x) value = random.gaussian();
        std::vector<float> bias(rows);
        for (float& value : bias) value = random.gaussian();
        const std::size_t y_stride = rows + 3;
        const WeightType type = kTypes[random.below(3)];
        Stored w = stored(type, rows * columns, random);
        std::vector<float> widened(rows * columns);
        kernels.widen(w.bytes.data(), type, rows * columns, widened.data());
        report.equal(named("widen", rows, columns), widened.data(), w.values.data(), widened.size() * sizeof(float));
        for (const bool direct : {false, true}) {
          std::vector<float> y(tokens * y_stride, 99.0f);
          if (direct) {
            kernels.dots16(w.bytes.data(), type, rows, columns, x.data(), tokens, bias.data(), y.data(), y_stride);
          } else {
            kernels.dots(widened.data(), rows, columns, x.data(), tokens, bias.data(), y.data(), y_stride);
          }
          for (std::size_t t = 0; t < tokens; ++t) {
            for (std::size_t r = 0; r < rows; ++r) {
              double sum = bias[r];
              double magnitude = std::fabs(sum);
              for (std::size_t k = 0; k < columns; ++k) {
                const double product = static_cast<double>(w.values[r * columns + k]) * x[t * columns + k];
                sum += product;
                magnitude += std::fabs(product);
              }
              report.near(named(direct ? "dots16" : "dots", rows, columns), y[t * y_stride + r], sum,
                          magnitude * float_bound(columns));
            }
            for (std::size_t r = rows; r < y_stride; ++r)
              report.holds("dots: y beyond rows", y[t * y_stride + r] == 99);
          }
        }
      }
    }
  }
}

}  // namespace

void check_table(Isa isa, std::uint64_t seed, Report& report) {
  const LinearKernels* kernels = linear::linear_kernels(isa);
  if (kernels == nullptr) return;
  Random random(seed);
  check_quantize(*kernels, random, report);
  check_round_lanes(*kernels, random, report);
  check_expand(*kernels, random, report);
  check_dots(*kernels, random, report);
}

}  // namespace nibble::check

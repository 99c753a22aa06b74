// Codes, scales and dequantized weights of the device against the plain code's, bit for bit; statistics within
// kStatisticsBound; refusals of NaN and infinity by their index.

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <stdexcept>
#include <thread>

#include "base/quantize_kernels.h"
#include "cpu.h"
#include "cuda/check/check.h"
#include "cuda/check/data.h"
#include "cuda/launches.h"
#include "cuda/quantize_cuda.h"

namespace nibble::check {
namespace {

constexpr WeightType kTypes[] = {WeightType::bf16, WeightType::f16, WeightType::f32};

/// What outputs hold before a call, so that a place that nobody writes shows.
constexpr std::uint8_t kPoison = 0xa5;

struct Counter {
  std::size_t cases = 0;
  std::size_t weights = 0;
};

[[noreturn]] void fail(const std::string& what) { throw std::runtime_error(what); }

template <typename T>
void require_equal(const std::vector<T>& expected, const std::vector<T>& found, const std::string& what) {
  if (std::memcmp(expected.data(), found.data(), expected.size() * sizeof(T)) == 0) return;
  std::size_t different = 0;
  std::size_t first = expected.size();
  for (std::size_t i = 0; i < expected.size(); ++i) {
    if (std::memcmp(&expected[i], &found[i], sizeof(T)) == 0) continue;
    ++different;
    first = std::min(first, i);
  }
  fail(what + ": " + std::to_string(different) + " of " + std::to_string(expected.size()) + " differ, the first at " +
       std::to_string(first) + ": " + std::to_string(static_cast<double>(expected[first])) + " expected, " +
       std::to_string(static_cast<double>(found[first])) + " found");
}

/// Largest relative difference that was seen, without double quantization and with it.
struct Differences {
  double plain = 0;
  double nested = 0;
} seen;

/// float32's rounding of a weight, relative.
constexpr double kRounding = 1.2e-7;

void require_statistics(const Statistics& expected, const Statistics& found, std::size_t numel, const std::string& what,
                        bool nested = false) {
  double& worst = nested ? seen.nested : seen.plain;
  const double bound = nested ? cuda::kNestedStatisticsBound : cuda::kStatisticsBound;
  const auto one = [&](double a, double b, const char* name) {
    const double difference = a == b ? 0 : std::fabs(a - b) / std::fabs(a);
    worst = std::max(worst, difference);
    if (difference <= bound) return;
    char text[160];
    std::snprintf(text, sizeof(text), ", %s: %.9g expected, %.9g found (%.2e relative)", name, a, b, difference);
    fail(what + text);
  };
  one(expected.error_squares, found.error_squares, "error squares");
  one(expected.source_squares, found.source_squares, "source squares");
  one(expected.dequantized_squares, found.dequantized_squares, "dequantized squares");
  one(expected.dot, found.dot, "dot product");
  // Where all weights are the same, and so the scales, nothing is lost, and one or the other finds its own rounding.
  const double typical = std::sqrt(expected.source_squares / static_cast<double>(std::max<std::size_t>(numel, 1)));
  if (std::fabs(expected.max_error - found.max_error) > kRounding * typical) {
    one(expected.max_error, found.max_error, "largest error");
  }
}

Control control_for(std::size_t weights) {
  Control control;
  control.threads = std::thread::hardware_concurrency();
  // The plain code is the judge; where there is much to judge, the fast code that equals it.
  control.isa = weights > 4'000'000 ? best_isa() : Isa::reference;
  return control;
}

template <typename T>
std::vector<T> poisoned(std::size_t count) {
  std::vector<T> values(count);
  std::memset(values.data(), kPoison, count * sizeof(T));
  return values;
}

template <typename T>
cuda::DeviceMemory to_device(cuda::Worker& worker, const std::vector<T>& values) {
  cuda::DeviceMemory memory(worker.device(), values.size() * sizeof(T));
  worker.stream().upload(memory.pointer(), values.data(), values.size() * sizeof(T));
  worker.stream().wait();
  return memory;
}

struct FourBit {
  std::vector<std::uint8_t> codes;
  std::vector<float> absmax;
  std::vector<std::uint8_t> absmax_codes;
  std::vector<float> nested_absmax;
  std::vector<float> offset = {-1};
  Statistics statistics;

  FourBit(std::size_t numel, std::size_t block_size, bool nested) {
    const std::size_t blocks = (numel + block_size - 1) / block_size;
    codes = poisoned<std::uint8_t>((numel + 1) / 2);
    absmax = poisoned<float>(nested ? 0 : blocks);
    absmax_codes = poisoned<std::uint8_t>(nested ? blocks : 0);
    nested_absmax = poisoned<float>(nested ? (blocks + 255) / 256 : 0);
  }
  FourBitTarget target() {
    return {codes.data(), absmax.empty() ? nullptr : absmax.data(), absmax_codes.data(), nested_absmax.data(),
            offset.data()};
  }
};

void check_dequantize_4bit(cuda::Worker& worker, const FourBit& made, const FourBitSpec& spec, std::size_t numel,
                           const std::string& what) {
  std::vector<float> expected(numel);
  const bool nested = made.absmax.empty();
  const FourBitView view{made.codes.data(), nested ? nullptr : made.absmax.data(), made.absmax_codes.data(),
                         made.nested_absmax.data(), made.offset[0]};
  dequantize_4bit(view, spec, numel, expected.data(), control_for(numel));
  const cuda::Tables tables(worker);
  const cuda::DeviceMemory codes = to_device(worker, made.codes);
  const cuda::DeviceMemory absmax = to_device(worker, made.absmax);
  const cuda::DeviceMemory absmax_codes = to_device(worker, made.absmax_codes);
  const cuda::DeviceMemory nested_absmax = to_device(worker, made.nested_absmax);
  std::vector<float> found = poisoned<float>(numel);
  const cuda::DeviceMemory out = to_device(worker, found);
  cuda::NestedBuffers buffers{};
  buffers.absmax_codes = absmax_codes.as<std::uint8_t>();
  buffers.nested_absmax = nested_absmax.as<float>();
  cuda::launch_dequantize_4bit(worker, tables, codes.as<std::uint8_t>(), nested ? nullptr : absmax.as<float>(), buffers,
                               made.offset[0], numel, spec, out.as<float>());
  worker.stream().download(found.data(), out.pointer(), numel * sizeof(float));
  worker.stream().wait();
  require_equal(expected, found, what + ", dequantized");
}

void check_4bit(cuda::Worker& worker, const std::vector<std::uint8_t>& bytes, WeightType type, std::size_t numel,
                const FourBitSpec& spec, bool nested, bool dequantizes, Counter& counter) {
  const std::string what = std::string(spec.type == FourBitType::nf4 ? "nf4" : "fp4") + (nested ? "-dq " : " ") +
                           type_name(type) + " block " + std::to_string(spec.block_size) + ", " +
                           std::to_string(numel) + " weights";
  const Source source{bytes.data(), type, numel};
  FourBit expected(numel, spec.block_size, nested);
  expected.statistics = quantize_4bit(source, spec, expected.target(), control_for(numel));
  FourBit found(numel, spec.block_size, nested);
  found.statistics = cuda::quantize_4bit(worker.device(), cuda::origin_of(source), spec,
                                         cuda::writer_to(found.codes.data()), found.target(), control_for(numel));
  if (nested) require_equal(expected.offset, found.offset, what + ", offset");
  require_equal(expected.absmax, found.absmax, what + ", absmax");
  require_equal(expected.nested_absmax, found.nested_absmax, what + ", nested absmax");
  require_equal(expected.absmax_codes, found.absmax_codes, what + ", codes of absmax");
  require_equal(expected.codes, found.codes, what + ", codes");
  require_statistics(expected.statistics, found.statistics, numel, what, nested);
  if (dequantizes) check_dequantize_4bit(worker, expected, spec, numel, what);
  ++counter.cases;
  counter.weights += numel;
}

struct Integers {
  std::vector<std::uint8_t> codes;
  std::vector<float> scales;
  std::vector<std::int8_t> zero_points;
  Statistics statistics;
};

void check_groups(cuda::Worker& worker, const std::vector<std::uint8_t>& bytes, WeightType type, Shape shape,
                  cuda::IntegerMode mode, int bits, std::size_t width, bool dequantizes, Counter& counter) {
  const bool llm = mode == cuda::IntegerMode::llm_int8;
  const std::string what = std::string(llm                                 ? "llm-int8"
                                       : mode == cuda::IntegerMode::absmax ? "absmax"
                                                                           : "zero-point") +
                           " " + std::to_string(bits) + " bits " + type_name(type) + " [" + std::to_string(shape.rows) +
                           ", " + std::to_string(shape.columns) + "] in " + std::to_string(width);
  const std::size_t numel = shape.rows * shape.columns;
  const Source source{bytes.data(), type, numel};
  const AffineSpec spec{mode == cuda::IntegerMode::absmax, bits, false, width};
  const std::size_t groups = llm ? shape.rows : affine_groups(shape, spec);
  const auto empty = [&] {
    return Integers{poisoned<std::uint8_t>(bits == 8 ? numel : (numel + 1) / 2),
                    poisoned<float>(groups),
                    poisoned<std::int8_t>(mode == cuda::IntegerMode::zero_point ? groups : 0),
                    {}};
  };
  Integers expected = empty();
  Integers found = empty();
  const Control control = control_for(numel);
  const auto target = [&](Integers& of) {
    return AffineTarget{of.codes.data(), of.scales.data(), of.zero_points.empty() ? nullptr : of.zero_points.data()};
  };
  const CodeWriter writer = cuda::writer_to(found.codes.data());
  if (llm) {
    expected.statistics = quantize_int8_rows(source, shape, reinterpret_cast<std::int8_t*>(expected.codes.data()),
                                             expected.scales.data(), control);
    found.statistics =
        cuda::quantize_int8_rows(worker.device(), cuda::origin_of(source), shape, writer, found.scales.data(), control);
  } else {
    expected.statistics = quantize_affine(source, shape, spec, target(expected), control);
    found.statistics =
        cuda::quantize_affine(worker.device(), cuda::origin_of(source), shape, spec, writer, target(found), control);
  }
  require_equal(expected.scales, found.scales, what + ", scales");
  require_equal(expected.zero_points, found.zero_points, what + ", zero points");
  require_equal(expected.codes, found.codes, what + ", codes");
  require_statistics(expected.statistics, found.statistics, numel, what);
  ++counter.cases;
  counter.weights += numel;
  if (!dequantizes) return;

  std::vector<float> decoded(numel);
  if (llm) {
    dequantize_int8_rows(reinterpret_cast<const std::int8_t*>(expected.codes.data()), expected.scales.data(), shape,
                         decoded.data(), control);
  } else {
    const AffineView view{expected.codes.data(), expected.scales.data(),
                          expected.zero_points.empty() ? nullptr : expected.zero_points.data()};
    dequantize_affine(view, shape, spec, decoded.data(), control);
  }
  std::vector<float> again = poisoned<float>(numel);
  const cuda::DeviceMemory codes = to_device(worker, expected.codes);
  const cuda::DeviceMemory scales = to_device(worker, expected.scales);
  const cuda::DeviceMemory zeros = to_device(worker, expected.zero_points);
  const cuda::DeviceMemory out = to_device(worker, again);
  const cuda::GroupSpec groups_spec{mode, static_cast<unsigned>(bits), shape.rows, shape.columns, width};
  cuda::launch_dequantize_groups(worker, groups_spec, codes.as<void>(), scales.as<float>(),
                                 expected.zero_points.empty() ? nullptr : zeros.as<std::int8_t>(), out.as<float>());
  worker.stream().download(again.data(), out.pointer(), numel * sizeof(float));
  worker.stream().wait();
  require_equal(decoded, again, what + ", dequantized");
}

constexpr cuda::IntegerMode kModes[] = {cuda::IntegerMode::llm_int8, cuda::IntegerMode::absmax,
                                        cuda::IntegerMode::zero_point};

void check_shapes_4bit(cuda::Worker& worker, std::uint64_t seed, bool small, Counter& counter) {
  std::vector<std::size_t> lengths = {1,   2,   3,   7,   8,    31,   33,    63,    64,     65,
                                      127, 511, 512, 513, 1023, 4097, 16384, 16385, 100'001};
  if (!small) lengths.insert(lengths.end(), {262'143, 1'048'577, 9'000'001});
  for (const WeightType type : kTypes) {
    for (const std::size_t length : lengths) {
      const auto bytes = make_weights(Kind::difficult, type, length, seed + length);
      for (std::size_t block_size = 32; block_size <= 4096; block_size *= 2) {
        // The whole table for the sizes that differ in their code paths, to keep the sanitizer's run short.
        if (small && block_size > 64 && block_size != 512 && block_size != 2048) continue;
        for (const FourBitType table : {FourBitType::nf4, FourBitType::fp4}) {
          for (const bool nested : {false, true}) {
            check_4bit(worker, bytes, type, length, {table, block_size}, nested, true, counter);
          }
        }
      }
    }
  }
}

void check_shapes_groups(cuda::Worker& worker, std::uint64_t seed, bool small, Counter& counter) {
  std::vector<Shape> shapes = {{1, 1},   {3, 5},    {2, 31},   {7, 64},   {5, 100},  {33, 256},
                               {4, 512}, {3, 1000}, {9, 2048}, {2, 4096}, {5, 4104}, {1, 20'000}};
  if (!small) shapes.insert(shapes.end(), {{1001, 1024}, {300, 14'336}, {17, 65'536}, {4001, 2560}});
  for (const WeightType type : kTypes) {
    for (const Shape& shape : shapes) {
      auto bytes = make_weights(Kind::difficult, type, shape.rows * shape.columns, seed + shape.columns);
      for (const cuda::IntegerMode mode : kModes) {
        for (const int bits : {8, 4}) {
          if (mode == cuda::IntegerMode::llm_int8 && bits == 4) continue;
          check_groups(worker, bytes, type, shape, mode, bits, shape.columns, true, counter);
          if (mode == cuda::IntegerMode::llm_int8) continue;
          for (const std::size_t width : {std::size_t{32}, std::size_t{64}, std::size_t{128}, std::size_t{100},
                                          std::size_t{256}, std::size_t{1024}}) {
            if (width < shape.columns) check_groups(worker, bytes, type, shape, mode, bits, width, true, counter);
          }
        }
      }
    }
  }
}

/// Calls that must be refused, and at which weight.
void check_refusals(cuda::Worker& worker, std::uint64_t seed, Counter& counter) {
  const Shape shape{37, 512};
  const std::size_t numel = shape.rows * shape.columns;
  for (const WeightType type : kTypes) {
    for (const float bad : {NAN, INFINITY, -INFINITY, 70000.0f}) {
      if (bad == 70000.0f && type == WeightType::f16) continue;
      auto bytes = make_weights(Kind::gaussian, type, numel, seed);
      const std::size_t index = random_bits(seed, 77) % (numel - 600);
      set_weight(bytes, type, index, bad);
      set_weight(bytes, type, index + 577, bad);
      const Source source{bytes.data(), type, numel};
      const auto expect_refused = [&](const char* what, bool refused, const auto& run) {
        ++counter.cases;
        try {
          run();
        } catch (const InvalidWeights& error) {
          if (refused && error.index() == index) return;
          fail(std::string(what) + ": refused weight " + std::to_string(error.index()) + ", not " +
               std::to_string(index));
        }
        if (refused) fail(std::string(what) + " took a weight of " + std::to_string(bad));
      };
      const bool never = !std::isfinite(bad);
      const Control control = control_for(numel);
      for (const bool nested : {false, true}) {
        expect_refused("nf4", never, [&] {
          FourBit made(numel, 64, nested);
          cuda::quantize_4bit(worker.device(), cuda::origin_of(source), {FourBitType::nf4, 64},
                              cuda::writer_to(made.codes.data()), made.target(), control);
        });
      }
      std::vector<std::uint8_t> codes(numel);
      std::vector<float> scales(numel);
      std::vector<std::int8_t> zeros(numel);
      expect_refused("llm-int8", true, [&] {
        cuda::quantize_int8_rows(worker.device(), cuda::origin_of(source), shape, cuda::writer_to(codes.data()),
                                 scales.data(), control);
      });
      for (const bool symmetric : {false, true}) {
        for (const std::size_t width : {std::size_t{64}, std::size_t{512}, std::size_t{100}}) {
          expect_refused("linear", never, [&] {
            cuda::quantize_affine(worker.device(), cuda::origin_of(source), shape, {symmetric, 8, false, width},
                                  cuda::writer_to(codes.data()),
                                  {codes.data(), scales.data(), symmetric ? nullptr : zeros.data()}, control);
          });
        }
      }
    }
  }
}

}  // namespace

void check_equality(cuda::Worker& worker, std::uint64_t seed, bool small) {
  Counter counter;
  check_shapes_4bit(worker, seed, small, counter);
  check_shapes_groups(worker, seed, small, counter);
  check_refusals(worker, seed, counter);
  std::printf(
      "equal: %zu cases, %zu weights of odd shapes and difficult values; statistics within %.1e, "
      "%.1e with double quantization\n",
      counter.cases, counter.weights, seen.plain, seen.nested);
}

void check_many(cuda::Worker& worker, std::uint64_t seed, std::size_t weights) {
  seen = {};
  const Shape shape{weights / 4096, 4096};
  const std::size_t numel = shape.rows * shape.columns;
  for (const WeightType type : kTypes) {
    const auto bytes = make_weights(Kind::gaussian, type, numel, seed);
    Counter counter;
    for (const FourBitType table : {FourBitType::nf4, FourBitType::fp4}) {
      for (const bool nested : {false, true})
        check_4bit(worker, bytes, type, numel, {table, 64}, nested, false, counter);
    }
    check_groups(worker, bytes, type, shape, cuda::IntegerMode::llm_int8, 8, shape.columns, false, counter);
    check_groups(worker, bytes, type, shape, cuda::IntegerMode::absmax, 8, shape.columns, false, counter);
    check_groups(worker, bytes, type, shape, cuda::IntegerMode::zero_point, 8, shape.columns, false, counter);
    check_groups(worker, bytes, type, shape, cuda::IntegerMode::zero_point, 4, 64, false, counter);
    std::printf(
        "equal: %zu schemes of %zu random %s weights each; statistics within %.1e, %.1e with double "
        "quantization\n",
        counter.cases, numel, type_name(type), seen.plain, seen.nested);
    std::fflush(stdout);
  }
}

}  // namespace nibble::check

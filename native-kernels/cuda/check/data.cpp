#include "cuda/check/data.h"

#include <bit>
#include <cmath>
#include <cstring>
#include <thread>

#include "base/quantize_kernels.h"
#include "codebook.h"
#include "half.h"
#include "threads.h"

namespace nibble::check {
namespace {

/// About normal: the sum of twelve uniform numbers less six, of five bits each from one draw. Its tails are short; the
/// difficult weights have outliers.
float gaussian(std::uint64_t bits) {
  std::uint64_t sum = 0;
  for (int i = 0; i < 12; ++i) sum += bits >> (i * 5) & 31u;
  // The last bits make neighbours differ.
  return (static_cast<float>(sum) - 186.0f) / 32.0f + static_cast<float>(bits >> 52) * 7.6e-6f;
}

float difficult(std::uint64_t seed, std::size_t run, std::size_t index, bool first) {
  const std::uint64_t of_run = random_bits(seed + 1, run);
  const std::uint64_t bits = random_bits(seed, index);
  const float normal = gaussian(bits);
  switch (of_run % 10) {
    case 0:
      return normal * 1e-7f;
    case 1:
      return normal * std::ldexp(1.0f, -140);
    case 2:
      return bits % 2 == 0 ? 0.0f : -0.0f;
    case 3:
      return normal * (first ? 30.0f : 0.001f);
    case 4: {
      if (first) return 1.0f;
      const FourBitTables& tables = four_bit_tables(of_run % 3 == 0 ? FourBitType::fp4 : FourBitType::nf4);
      const float tie = tables.thresholds[bits % 15];
      const std::uint32_t step = static_cast<std::uint32_t>(bits >> 20) % 3 - 1;
      return tie == 0 ? 0.0f : std::bit_cast<float>(std::bit_cast<std::uint32_t>(tie) + step);
    }
    case 5:
      return std::fmax(-60000.0f, std::fmin(60000.0f, normal * 20000.0f));
    case 6:
      return gaussian(of_run);
    default:
      return normal * 0.02f * std::exp(gaussian(of_run));
  }
}

}  // namespace

const char* type_name(WeightType type) {
  return type == WeightType::bf16 ? "bf16" : type == WeightType::f16 ? "f16" : "f32";
}

void set_weight(std::vector<std::uint8_t>& bytes, WeightType type, std::size_t index, float value) {
  if (type == WeightType::f32) {
    std::memcpy(bytes.data() + index * 4, &value, 4);
    return;
  }
  std::uint16_t half = 0;
  if (type == WeightType::f16) {
    half = half_from_float(value);
  } else {
    const auto word = std::bit_cast<std::uint32_t>(value);
    half = static_cast<std::uint16_t>(std::isnan(value) ? 0x7fc0u : (word + 0x7fffu + (word >> 16 & 1u)) >> 16);
  }
  std::memcpy(bytes.data() + index * 2, &half, 2);
}

std::vector<std::uint8_t> make_weights(Kind kind, WeightType type, std::size_t count, std::uint64_t seed) {
  std::vector<std::uint8_t> bytes(count * weight_size(type));
  constexpr std::size_t kTask = std::size_t{1} << 20;
  constexpr std::size_t kRun = 150;
  Control control;
  control.threads = std::thread::hardware_concurrency();
  for_each_task((count + kTask - 1) / kTask, control, {0, 1}, [&](std::size_t task) {
    for (std::size_t i = task * kTask; i < std::min(count, (task + 1) * kTask); ++i) {
      const float weight =
          kind == Kind::gaussian ? gaussian(random_bits(seed, i)) * 0.02f : difficult(seed, i / kRun, i, i % kRun == 0);
      set_weight(bytes, type, i, weight);
    }
  });
  return bytes;
}

}  // namespace nibble::check

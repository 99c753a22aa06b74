#include "operators.h"

#include <array>

#include "linear.h"

namespace nibble {
namespace {

constexpr InputSpec kReal{ort::kFloat, false};
constexpr InputSpec kOptionalReal{ort::kFloat, true};
constexpr InputSpec kAny{ort::kAnyType, false};
constexpr InputSpec kOptionalAny{ort::kAnyType, true};
constexpr InputSpec kInteger{ort::kInt64, false};
constexpr InputSpec kInt8Codes{ort::kInt8, false};
constexpr InputSpec kOptionalInt8{ort::kInt8, true};
constexpr InputSpec kUint8Codes{ort::kUint8, false};

// In the order of the README's table.
constexpr InputSpec kEmbedding[] = {kInteger, kAny};
constexpr InputSpec kRmsNorm[] = {kReal, kAny};
constexpr InputSpec kSkipRmsNorm[] = {kReal, kReal, kAny};
constexpr InputSpec kRotary[] = {kInteger, kInteger, kReal};
constexpr InputSpec kAttention[] = {kReal, kReal, kReal, kReal, kReal, kInteger, kOptionalAny, kOptionalAny};
constexpr InputSpec kSiluMul[] = {kReal, kReal};

/// x, then what each of several matrices needs; the second and third matrix may be absent.
template <std::size_t kCount>
constexpr std::array<InputSpec, 1 + kMostTogether * kCount> together(const std::array<InputSpec, kCount>& matrix) {
  std::array<InputSpec, 1 + kMostTogether * kCount> inputs{kReal};
  for (std::size_t part = 0; part < kMostTogether; ++part) {
    for (std::size_t i = 0; i < kCount; ++i) {
      inputs[1 + part * kCount + i] = {matrix[i].type, part > 0 || matrix[i].optional};
    }
  }
  return inputs;
}
constexpr auto kLinear4 = together<6>({kUint8Codes, kAny, kReal, kOptionalReal, kOptionalReal, kOptionalAny});
constexpr auto kLinearInt8Rows = together<3>({kInt8Codes, kReal, kOptionalAny});
constexpr auto kLinearAffine = together<4>({kAny, kReal, kOptionalInt8, kOptionalAny});
constexpr InputSpec kLinear16[] = {kReal, kAny, kOptionalAny};

constexpr OperatorSpec kSpecs[] = {
    {"Embedding", kEmbedding, 1, 0, create_embedding},
    {"RmsNorm", kRmsNorm, 1, 0, create_rms_norm},
    {"SkipRmsNorm", kSkipRmsNorm, 2, 0, create_skip_rms_norm},
    {"Rotary", kRotary, 2, 0, create_rotary},
    {"Attention", kAttention, 1, 0, create_attention},
    {"SiluMul", kSiluMul, 1, 0, create_silu_mul},
    {"Linear4", kLinear4, 1, kMostTogether - 1, create_linear4},
    {"LinearInt8Rows", kLinearInt8Rows, 1, kMostTogether - 1, create_linear_int8_rows},
    {"LinearAffine", kLinearAffine, 1, kMostTogether - 1, create_linear_affine},
    {"Linear16", kLinear16, 1, 0, create_linear16},
};

}  // namespace

std::span<const OperatorSpec> operator_specs() { return kSpecs; }

}  // namespace nibble

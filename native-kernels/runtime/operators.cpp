#include "operators.h"

#include <array>

#include "linear.h"

namespace nibble {
namespace {

constexpr InputSpec kReal{ort::kFloat, false};
constexpr InputSpec kInteger{ort::kInt64, false};
// Absent where attribute `stored` says where it lies. Its kernel checks that it is there, and its type.
constexpr InputSpec kStored{ort::kAnyType, true};

// In the order of the README's table.
constexpr InputSpec kEmbedding[] = {kInteger, kStored};
constexpr InputSpec kRmsNorm[] = {kReal, kStored};
constexpr InputSpec kSkipRmsNorm[] = {kReal, kReal, kStored};
constexpr InputSpec kRotary[] = {kInteger, kInteger, kStored, kStored};
constexpr InputSpec kRotation{ort::kFloat, true};
constexpr InputSpec kAttention[] = {kReal, kReal, kReal, kRotation, kRotation, kInteger, kStored, kStored};
constexpr InputSpec kGated[] = {kReal, kReal};
// The matrices are stored, and so many that they are no declared inputs: their places are numbered behind these.
constexpr InputSpec kExperts[] = {kReal, kReal};

/// x, then what each of several matrices needs; the second and third matrix may be absent.
template <std::size_t kCount>
constexpr std::array<InputSpec, 1 + kMostTogether * kCount> together() {
  std::array<InputSpec, 1 + kMostTogether * kCount> inputs{};
  inputs.fill(kStored);
  inputs[0] = kReal;
  return inputs;
}
constexpr auto kLinear4 = together<6>();
constexpr auto kLinearInt8Rows = together<3>();
constexpr auto kLinearAffine = together<4>();
constexpr InputSpec kLinear16[] = {kReal, kStored, kStored};

constexpr OperatorSpec kSpecs[] = {
    {"Embedding", kEmbedding, 1, 0, create_embedding},
    {"RmsNorm", kRmsNorm, 1, 0, create_rms_norm},
    {"SkipRmsNorm", kSkipRmsNorm, 2, 0, create_skip_rms_norm},
    {"Rotary", kRotary, 2, 0, create_rotary},
    {"Attention", kAttention, 1, 0, create_attention},
    {"SiluMul", kGated, 1, 0, create_silu_mul},
    {"GeluMul", kGated, 1, 0, create_gelu_mul},
    {"Linear4", kLinear4, 1, kMostTogether - 1, create_linear4},
    {"LinearInt8Rows", kLinearInt8Rows, 1, kMostTogether - 1, create_linear_int8_rows},
    {"LinearAffine", kLinearAffine, 1, kMostTogether - 1, create_linear_affine},
    {"Linear16", kLinear16, 1, 0, create_linear16},
    {"Experts4", kExperts, 1, 0, create_experts4},
    {"ExpertsInt8Rows", kExperts, 1, 0, create_experts_int8_rows},
    {"ExpertsAffine", kExperts, 1, 0, create_experts_affine},
    {"Experts16", kExperts, 1, 0, create_experts16},
};

}  // namespace

std::span<const OperatorSpec> operator_specs() { return kSpecs; }

}  // namespace nibble

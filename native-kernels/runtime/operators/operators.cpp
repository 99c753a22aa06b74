#include "operators.h"

#include <array>

#include "stored_matrix.h"

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
// Weights of further heads are stored behind the bias and are no declared inputs.
constexpr InputSpec kLayerNorm[] = {kReal, kStored, kStored};
constexpr InputSpec kSkipLayerNorm[] = {kReal, kReal, kStored, kStored};
constexpr InputSpec kScaleStored[] = {kReal, kStored};
constexpr InputSpec kRotary[] = {kInteger, kInteger, kStored, kStored};
constexpr InputSpec kRotation{ort::kFloat, true};
// Absent where the layer reads the cache of another.
constexpr InputSpec kOwnKeys{ort::kFloat, true};
constexpr InputSpec kAttention[] = {kReal,    kOwnKeys, kOwnKeys, kRotation, kRotation,
                                    kInteger, kStored,  kStored,  kStored};
// The matrix is stored behind the norm and is no declared input.
constexpr InputSpec kLatentAttention[] = {kReal, kReal, kRotation, kRotation, kInteger, kStored};
constexpr InputSpec kGated[] = {kReal, kReal};
constexpr InputSpec kAddPositions[] = {kReal, kInteger, kStored};
constexpr InputSpec kXielu[] = {kReal, kStored, kStored, kStored, kStored};
// The matrices are stored, and so many that they are no declared inputs: their places are numbered behind these.
constexpr InputSpec kExperts[] = {kReal, kReal};

constexpr InputSpec kCausalConvolution[] = {kReal, kStored, kStored};
constexpr InputSpec kGatedDelta[] = {kReal, kReal, kReal, kStored, kStored};
constexpr InputSpec kMamba2[] = {kReal, kReal, kStored, kStored, kStored};
constexpr InputSpec kGatedRmsNorm[] = {kReal, kReal, kStored};

/// x, then what each of several matrices needs; the second and third matrix may be absent.
constexpr auto kLinear = [] {
  std::array<InputSpec, 1 + kMostFused * kMatrixInputs> inputs{};
  inputs.fill(kStored);
  inputs[0] = kReal;
  return inputs;
}();

constexpr OperatorSpec kSpecs[] = {
    {"Embedding", kEmbedding, 1, 0, create_embedding},
    {"RmsNorm", kRmsNorm, 1, 0, create_rms_norm},
    {"SkipRmsNorm", kSkipRmsNorm, 2, 0, create_skip_rms_norm},
    {"LayerNorm", kLayerNorm, 1, 0, create_layer_norm},
    {"SkipLayerNorm", kSkipLayerNorm, 2, 0, create_skip_layer_norm},
    {"ScaleStored", kScaleStored, 1, 0, create_scale_stored},
    {"Rotary", kRotary, 2, 0, create_rotary},
    {"Attention", kAttention, 1, 0, create_attention},
    {"LatentAttention", kLatentAttention, 1, 0, create_latent_attention},
    {"SiluMul", kGated, 1, 0, create_silu_mul},
    {"GeluMul", kGated, 1, 0, create_gelu_mul},
    {"AddPositions", kAddPositions, 1, 0, create_add_positions},
    {"Xielu", kXielu, 1, 0, create_xielu},
    {"Linear", kLinear, 1, kMostFused - 1, create_linear},
    {"Experts", kExperts, 1, 0, create_experts},
    {"CausalConvolution", kCausalConvolution, 1, 0, create_causal_convolution},
    {"GatedDelta", kGatedDelta, 1, 0, create_gated_delta},
    {"Mamba2", kMamba2, 1, 0, create_mamba2},
    {"GatedRmsNorm", kGatedRmsNorm, 1, 0, create_gated_rms_norm},
};

}  // namespace

std::span<const OperatorSpec> operator_specs() { return kSpecs; }

}  // namespace nibble

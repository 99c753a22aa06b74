#pragma once

// Makers of the operators' kernels, one per row of the table in README.md.

#include <memory>

#include "runtime/ort/custom_operator.h"

namespace nibble {

std::unique_ptr<Kernel> create_embedding(const KernelInfo& info, SessionState& state);
std::unique_ptr<Kernel> create_rms_norm(const KernelInfo& info, SessionState& state);
std::unique_ptr<Kernel> create_skip_rms_norm(const KernelInfo& info, SessionState& state);
std::unique_ptr<Kernel> create_layer_norm(const KernelInfo& info, SessionState& state);
std::unique_ptr<Kernel> create_skip_layer_norm(const KernelInfo& info, SessionState& state);
std::unique_ptr<Kernel> create_scale_stored(const KernelInfo& info, SessionState& state);
std::unique_ptr<Kernel> create_rotary(const KernelInfo& info, SessionState& state);
std::unique_ptr<Kernel> create_attention(const KernelInfo& info, SessionState& state);
std::unique_ptr<Kernel> create_latent_attention(const KernelInfo& info, SessionState& state);
std::unique_ptr<Kernel> create_silu_mul(const KernelInfo& info, SessionState& state);
std::unique_ptr<Kernel> create_gelu_mul(const KernelInfo& info, SessionState& state);
std::unique_ptr<Kernel> create_add_positions(const KernelInfo& info, SessionState& state);
std::unique_ptr<Kernel> create_xielu(const KernelInfo& info, SessionState& state);
std::unique_ptr<Kernel> create_linear(const KernelInfo& info, SessionState& state);
std::unique_ptr<Kernel> create_experts(const KernelInfo& info, SessionState& state);
std::unique_ptr<Kernel> create_causal_convolution(const KernelInfo& info, SessionState& state);
std::unique_ptr<Kernel> create_gated_delta(const KernelInfo& info, SessionState& state);
std::unique_ptr<Kernel> create_mamba2(const KernelInfo& info, SessionState& state);
std::unique_ptr<Kernel> create_gated_rms_norm(const KernelInfo& info, SessionState& state);

/// out[i] = x[i] / sqrt(mean(x^2) + epsilon) * weight[i], in float32; without weights where `weight` is null. `x` and
/// `out` may be the same.
void rms_normalize(const float* x, const float* weight, std::size_t count, float epsilon, float* out);

}  // namespace nibble

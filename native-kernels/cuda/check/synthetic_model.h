#pragma once

// Decoders of random weights: a weights file and the plan that belongs to it, in any shape and format.

#include <cstddef>
#include <cstdint>
#include <string>

#include "cuda/check/shapes.h"

namespace nibble::check {

struct SyntheticModel {
  std::string name;
  std::size_t hidden;
  std::size_t intermediate;
  std::size_t heads;
  std::size_t kv_heads;
  std::size_t head_dim;
  std::size_t layers;
  std::size_t vocabulary;
  std::string layer_format;  // nf4, nf4-dq, fp4, llm-int8, int8, int8-zero, int4, int4-zero, bf16, f16, f32
  std::string head_format;   // the same, or "tied": the embedding
  std::size_t block_size = 64;
  std::size_t window = 0;
  bool has_qk_norm = false;
  bool has_bias = false;
  std::size_t rotary_pairs = 0;  // 0: all
  std::string embedding_type = "BF16";
  float softcap = 0;
  bool has_post_norms = false;  // of what a block adds
  bool gelu = false;
  std::size_t window_period = 2;  // the last of so many layers has no window
  std::size_t experts = 0;        // 0: one feed-forward
  std::size_t experts_per_token = 0;
};

/// Random weights in a published shape. @param head_format as SyntheticModel has it
SyntheticModel synthetic_of(const Shape& shape, const std::string& layer_format, const std::string& head_format);

/// Writes the weights to `directory`/NAME.safetensors (bytes only, no header: a plan needs none). @returns the plan
std::string write_synthetic_model(const SyntheticModel& model, const std::string& directory, std::uint64_t seed);

}  // namespace nibble::check

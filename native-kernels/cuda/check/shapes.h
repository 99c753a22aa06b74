#pragma once

// Shapes of published decoders, for speeds with random weights: what their config.json files say.

#include <cstddef>
#include <string>

namespace nibble::check {

struct Shape {
  const char* name;
  const char* architecture;  // as GGUF calls it
  std::size_t hidden;
  std::size_t intermediate;  // of an expert, where there are experts
  std::size_t heads;
  std::size_t kv_heads;
  std::size_t head_dim;
  std::size_t layers;
  std::size_t vocabulary;
  std::size_t window = 0;
  std::size_t window_period = 1;  // the last of so many layers sees everything
  std::size_t experts = 0;
  std::size_t experts_per_token = 0;
  bool has_qk_norm = false;
  bool has_post_norms = false;
  bool gelu = false;
  float rotary_base = 10000;
};

/// @param name such as `gemma-3-4b`, or `qwen3-30b-a3b@16` for its first 16 layers
/// @throws Error("invalid-input")
Shape shape_named(const std::string& name);

}  // namespace nibble::check

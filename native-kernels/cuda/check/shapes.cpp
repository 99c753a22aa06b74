#include "cuda/check/shapes.h"

#include "error.h"

namespace nibble::check {
namespace {

constexpr Shape kShapes[] = {
    {.name = "1b",
     .architecture = "llama",
     .hidden = 2048,
     .intermediate = 8192,
     .heads = 32,
     .kv_heads = 8,
     .head_dim = 64,
     .layers = 16,
     .vocabulary = 128256,
     .rotary_base = 500000},
    {.name = "gemma-3-4b",
     .architecture = "gemma3",
     .hidden = 2560,
     .intermediate = 10240,
     .heads = 8,
     .kv_heads = 4,
     .head_dim = 256,
     .layers = 34,
     .vocabulary = 262208,
     .window = 1024,
     .window_period = 6,
     .has_qk_norm = true,
     .has_post_norms = true,
     .gelu = true,
     .rotary_base = 1000000},
    {.name = "qwen3-30b-a3b",
     .architecture = "qwen3moe",
     .hidden = 2048,
     .intermediate = 768,
     .heads = 32,
     .kv_heads = 4,
     .head_dim = 128,
     .layers = 48,
     .vocabulary = 151936,
     .experts = 128,
     .experts_per_token = 8,
     .has_qk_norm = true,
     .rotary_base = 1000000},
};

}  // namespace

Shape shape_named(const std::string& name) {
  const std::size_t at = name.find('@');
  for (Shape shape : kShapes) {
    if (name.substr(0, at) != shape.name) continue;
    if (at != std::string::npos) shape.layers = std::stoul(name.substr(at + 1));
    return shape;
  }
  throw Error("invalid-input", "no such shape: " + name);
}

}  // namespace nibble::check

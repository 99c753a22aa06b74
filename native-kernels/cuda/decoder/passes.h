#pragma once

// One pass through the layers: of a single token, and of many. Only starts kernels; nothing here waits.

#include <cstdint>

#include "cuda/decoder/decoder_kernels.h"
#include "cuda/decoder/plan.h"
#include "cuda/decoder/weights.h"

namespace nibble::cuda {

/// Most tokens of one pass.
constexpr unsigned kPassTokens = 512;

/// Most rows of logits that are computed at a time: more would take too much memory.
constexpr unsigned kLogitRows = kTileTokens;

/// What the passes write, apart from the KV cache.
struct PassMemory {
  PassMemory(Device& device, const DecoderPlan& plan);

  DeviceMemory stream;       // f32 [kPassTokens, hidden], the residual stream
  DeviceMemory normed;       // f16 [kPassTokens, hidden]
  DeviceMemory qkv;          // f32 [kPassTokens, (heads + 2 kv_heads) * head_dim]
  DeviceMemory queries;      // f16 [kPassTokens, heads * head_dim]
  DeviceMemory attended;     // the same; f32 for a single token
  DeviceMemory gated;        // f16 [kPassTokens, intermediate]; f32 for a single token
  DeviceMemory ids;          // [kPassTokens]
  DeviceMemory logits;       // f32 [vocabulary]
  DeviceMemory many_logits;  // f32 [kLogitRows, vocabulary]; allocated when they are first asked for
  DeviceMemory partials;
  DeviceMemory counters;
  DeviceMemory choice;
  DeviceMemory state;  // StepState
};

/// Keys and values of all layers, a layer after the other.
struct CacheMemory {
  DeviceMemory memory;
  std::size_t capacity = 0;  // positions
};

class Passes {
 public:
  /// @throws Error("unsupported-model") for matrices that no kernel takes
  Passes(Device& device, const DecoderPlan& plan, const DeviceWeights& weights, DecoderKernels& kernels,
         PassMemory& memory);

  /// Bytes of the keys or the values of one position in one layer.
  std::size_t position_bytes() const { return plan_.kv_heads * plan_.head_dim * 2; }
  std::size_t cache_bytes(std::size_t capacity) const { return capacity * position_bytes() * 2 * plan_.layers.size(); }

  /// The token and position in memory.state: its logits, the choice of the next, and the state of that.
  void token(StreamHandle stream, const CacheMemory& cache, StepResult* results);

  /// `tokens` ids in memory.ids from `position` on: their keys and values, and the last residual stream.
  void prompt(StreamHandle stream, const CacheMemory& cache, unsigned tokens, unsigned position);

  /// Logits of row `row` of the last prompt, into memory.logits.
  void row_logits(StreamHandle stream, unsigned row);

  /// Logits of `rows` rows from `first` on, into memory.many_logits.
  void rows_logits(StreamHandle stream, unsigned first, unsigned rows);

  /// One token's products with matrices that share an input, normalized first where `norm` is given.
  void multiply_vector(StreamHandle stream, std::initializer_list<const DeviceMatrix*> matrices, Outcome outcome,
                       const float* x, const float* norm, float epsilon, float* out);

  /// The products of many tokens. `out` is float, for Outcome::silu_mul float16; rows lie `out_stride` apart.
  void multiply_matrix(StreamHandle stream, std::initializer_list<const DeviceMatrix*> matrices, Outcome outcome,
                       const void* x, float x_factor, unsigned tokens, void* out, std::size_t out_stride);

 private:
  AttentionShape attention_shape(std::size_t layer, const CacheMemory& cache) const;
  void embed(StreamHandle stream, const int* ids, unsigned tokens);
  void normalize(StreamHandle stream, const float* x, const float* weight, float epsilon, unsigned tokens);

  Device& device_;
  const DecoderPlan& plan_;
  const DeviceWeights& weights_;
  DecoderKernels& kernels_;
  PassMemory& memory_;
  unsigned group_;   // query heads that attend_token computes together
  unsigned splits_;  // blocks per such group
};

}  // namespace nibble::cuda

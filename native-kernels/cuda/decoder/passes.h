#pragma once

// One pass through the layers: of a single token, and of many. Only starts kernels; nothing here waits.

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "cuda/decoder/decoder_kernels.h"
#include "cuda/decoder/decoder_plan.h"
#include "cuda/decoder/weights.h"

namespace nibble::cuda {

/// Most tokens of one pass.
constexpr unsigned kPassTokens = 512;

/// Most rows of logits that are computed at a time: more would take too much memory.
constexpr unsigned kLogitRows = kTileTokens;

/// What the passes write, apart from the KV cache.
struct PassMemory {
  PassMemory(Device& device, const DecoderPlan& plan);

  std::vector<DeviceMemory> buffers;  // [kPassTokens, width], as the plan counts them
  DeviceMemory halves;                // f16 [kPassTokens, widest input]: what a product of many tokens reads
  DeviceMemory queries;               // f16 [kPassTokens, heads * head_dim]
  // Of mixtures, for kPassTokens times as many choices as a token has:
  DeviceMemory expert_ids;
  DeviceMemory expert_weights;
  DeviceMemory expert_starts;     // of the choices of every expert, sorted
  DeviceMemory expert_tiles;      // as SortChoices makes them
  DeviceMemory expert_order;      // which choices, sorted
  DeviceMemory expert_positions;  // where each choice went
  DeviceMemory expert_gated;      // f16 [choices, inner width]; f32 for a single token
  DeviceMemory expert_products;   // f32 [choices, width]
  DeviceMemory ids;               // [kPassTokens]
  DeviceMemory logits;            // f32 [vocabulary]
  DeviceMemory many_logits;       // f32 [kLogitRows, vocabulary]; allocated when they are first asked for
  DeviceMemory partials;
  DeviceMemory counters;
  DeviceMemory choice;
  DeviceMemory state;  // StepState
};

/// Keys and values of all layers: the keys of a layer, its values, and on to the next.
struct CacheMemory {
  DeviceMemory memory;
  std::size_t capacity = 0;  // positions
};

class Passes {
 public:
  /// @throws Error("unsupported-model") for matrices that no kernel takes
  Passes(Device& device, const DecoderPlan& plan, const DeviceWeights& weights, DecoderKernels& kernels,
         PassMemory& memory);

  /// Bytes of the keys, and of the values, of one position in every layer.
  const std::vector<std::size_t>& position_bytes() const { return position_bytes_; }
  std::size_t cache_bytes(std::size_t capacity) const { return capacity * 2 * all_position_bytes_; }

  /// The token and position in memory.state: its logits, the choice of the next, and the state of that.
  void token(StreamHandle stream, const CacheMemory& cache, StepResult* results);

  /// `tokens` ids in memory.ids from `position` on: their keys and values, and what the head reads.
  void prompt(StreamHandle stream, const CacheMemory& cache, unsigned tokens, unsigned position);

  /// Logits of row `row` of the last prompt, into memory.logits.
  void row_logits(StreamHandle stream, unsigned row);

  /// Logits of `count` rows from `first` on, into memory.many_logits.
  void rows_logits(StreamHandle stream, unsigned first, unsigned count);

  /// One token's products with matrices that share an input, normalized first where `norm` is given.
  void multiply_vector(StreamHandle stream, const std::vector<const DeviceMatrix*>& matrices, Outcome outcome,
                       Activation activation, const float* x, const float* norm, float epsilon, float* out);

  /// The products of many tokens. `out` is float, for Outcome::gated float16; rows lie `out_stride` apart.
  void multiply_matrix(StreamHandle stream, const std::vector<const DeviceMatrix*>& matrices, Outcome outcome,
                       Activation activation, const void* x, float x_factor, unsigned tokens, void* out,
                       std::size_t out_stride);

 private:
  /// What a pass computes.
  struct Pass {
    StreamHandle stream;
    const CacheMemory& cache;
    unsigned tokens;
    bool is_prompt;     // of many tokens; else of the one in memory.state
    unsigned position;  // of the first one of a prompt
  };

  void run_steps(const Pass& pass);
  void run(const Pass& pass, const LinearStep& step);
  void run(const Pass& pass, const EmbedStep& step);
  void run(const Pass& pass, const RegroupStep& step);
  void run(const Pass& pass, const NormStep& step);
  void run(const Pass& pass, const AddStep& step);
  void run(const Pass& pass, const GatedStep& step);
  void run(const Pass& pass, const ActivateStep& step);
  void run(const Pass& pass, const SigmoidGateStep& step);
  void run(const Pass& pass, const ScaleStep& step);
  void run(const Pass& pass, const ExpertsStep& step);
  void run(const Pass& pass, const AttentionStep& step);
  void run_experts_token(const Pass& pass, const ExpertsStep& step, const Routing& routing);
  void run_experts_prompt(const Pass& pass, const ExpertsStep& step);
  void place_experts(const ExpertsStep& step);

  Rows<float> rows(const ValuePlan& value) const;
  Rows<const float> inputs(const ValuePlan& value) const;
  const float* vector(std::size_t index) const;
  std::vector<const DeviceMatrix*> matrices(const LinearStep& step) const;
  AttentionShape attention_shape(const AttentionStep& step, const CacheMemory& cache) const;
  void gate_rows(const Pass& pass, const ValuePlan& gate, const ValuePlan* up, Activation activation,
                 const std::vector<std::size_t>& xielu, const ValuePlan& output);
  unsigned splits_of(const AttentionStep& step) const;
  void embed(StreamHandle stream, const int* ids, unsigned tokens);
  /// Rows rounded to float16 into memory.halves, normalized first where `norm` is there.
  void round_rows(StreamHandle stream, Rows<const float> x, std::size_t width, const std::optional<NormPlan>& norm,
                  unsigned tokens);
  void scale_logits(StreamHandle stream, const DeviceMemory& logits, unsigned rows);

  Device& device_;
  const DecoderPlan& plan_;
  const DeviceWeights& weights_;
  DecoderKernels& kernels_;
  PassMemory& memory_;
  std::vector<std::size_t> position_bytes_;
  std::vector<std::size_t> cache_starts_;  // bytes of a position in the layers before
  std::size_t all_position_bytes_ = 0;
  std::map<const ExpertsStep*, DeviceMemory> expert_matrices_;
};

}  // namespace nibble::cuda

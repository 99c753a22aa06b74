#include <algorithm>
#include <cmath>

#include "attention.h"
#include "for_rows.h"
#include "operators.h"
#include "rotate.h"

namespace nibble {
namespace {

constexpr std::size_t kTokensPerTask = 4;

class Attention final : public Kernel {
 public:
  Attention(const KernelInfo& info, SessionState& state)
      : state_(state),
        layer_(info.size("layer", 0)),
        heads_(info.size("heads", 1)),
        kv_heads_(info.size("kv_heads", 1)),
        head_dim_(info.size("head_dim", 1)),
        scale_(info.real("scale")),
        window_(info.size("window", 0)),
        chunk_(info.size("chunk", 0, 0)),
        softcap_(info.real("softcap", 0.0f)),
        epsilon_(info.real("epsilon", 0.0f)),
        rotate_(info.size("rotary_interleaved", 0, 0) == 0 ? rotate : rotate_neighbours),
        temperature_(info.real("temperature", 0.0f)),
        temperature_length_(info.real("temperature_length", 1.0f)),
        temperature_offset_(info.real("temperature_offset", 0.0f)),
        shared_(info.size("shared", 0, 0) != 0),
        normalizes_values_(info.size("value_norm", 0, 0) != 0) {
    constexpr std::size_t kMaxHeads = 65536;
    if (heads_ % kv_heads_ != 0 || heads_ > kMaxHeads) {
      info.malformed(std::to_string(heads_) + " heads cannot share " + std::to_string(kv_heads_) + " KV heads");
    }
    if (!shared_) state.cache.add_layer(layer_, kv_heads_, head_dim_, head_dim_);
    query_norm_ = info.floats(6, "the query norm", head_dim_);
    key_norm_ = info.floats(7, "the key norm", head_dim_);
    sinks_ = info.floats(8, "the sinks", heads_);
    // Gemma stores weight - 1.
    const float offset = info.real("norm_weight_offset", 0.0f);
    norms_rotated_ = info.size("norms_rotated", 0, 0) != 0;
    for (float& weight : query_norm_) weight += offset;
    for (float& weight : key_norm_) weight += offset;
  }

  void compute(const KernelContext& context) override {
    std::size_t tokens = 0;
    const float* q = context.matrix(0, heads_ * head_dim_, &tokens);
    const Rotation rotation = read_rotation(context, tokens);
    const std::span<const std::int64_t> position = context.integers(5);
    if (position.size() != 1 || position[0] < 0) misfit();
    float* out = context.output(0, tokens, heads_ * head_dim_);
    if (tokens == 0) return;

    const auto first = static_cast<std::size_t>(position[0]);
    state_.cache.reserve(first + tokens);
    if (shared_ && !state_.cache.has_layer(layer_)) misfit();
    const AttentionCache cache = state_.cache.view(layer_);
    if (cache.kv_heads != kv_heads_ || cache.head_dim != head_dim_) misfit();
    const Parallel parallel = context.parallel();
    if (!shared_) append(context, cache, rotation, tokens, first);
    grow(state_.query_scratch, tokens * heads_ * head_dim_);
    float* queries = state_.query_scratch.data();
    for_rows(parallel, tokens, kTokensPerTask, [&](std::size_t begin, std::size_t end) {
      for (std::size_t token = begin; token < end; ++token) {
        prepare(q, queries, heads_, token, query_norm_, rotation);
        if (temperature_ != 0) warm(queries + token * heads_ * head_dim_, first + token);
      }
    });
    const float* const sinks = sinks_.empty() ? nullptr : sinks_.data();
    const AttentionRequest request{tokens, heads_, first, scale_, window_, softcap_, sinks, chunk_};
    attention(cache, request, queries, out, state_.isa, parallel, state_.attention_scratch);
    const std::size_t seen = first + tokens - attention_begin(request, first + 1);
    bytes_read_ = attention_page_bytes(cache) / kPagePositions * seen;
  }

  /// Keys and values of the positions that any of the tokens saw.
  std::optional<std::size_t> bytes_read() const override { return bytes_read_; }

 private:
  struct Rotation {
    const float* cosines;
    const float* sines;
    std::size_t half;
  };

  Rotation read_rotation(const KernelContext& context, std::size_t tokens) const {
    const std::optional<Tensor> cosines = context.optional_input(3);
    // A layer without positions.
    if (!cosines && !context.optional_input(4)) return {nullptr, nullptr, 0};
    if (!cosines || !context.optional_input(4) || cosines->dims.size() != 2 || cosines->dims[1] < 0) {
      throw Error("malformed-file", "operator Attention: cos and sin are no matrices");
    }
    const auto half = static_cast<std::size_t>(cosines->dims[1]);
    std::size_t rows = 0;
    std::size_t sine_rows = 0;
    const Rotation rotation{context.matrix(3, half, &rows), context.matrix(4, half, &sine_rows), half};
    if (rows != tokens || sine_rows != tokens || half > head_dim_ / 2) {
      throw Error("malformed-file", "operator Attention: the rotation does not fit its heads");
    }
    return rotation;
  }

  [[noreturn]] static void misfit() {
    throw Error("malformed-file", "operator Attention: its inputs do not fit together");
  }

  /// Puts keys and values of the tokens into the cache.
  void append(const KernelContext& context, const AttentionCache& cache, const Rotation& rotation, std::size_t tokens,
              std::size_t first) const {
    const std::size_t width = kv_heads_ * head_dim_;
    std::size_t key_tokens = 0;
    std::size_t value_tokens = 0;
    const float* const k = context.matrix(1, width, &key_tokens);
    const float* v = context.matrix(2, width, &value_tokens);
    if (key_tokens != tokens || value_tokens != tokens) misfit();
    grow(state_.key_scratch, tokens * width);
    if (normalizes_values_) grow(state_.value_scratch, tokens * width);
    float* const keys = state_.key_scratch.data();
    float* const values = state_.value_scratch.data();
    const Parallel parallel = context.parallel();
    for_rows(parallel, tokens, kTokensPerTask, [&](std::size_t begin, std::size_t end) {
      for (std::size_t token = begin; token < end; ++token) prepare(k, keys, kv_heads_, token, key_norm_, rotation);
      if (!normalizes_values_) return;
      for (std::size_t i = begin * width; i < end * width; i += head_dim_) {
        rms_normalize(v + i, nullptr, head_dim_, epsilon_, values + i);
      }
    });
    if (normalizes_values_) v = values;
    attention_append(cache, keys, v, tokens, first, state_.isa, parallel);
  }

  static void grow(std::vector<float>& scratch, std::size_t count) {
    if (scratch.size() < count) scratch.resize(count);
  }

  /// Copies the heads of one token, normalizes and rotates them.
  void prepare(const float* source, float* target, std::size_t heads, std::size_t token, const std::vector<float>& norm,
               const Rotation& rotation) const {
    for (std::size_t head = 0; head < heads; ++head) {
      const std::size_t offset = (token * heads + head) * head_dim_;
      if (norm.empty() || norms_rotated_) {
        std::copy_n(source + offset, head_dim_, target + offset);
      } else {
        rms_normalize(source + offset, norm.data(), head_dim_, epsilon_, target + offset);
      }
      rotate_(target + offset, rotation.cosines + token * rotation.half, rotation.sines + token * rotation.half,
              rotation.half);
      if (norms_rotated_ && !norm.empty()) {
        rms_normalize(target + offset, norm.data(), head_dim_, epsilon_, target + offset);
      }
    }
  }

  /// Scales a token's queries by 1 + temperature * ln(1 + floor((position + offset) / length)).
  void warm(float* queries, std::size_t position) const {
    const float passed = static_cast<float>(position) + temperature_offset_;
    const float factor = 1.0f + temperature_ * std::log(1.0f + std::floor(passed / temperature_length_));
    for (std::size_t i = 0; i < heads_ * head_dim_; ++i) queries[i] *= factor;
  }

  SessionState& state_;
  std::size_t layer_;
  std::size_t heads_;
  std::size_t kv_heads_;
  std::size_t head_dim_;
  float scale_;
  std::size_t window_;
  std::size_t chunk_;
  float softcap_;
  float epsilon_;
  void (*rotate_)(float* head, const float* cosines, const float* sines, std::size_t half);
  float temperature_;
  float temperature_length_;
  float temperature_offset_;
  bool shared_;  // keys and values are those that the attention of another layer, `layer_`, has put into the cache
  bool normalizes_values_;
  std::size_t bytes_read_ = 0;
  std::vector<float> query_norm_;
  std::vector<float> key_norm_;
  bool norms_rotated_ = false;
  std::vector<float> sinks_;
};

}  // namespace

std::unique_ptr<Kernel> create_attention(const KernelInfo& info, SessionState& state) {
  return std::make_unique<Attention>(info, state);
}

}  // namespace nibble

// Multi-head latent attention (DeepSeek-AI 2024): keys and values of all heads are products of one latent vector for
// each token, beside a rotated key that the heads share. The products are never made: a head's query goes through the
// transposed matrix of its keys once, and what attention makes of the latents through the matrix of its values. So the
// cache holds the latents alone, as one head of keys and values.

#include <cmath>

#include "attention.h"
#include "base/weights.h"
#include "for_rows.h"
#include "operators.h"
#include "rotate.h"
#include "stored_matrix.h"

namespace nibble {
namespace {

constexpr std::size_t kTokensPerTask = 4;
constexpr std::size_t kMaxHeads = 65536;

/// The matrix behind the declared inputs.
constexpr std::size_t kMatrix = 6;

/// Weights in the type of the file where that is one of floats, else in float32: no bit is lost.
class Copy {
 public:
  Copy(WeightFormat stored, std::size_t rows, std::size_t columns) : bytes_(rows * columns * size_of(stored)), view_{} {
    view_.format = traits_of(stored).values == FormatTraits::Values::floats ? stored : WeightFormat::f32;
    view_.rows = rows;
    view_.columns = columns;
    view_.codes = bytes_.data();
  }
  Copy(Copy&&) = default;

  void set(std::size_t row, std::size_t column, float value) {
    std::byte* const at = bytes_.data() + (row * view_.columns + column) * size_of(view_.format);
    const auto put = [at](auto bits) { std::memcpy(at, &bits, sizeof bits); };
    if (view_.format == WeightFormat::f32) put(value);
    if (view_.format == WeightFormat::f16) put(half_from_float(value));
    if (view_.format == WeightFormat::bf16) {
      put(static_cast<std::uint16_t>(std::bit_cast<std::uint32_t>(value) >> 16));
    }
  }

  const WeightView& view() const { return view_; }

 private:
  static std::size_t size_of(WeightFormat format) {
    return format == WeightFormat::bf16 || format == WeightFormat::f16 ? 2 : 4;
  }

  std::vector<std::byte> bytes_;
  WeightView view_;
};

class LatentAttention final : public Kernel {
 public:
  LatentAttention(const KernelInfo& info, SessionState& state)
      : state_(state),
        layer_(info.size("layer", 0)),
        heads_(info.size("heads", 1)),
        key_(info.size("key_dim", 1)),
        rotated_(info.size("rotary_dim", 2)),
        value_(info.size("value_dim", 1)),
        scale_(info.real("scale")),
        epsilon_(info.real("epsilon")),
        rotate_(info.size("rotary_interleaved", 0, 0) == 0 ? rotate : rotate_neighbours) {
    const StoredMatrix stored(info, 0, kMatrix);
    const WeightView& w = stored.w;
    rank_ = w.columns;
    if (heads_ > kMaxHeads || rotated_ % 2 != 0 || w.rows != heads_ * (key_ + value_)) {
      info.malformed("its heads do not fit its matrix");
    }
    norm_ = info.floats(5, "the norm of the latents", rank_);
    state.cache.add_layer(layer_, 1, rank_ + rotated_, rank_);
    for (std::size_t head = 0; head < heads_; ++head) {
      const std::size_t first = head * (key_ + value_);
      Copy keys(w.format, rank_, key_);
      for (std::size_t i = 0; i < key_; ++i) {
        for (std::size_t r = 0; r < rank_; ++r) keys.set(r, i, weight_at(w, first + i, r));
      }
      Copy values(w.format, value_, rank_);
      for (std::size_t i = 0; i < value_; ++i) {
        for (std::size_t r = 0; r < rank_; ++r) values.set(i, r, weight_at(w, first + key_ + i, r));
      }
      key_matrices_.push_back(std::move(keys));
      value_matrices_.push_back(std::move(values));
    }
  }

  void compute(const KernelContext& context) override {
    const std::size_t width = rank_ + rotated_;
    std::size_t tokens = 0;
    std::size_t latent_tokens = 0;
    std::size_t angle_rows = 0;
    const float* q = context.matrix(0, heads_ * (key_ + rotated_), &tokens);
    const float* latents = context.matrix(1, width, &latent_tokens);
    const float* cosines = context.matrix(2, rotated_ / 2, &angle_rows);
    const float* sines = context.matrix(3, rotated_ / 2, &angle_rows);
    const std::span<const std::int64_t> position = context.integers(4);
    if (latent_tokens != tokens || angle_rows != tokens || position.size() != 1 || position[0] < 0) {
      throw Error("malformed-file", "operator LatentAttention: its inputs do not fit together");
    }
    float* out = context.output(0, tokens, heads_ * value_);
    if (tokens == 0) return;
    const auto first = static_cast<std::size_t>(position[0]);
    state_.cache.reserve(first + tokens);
    const AttentionCache cache = state_.cache.view(layer_);
    const Parallel parallel = context.parallel();
    grow(state_.key_scratch, tokens * width);
    grow(state_.value_scratch, tokens * rank_);
    grow(state_.query_scratch, tokens * heads_ * width);
    grow(head_, tokens * std::max(key_, std::max(value_, rank_)));
    grow(product_, tokens * std::max(value_, rank_));
    grow(attended_, tokens * heads_ * rank_);
    float* const keys = state_.key_scratch.data();
    float* const values = state_.value_scratch.data();
    float* const queries = state_.query_scratch.data();
    const std::size_t half = rotated_ / 2;
    for_rows(parallel, tokens, kTokensPerTask, [&](std::size_t begin, std::size_t end) {
      for (std::size_t t = begin; t < end; ++t) {
        float* const key = keys + t * width;
        rms_normalize(latents + t * width, norm_.data(), rank_, epsilon_, key);
        std::copy_n(key, rank_, values + t * rank_);
        std::copy_n(latents + t * width + rank_, rotated_, key + rank_);
        rotate_(key + rank_, cosines + t * half, sines + t * half, half);
        for (std::size_t head = 0; head < heads_; ++head) {
          float* const turned = queries + (t * heads_ + head) * width + rank_;
          std::copy_n(q + (t * heads_ + head) * (key_ + rotated_) + key_, rotated_, turned);
          rotate_(turned, cosines + t * half, sines + t * half, half);
        }
      }
    });
    attention_append(cache, keys, values, tokens, first, state_.isa, parallel);
    for (std::size_t head = 0; head < heads_; ++head) {
      for (std::size_t t = 0; t < tokens; ++t) {
        std::copy_n(q + (t * heads_ + head) * (key_ + rotated_), key_, head_.data() + t * key_);
      }
      multiply(key_matrices_[head], tokens, parallel);
      for (std::size_t t = 0; t < tokens; ++t) {
        std::copy_n(product_.data() + t * rank_, rank_, queries + (t * heads_ + head) * width);
      }
    }
    attention(cache, {tokens, heads_, first, scale_, 0, 0}, queries, attended_.data(), state_.isa, parallel,
              state_.attention_scratch);
    for (std::size_t head = 0; head < heads_; ++head) {
      for (std::size_t t = 0; t < tokens; ++t) {
        std::copy_n(attended_.data() + (t * heads_ + head) * rank_, rank_, head_.data() + t * rank_);
      }
      multiply(value_matrices_[head], tokens, parallel);
      for (std::size_t t = 0; t < tokens; ++t) {
        std::copy_n(product_.data() + t * value_, value_, out + (t * heads_ + head) * value_);
      }
    }
    bytes_read_ = attention_page_bytes(cache) / kPagePositions * (first + tokens);
  }

  /// Latents of the positions that any of the tokens saw.
  std::optional<std::size_t> bytes_read() const override { return bytes_read_; }

 private:
  static void grow(std::vector<float>& scratch, std::size_t count) {
    if (scratch.size() < count) scratch.resize(count);
  }

  /// product_ = head_ * matrix^T
  void multiply(const Copy& matrix, std::size_t tokens, const Parallel& parallel) {
    linear_product(matrix.view(), head_.data(), tokens, nullptr, product_.data(), state_.mode, state_.isa, parallel);
  }

  SessionState& state_;
  std::size_t layer_;
  std::size_t heads_;
  std::size_t key_;      // elements of a head's key that come of the latent
  std::size_t rotated_;  // those that are rotated and shared by the heads
  std::size_t value_;
  std::size_t rank_ = 0;
  float scale_;
  float epsilon_;
  void (*rotate_)(float* head, const float* cosines, const float* sines, std::size_t half);
  std::vector<float> norm_;
  std::vector<Copy> key_matrices_;    // of each head, [rank, key]
  std::vector<Copy> value_matrices_;  // of each head, [value, rank]
  std::vector<float> head_;
  std::vector<float> product_;
  std::vector<float> attended_;
  std::size_t bytes_read_ = 0;
};

}  // namespace

std::unique_ptr<Kernel> create_latent_attention(const KernelInfo& info, SessionState& state) {
  return std::make_unique<LatentAttention>(info, state);
}

}  // namespace nibble

#pragma once

// Causal attention of new tokens over a paged cache. Plain C++ on pointers.
//
// A page holds kPagePositions positions of one layer. In it, for each KV head in turn:
//   keys    [kPagePositions / kTilePositions][head_dim][kTilePositions]   a tile is read in one sweep, 16 positions a
//                                                                         vector
//   values  [kPagePositions][value_stride]                                value_stride = value_dim rounded up to 16,
//   zeros
//                                                                         behind
//   scales  float [2][kPagePositions], of keys and of values              int8 only
// An int8 element is a code: code * scale of its position, scale = largest magnitude of that head / 127, rounded to
// nearest, ties to even. A row's result depends on its own query and on the cache alone: not on the other rows of the
// call, nor on threads.

#include <cstddef>
#include <cstdint>
#include <vector>

#include "linear.h"

namespace nibble {

enum class CacheType { f32, f16, int8 };

inline constexpr std::size_t kPagePositions = 256;
inline constexpr std::size_t kTilePositions = 16;
inline constexpr std::size_t kMaxHeadDim = 576;   // of queries and keys: 512 + 64 in DeepSeek's latent attention
inline constexpr std::size_t kMaxValueDim = 512;  // of values

/// Positions over which a softmax is computed apart; parts are put together in their order. Long enough that this costs
/// nothing, short enough that a few heads over a long context keep many threads busy.
inline constexpr std::size_t kSegmentPositions = 4 * kPagePositions;

/// One layer of the cache. Elements are counted, not bytes.
struct AttentionCache {
  CacheType type;
  std::size_t kv_heads;
  std::size_t head_dim;
  std::size_t value_dim;       // often head_dim
  std::size_t value_stride;    // value_dim rounded up to 16
  std::size_t key_elements;    // from a head's keys to its values
  std::size_t scale_elements;  // from a head's keys to its scales
  std::size_t head_elements;   // from one head to the next
  void* const* pages;          // 64-byte aligned, zeroed when allocated; page i begins at position i * kPagePositions
};

/// The layout of a layer, without pages.
AttentionCache attention_layout(CacheType type, std::size_t kv_heads, std::size_t head_dim, std::size_t value_dim);

/// Size of one of its pages.
std::size_t attention_page_bytes(const AttentionCache& layout);

struct AttentionRequest {
  std::size_t tokens;
  std::size_t heads;     // a multiple of the cache's kv_heads; head h reads KV head h / (heads / kv_heads)
  std::size_t position;  // absolute position of the first token
  float scale;           // factor of q . k
  std::size_t window;    // how many positions a token sees, itself included; 0 = all
  float softcap;         // scores become softcap * tanh(score / softcap); 0 = off
  // [heads]: a further score of each head, whose weight goes nowhere (attention sinks, Xiao et al. 2023); null = none.
  const float* sinks = nullptr;
  std::size_t chunk = 0;  // a token sees only those of its own chunk of so many positions; 0 = no chunks
};

/// The first position that the token at `end` - 1 sees.
inline std::size_t attention_begin(const AttentionRequest& request, std::size_t end) {
  const std::size_t in_window = request.window != 0 && end > request.window ? end - request.window : 0;
  const std::size_t in_chunk = request.chunk != 0 ? (end - 1) / request.chunk * request.chunk : 0;
  return in_window > in_chunk ? in_window : in_chunk;
}

/// Writes keys [tokens, kv_heads, head_dim] and values [tokens, kv_heads, value_dim] at positions [position, position +
/// tokens).
void attention_append(const AttentionCache& cache, const float* keys, const float* values, std::size_t tokens,
                      std::size_t position, Isa isa, const Parallel& parallel);

/// out[tokens, heads, value_dim] from queries [tokens, heads, head_dim]; the tokens' own keys and values are in the
/// cache already. `scratch` is working memory that grows to what the largest call needs.
void attention(const AttentionCache& cache, const AttentionRequest& request, const float* queries, float* out, Isa isa,
               const Parallel& parallel, std::vector<float>& scratch);

}  // namespace nibble

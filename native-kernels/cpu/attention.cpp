#include "attention.h"

#include <algorithm>

#include "cpu/vector_functions.h"

namespace nibble {
namespace {

// Appending few tokens is faster than handing them to other threads.
constexpr std::size_t kAppendInline = 4;

// As kAttentionRows of the kernels: rows of one task, which share the reading of keys and values.
constexpr std::size_t kRows = 16;

}  // namespace

AttentionCache attention_layout(CacheType type, std::size_t kv_heads, std::size_t head_dim) {
  AttentionCache layout{};
  layout.type = type;
  layout.kv_heads = kv_heads;
  layout.head_dim = head_dim;
  layout.value_stride = (head_dim + 15) / 16 * 16;
  layout.key_elements = kPagePositions * head_dim;
  layout.head_elements = kPagePositions * (head_dim + layout.value_stride);
  return layout;
}

std::size_t attention_page_bytes(const AttentionCache& layout) {
  return layout.kv_heads * layout.head_elements * (layout.type == CacheType::f16 ? 2 : 4);
}

void attention_append(const AttentionCache& cache, const float* keys, const float* values, std::size_t tokens,
                      std::size_t position, Isa isa, const Parallel& parallel) {
  struct Work {
    kernels::AppendFunction append;
    const AttentionCache* cache;
    const float* keys;
    const float* values;
    std::size_t tokens;
    std::size_t position;
  } work{kernels::vector_functions(isa).append, &cache, keys, values, tokens, position};
  const auto task = [](void* user, std::size_t kv_head) {
    const Work& w = *static_cast<const Work*>(user);
    w.append(*w.cache, w.keys, w.values, w.tokens, w.position, kv_head);
  };
  if (tokens <= kAppendInline) {
    for (std::size_t kv_head = 0; kv_head < cache.kv_heads; ++kv_head) task(&work, kv_head);
  } else {
    parallel.run(parallel.context, cache.kv_heads, task, &work);
  }
}

void attention(const AttentionCache& cache, const AttentionRequest& request, const float* queries, float* out, Isa isa,
               const Parallel& parallel) {
  struct Work {
    kernels::AttendFunction attend;
    const AttentionCache* cache;
    const AttentionRequest* request;
    const float* queries;
    float* out;
    std::size_t rows;   // per KV head
    std::size_t tiles;  // per KV head
  } work{kernels::vector_functions(isa).attend, &cache, &request, queries, out, 0, 0};
  work.rows = request.tokens * (request.heads / cache.kv_heads);
  work.tiles = (work.rows + kRows - 1) / kRows;
  parallel.run(
      parallel.context, cache.kv_heads * work.tiles,
      [](void* user, std::size_t index) {
        const Work& w = *static_cast<const Work*>(user);
        // Later rows see more positions: they go first, so that no thread is left with a long one at the end.
        const std::size_t first = (w.tiles - 1 - index / w.cache->kv_heads) * kRows;
        w.attend(*w.cache, *w.request, w.queries, w.out, index % w.cache->kv_heads, first,
                 std::min(kRows, w.rows - first));
      },
      &work);
}

}  // namespace nibble

#include "attention.h"

#include <algorithm>

#include "base/vector_functions.h"

namespace nibble {
namespace {

// Appending few tokens is faster than handing them to other threads.
constexpr std::size_t kAppendInline = 4;

// As kAttentionRows of the kernels: rows of one task, which share the reading of keys and values.
constexpr std::size_t kRows = 16;

// Fewer tasks for a thread than this leave some threads without work at the end: then positions are split as well.
constexpr std::size_t kTasksPerThread = 4;

std::size_t element_bytes(CacheType type) {
  switch (type) {
    case CacheType::f32:
      return 4;
    case CacheType::f16:
      return 2;
    default:
      return 1;
  }
}

/// One call of attention(): its rows, query heads of tokens, in tiles of one KV head each.
struct Work {
  const kernels::VectorFunctions* functions;
  const AttentionCache* cache;
  const AttentionRequest* request;
  const float* queries;
  float* out;
  std::size_t rows;           // per KV head
  std::size_t tiles;          // per KV head
  std::size_t first_segment;  // that any row sees
  std::size_t segments;
  float* parts;

  // Later rows see more positions: they go first, so that no thread is left with a long one at the end.
  std::size_t first_row(std::size_t tile) const { return (tiles - 1 - tile) * kRows; }

  static void attend_tile(void* user, std::size_t index) {
    const Work& w = *static_cast<const Work*>(user);
    const std::size_t first = w.first_row(index / w.cache->kv_heads);
    w.functions->attend(*w.cache, *w.request, w.queries, w.out, index % w.cache->kv_heads, first,
                        std::min(kRows, w.rows - first));
  }

  static void attend_segment(void* user, std::size_t index) {
    const Work& w = *static_cast<const Work*>(user);
    const std::size_t segment = index % w.segments;
    const std::size_t tile = index / w.segments;
    const std::size_t kv_head = tile % w.cache->kv_heads;
    const std::size_t first = w.first_row(tile / w.cache->kv_heads);
    w.functions->attend_segment(*w.cache, *w.request, w.queries, kv_head, first, std::min(kRows, w.rows - first),
                                w.first_segment + segment, w.part(kv_head, first, segment), w.part_stride());
  }

  std::size_t part_stride() const { return segments * kernels::part_elements(cache->value_stride); }
  float* part(std::size_t kv_head, std::size_t row, std::size_t segment) const {
    return parts + ((kv_head * rows + row) * segments + segment) * kernels::part_elements(cache->value_stride);
  }
};

}  // namespace

AttentionCache attention_layout(CacheType type, std::size_t kv_heads, std::size_t head_dim, std::size_t value_dim) {
  AttentionCache layout{};
  layout.type = type;
  layout.kv_heads = kv_heads;
  layout.head_dim = head_dim;
  layout.value_dim = value_dim;
  layout.value_stride = (value_dim + 15) / 16 * 16;
  layout.key_elements = kPagePositions * head_dim;
  layout.scale_elements = kPagePositions * (head_dim + layout.value_stride);
  layout.head_elements = layout.scale_elements;
  if (type == CacheType::int8) layout.head_elements += 2 * kPagePositions * sizeof(float);
  return layout;
}

std::size_t attention_page_bytes(const AttentionCache& layout) {
  return layout.kv_heads * layout.head_elements * element_bytes(layout.type);
}

void attention_append(const AttentionCache& cache, const float* keys, const float* values, std::size_t tokens,
                      std::size_t position, Isa isa, const Parallel& parallel) {
  struct Append {
    kernels::AppendFunction append;
    const AttentionCache* cache;
    const float* keys;
    const float* values;
    std::size_t tokens;
    std::size_t position;
  } work{kernels::vector_functions(isa).append, &cache, keys, values, tokens, position};
  const auto task = [](void* user, std::size_t kv_head) {
    const Append& w = *static_cast<const Append*>(user);
    w.append(*w.cache, w.keys, w.values, w.tokens, w.position, kv_head);
  };
  if (tokens <= kAppendInline) {
    for (std::size_t kv_head = 0; kv_head < cache.kv_heads; ++kv_head) task(&work, kv_head);
  } else {
    parallel.run(parallel.context, cache.kv_heads, task, &work);
  }
}

void attention(const AttentionCache& cache, const AttentionRequest& request, const float* queries, float* out, Isa isa,
               const Parallel& parallel, std::vector<float>& scratch) {
  Work work{&kernels::vector_functions(isa), &cache, &request, queries, out, 0, 0, 0, 0, nullptr};
  const std::size_t group = request.heads / cache.kv_heads;
  work.rows = request.tokens * group;
  work.tiles = (work.rows + kRows - 1) / kRows;
  const std::size_t begin = attention_begin(request, request.position + 1);
  work.first_segment = begin / kSegmentPositions;
  const std::size_t end = request.position + request.tokens;
  work.segments = (end + kSegmentPositions - 1) / kSegmentPositions - work.first_segment;
  const std::size_t tiles = cache.kv_heads * work.tiles;
  if (work.functions->attend_segment == nullptr || work.segments == 1 || parallel.threads == 1 ||
      tiles >= kTasksPerThread * parallel.threads) {
    parallel.run(parallel.context, tiles, Work::attend_tile, &work);
    return;
  }
  const std::size_t needed = cache.kv_heads * work.rows * work.part_stride();
  if (scratch.size() < needed) scratch.resize(needed);
  work.parts = scratch.data();
  parallel.run(parallel.context, tiles * work.segments, Work::attend_segment, &work);
  for (std::size_t kv_head = 0; kv_head < cache.kv_heads; ++kv_head) {
    for (std::size_t row = 0; row < work.rows; ++row) {
      const std::size_t head = kv_head * group + row % group;
      work.functions->join(work.part(kv_head, row, 0), work.segments, cache.value_stride, cache.value_dim,
                           request.sinks == nullptr ? nullptr : request.sinks + head,
                           out + (row / group * request.heads + head) * cache.value_dim);
    }
  }
}

}  // namespace nibble

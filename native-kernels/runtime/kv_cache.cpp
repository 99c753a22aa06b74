#include "kv_cache.h"

#include <cstring>
#include <new>
#include <string>

#include "error.h"

#ifdef __linux__
#include <sys/mman.h>
#endif

namespace nibble {
namespace {

constexpr std::size_t kSmallAlignment = 64;

/// A page of memory as large as systems give them. A token reads the whole cache, and every page of 4 KiB in it would
/// cost a walk through the tables of the system, in a virtual machine through those of two.
constexpr std::size_t kHugePage = std::size_t{2} << 20;

// Bounds of a graph that could be meant seriously; they keep every product below far from overflow.
constexpr std::size_t kMaxLayers = 4096;
constexpr std::size_t kMaxKvHeads = 1024;

}  // namespace

void KvCache::add_layer(std::size_t layer, std::size_t kv_heads, std::size_t head_dim, std::size_t value_dim) {
  const bool fits = head_dim != 0 && head_dim <= kMaxHeadDim && value_dim != 0 && value_dim <= kMaxValueDim;
  if (layer >= kMaxLayers || kv_heads == 0 || kv_heads > kMaxKvHeads || !fits) {
    throw Error("malformed-file", "the graph asks for an impossible KV cache: layer " + std::to_string(layer) + ", " +
                                      std::to_string(kv_heads) + " heads of " + std::to_string(head_dim));
  }
  Layer entry{attention_layout(type_, kv_heads, head_dim, value_dim), {}};
  entry.pages.reserve((context_length_ + kPagePositions - 1) / kPagePositions);
  const std::size_t bytes = attention_page_bytes(entry.shape);
  if (!layers_.emplace(layer, std::move(entry)).second) {
    throw Error("malformed-file", "the graph has two attention operators for layer " + std::to_string(layer));
  }
  block_bytes_ += bytes;
}

KvCache::Block KvCache::allocate_block() const {
  const std::align_val_t alignment{block_bytes_ < kHugePage ? kSmallAlignment : kHugePage};
  Block block(::operator new(block_bytes_, alignment), BlockDeleter{alignment});
#ifdef __linux__
  // Where the system has none to give, small ones do.
  if (block_bytes_ >= kHugePage) madvise(block.get(), block_bytes_ / kHugePage * kHugePage, MADV_HUGEPAGE);
#endif
  // Attention reads whole tiles: what lies behind the last position must be numbers.
  std::memset(block.get(), 0, block_bytes_);
  return block;
}

void KvCache::add_block() {
  blocks_.push_back(allocate_block());
  auto* page = static_cast<std::byte*>(blocks_.back().get());
  for (auto& [index, layer] : layers_) {
    layer.pages.push_back(page);
    page += attention_page_bytes(layer.shape);
  }
}

void KvCache::reserve(std::size_t end) {
  if (end > context_length_) {
    throw Error("invalid-input", "position " + std::to_string(end) + " is beyond the context length of " +
                                     std::to_string(context_length_));
  }
  const std::size_t wanted = (end + kPagePositions - 1) / kPagePositions;
  const std::size_t before = reserved();
  try {
    while (blocks_.size() < wanted) add_block();
  } catch (const std::bad_alloc&) {
    shrink(before);
    throw Error("out-of-memory", "there is no memory for a context of " + std::to_string(end) + " tokens");
  }
}

void KvCache::shrink(std::size_t end) {
  const std::size_t kept = (end + kPagePositions - 1) / kPagePositions;
  while (blocks_.size() > kept) {
    blocks_.pop_back();
    for (auto& [index, layer] : layers_) layer.pages.pop_back();
  }
}

AttentionCache KvCache::view(std::size_t layer) const {
  const auto found = layers_.find(layer);
  if (found == layers_.end()) throw Error("internal", "layer " + std::to_string(layer) + " has no KV cache");
  AttentionCache view = found->second.shape;
  view.pages = found->second.pages.data();
  return view;
}

}  // namespace nibble

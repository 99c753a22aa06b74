#include "kv_cache.h"

#include <cstring>
#include <new>
#include <string>

#include "error.h"

namespace nibble {
namespace {

constexpr std::align_val_t kPageAlignment{64};

// Bounds of a graph that could be meant seriously; they keep every product below far from overflow.
constexpr std::size_t kMaxLayers = 4096;
constexpr std::size_t kMaxKvHeads = 1024;

}  // namespace

void KvCache::PageDeleter::operator()(void* page) const { ::operator delete(page, kPageAlignment); }

void KvCache::add_layer(std::size_t layer, std::size_t kv_heads, std::size_t head_dim) {
  if (layer >= kMaxLayers || kv_heads == 0 || kv_heads > kMaxKvHeads || head_dim == 0 || head_dim > kMaxHeadDim) {
    throw Error("malformed-file", "the graph asks for an impossible KV cache: layer " + std::to_string(layer) + ", " +
                                      std::to_string(kv_heads) + " heads of " + std::to_string(head_dim));
  }
  Layer entry{attention_layout(type_, kv_heads, head_dim), {}, {}};
  const std::size_t pages = (context_length_ + kPagePositions - 1) / kPagePositions;
  entry.pages.reserve(pages);
  entry.addresses.reserve(pages);
  if (!layers_.emplace(layer, std::move(entry)).second) {
    throw Error("malformed-file", "the graph has two attention operators for layer " + std::to_string(layer));
  }
}

void KvCache::reserve(std::size_t end) {
  if (end > context_length_) {
    throw Error("invalid-input", "position " + std::to_string(end) + " is beyond the context length of " +
                                     std::to_string(context_length_));
  }
  const std::size_t wanted = (end + kPagePositions - 1) / kPagePositions;
  if (wanted <= page_count_) return;
  try {
    for (auto& [index, layer] : layers_) {
      const std::size_t bytes = attention_page_bytes(layer.shape);
      while (layer.pages.size() < wanted) {
        void* page = ::operator new(bytes, kPageAlignment);
        // Attention reads whole tiles: what lies behind the last position must be numbers.
        std::memset(page, 0, bytes);
        layer.pages.emplace_back(page);
        layer.addresses.push_back(page);
        bytes_ += bytes;
      }
    }
  } catch (const std::bad_alloc&) {
    shrink(page_count_ * kPagePositions);
    throw Error("out-of-memory", "there is no memory for a context of " + std::to_string(end) + " tokens");
  }
  page_count_ = wanted;
}

void KvCache::shrink(std::size_t end) {
  const std::size_t kept = (end + kPagePositions - 1) / kPagePositions;
  for (auto& [index, layer] : layers_) {
    while (layer.pages.size() > kept) {
      layer.pages.pop_back();
      layer.addresses.pop_back();
      bytes_ -= attention_page_bytes(layer.shape);
    }
  }
  if (kept < page_count_) page_count_ = kept;
}

AttentionCache KvCache::view(std::size_t layer) const {
  const auto found = layers_.find(layer);
  if (found == layers_.end()) throw Error("internal", "layer " + std::to_string(layer) + " has no KV cache");
  AttentionCache view = found->second.shape;
  view.pages = found->second.addresses.data();
  return view;
}

}  // namespace nibble

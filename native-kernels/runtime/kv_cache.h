#pragma once

// The keys and values of every layer of one model, in pages that are allocated as the context grows.

#include <cstddef>
#include <map>
#include <memory>
#include <vector>

#include "attention.h"

namespace nibble {

class KvCache {
 public:
  KvCache(CacheType type, std::size_t context_length) : type_(type), context_length_(context_length) {}

  /// Declares a layer; called while a graph is loaded.
  /// @throws Error("malformed-file") when the layer exists already or the shape is impossible
  void add_layer(std::size_t layer, std::size_t kv_heads, std::size_t head_dim);

  /// Makes room for positions [0, end) in every layer.
  /// @throws Error("out-of-memory"), Error("invalid-input") beyond the context length
  void reserve(std::size_t end);

  /// Gives back the pages that hold no position below `end`.
  void shrink(std::size_t end);

  /// @throws Error("internal") when `layer` is unknown
  AttentionCache view(std::size_t layer) const;

  std::size_t context_length() const { return context_length_; }
  std::size_t reserved() const { return page_count_ * kPagePositions; }
  std::size_t bytes() const { return bytes_; }

 private:
  struct PageDeleter {
    void operator()(void* page) const;
  };
  struct Layer {
    AttentionCache shape;
    std::vector<std::unique_ptr<void, PageDeleter>> pages;
    std::vector<void*> addresses;
  };

  CacheType type_;
  std::size_t context_length_;
  std::size_t page_count_ = 0;
  std::size_t bytes_ = 0;
  std::map<std::size_t, Layer> layers_;
};

}  // namespace nibble

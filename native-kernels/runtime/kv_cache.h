#pragma once

// The keys and values of every layer of one model, in pages that are allocated as the context grows: the pages of all
// layers for the same positions in one block.

#include <cstddef>
#include <map>
#include <memory>
#include <new>
#include <vector>

#include "attention.h"

namespace nibble {

class KvCache {
 public:
  KvCache(CacheType type, std::size_t context_length) : type_(type), context_length_(context_length) {}

  /// Declares a layer; called while a graph is loaded.
  /// @throws Error("malformed-file") when the layer exists already or the shape is impossible
  void add_layer(std::size_t layer, std::size_t kv_heads, std::size_t head_dim, std::size_t value_dim);

  /// Makes room for positions [0, end) in every layer.
  /// @throws Error("out-of-memory"), Error("invalid-input") beyond the context length
  void reserve(std::size_t end);

  /// Gives back the pages that hold no position below `end`.
  void shrink(std::size_t end);

  bool has_layer(std::size_t layer) const { return layers_.contains(layer); }

  /// @throws Error("internal") when `layer` is unknown
  AttentionCache view(std::size_t layer) const;

  std::size_t context_length() const { return context_length_; }
  std::size_t reserved() const { return blocks_.size() * kPagePositions; }
  std::size_t bytes() const { return blocks_.size() * block_bytes_; }

 private:
  struct BlockDeleter {
    std::align_val_t alignment;
    void operator()(void* block) const { ::operator delete(block, alignment); }
  };
  using Block = std::unique_ptr<void, BlockDeleter>;
  struct Layer {
    AttentionCache shape;
    std::vector<void*> pages;  // in the blocks
  };

  Block allocate_block() const;
  void add_block();

  CacheType type_;
  std::size_t context_length_;
  std::size_t block_bytes_ = 0;  // grows while layers are declared
  std::vector<Block> blocks_;    // block i begins at position i * kPagePositions
  std::map<std::size_t, Layer> layers_;
};

}  // namespace nibble

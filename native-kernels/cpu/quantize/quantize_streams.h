#pragma once

// Where a quantizer's weights come from and where its codes go: memory, or files, a task at a time.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "base/quantize_kernels.h"
#include "mapped_file.h"
#include "piece_writer.h"
#include "positioned_file.h"
#include "quantize.h"
#include "tree_hash.h"

namespace nibble {

/// Memory of one thread for what passes through it.
using Scratch = std::vector<std::uint8_t>;

struct WeightInput {
  const void* data;  // null: in the file
  WeightType type;
  std::size_t numel;
  const PositionedFile* file = nullptr;
  std::uint64_t offset = 0;
  const MappedFile* mapped = nullptr;  // of the weights in the file

  /// Weights [start, start + count). They are valid until `scratch` is used again.
  const void* at(std::size_t start, std::size_t count, Scratch& scratch) const {
    if (data != nullptr) return advance(data, type, start);
    const std::uint64_t place = std::uint64_t{start} * weight_size(type);
    const std::size_t bytes = count * weight_size(type);
    if (mapped != nullptr && bytes > 0) {
      if (const std::uint8_t* there = mapped->resident(place, bytes)) return there;
    }
    scratch.resize(std::max(scratch.size(), bytes));
    file->read(offset + place, scratch.data(), bytes);
    return scratch.data();
  }
};

struct CodeOutput {
  std::uint8_t* data;  // null: in a file
  PieceWriter* pieces = nullptr;
  TreeHash* hash = nullptr;

  /// Room for the bytes of a task, which begin at `start`.
  std::uint8_t* room(std::size_t start) const { return data != nullptr ? data + start : pieces->room(start); }

  /// `task`, such that no other waits for what it had taken when it failed.
  template <typename Task>
  auto guarded(Task task) const {
    return [this, task = std::move(task)](std::size_t index) {
      try {
        task(index);
      } catch (...) {
        if (pieces != nullptr) pieces->fail_task();
        throw;
      }
    };
  }

  /// Takes what was put into that room.
  void take(std::size_t start, std::size_t count, const std::uint8_t* bytes) const {
    if (data != nullptr) return;
    hash->add(start, bytes, count);
    pieces->filled(start, count);
  }
};

/// Writes and hashes a part of a tensor that is small enough to lie in memory.
template <typename T>
Digest put_hashed(const std::vector<T>& values, const PositionedFile& file, std::uint64_t offset,
                  const Control& control) {
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(values.data());
  const std::size_t count = values.size() * sizeof(T);
  file.write(offset, bytes, count);
  return tree_hash(bytes, count, {control.threads, control.isa, control.cancelled, {}});
}

}  // namespace nibble

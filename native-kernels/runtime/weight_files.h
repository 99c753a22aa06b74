#pragma once

// The files that hold a model's weights, mapped for reading: kernels keep pointers into them, and nothing is copied.

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "page_guard.h"

namespace nibble {

/// A file, mapped whole. Where it becomes shorter under the mapping, or its disk goes away, missing pages read as zeros
/// and is_whole() says so; where such faults cannot be caught (page_guard.h), they end the process.
class WeightFile {
 public:
  /// @param path UTF-8
  /// @returns the mapping that somebody else holds of the same, unchanged file, or a new one
  /// @throws Error("not-found"), Error("permission-denied"), Error("malformed-file") for what cannot be mapped
  static std::shared_ptr<const WeightFile> open(const std::string& path);
  ~WeightFile();
  WeightFile(const WeightFile&) = delete;
  WeightFile& operator=(const WeightFile&) = delete;

  /// May change only where a writer changes the file.
  std::span<const std::uint8_t> bytes() const { return {static_cast<const std::uint8_t*>(pages_), length_}; }

  /// Whether the file still has all bytes that it had when it was mapped, and every page that was read was one of them.
  /// To be asked after bytes were used and before anyone relies on what was made of them.
  bool is_whole() const;

 private:
  /// @param file its descriptor, which is closed with this; not on Windows
  WeightFile(void* pages, std::size_t length, int file) : pages_(pages), length_(length), file_(file) {
    guard_.emplace(pages, length);
  }

  void* pages_;
  std::size_t length_;
  std::optional<PageGuard> guard_;
  int file_;
};

/// The weights files beside a graph, each mapped when it is first named.
class WeightFiles {
 public:
  /// @param graph_path UTF-8
  /// @param folder where the files lie instead; empty: beside the graph. UTF-8
  explicit WeightFiles(const std::string& graph_path, const std::string& folder = "");

  /// @param name a bare name that ends in `.safetensors`, or `nibble-runtime.tensors`: the graph is untrusted, and
  /// names
  ///   no other place of the disk
  /// @returns valid as long as this object
  /// @throws what WeightFile::open throws, and Error("malformed-file") for another name
  std::span<const std::uint8_t> bytes(const std::string& name);

  /// @throws Error("malformed-file") of reason `weights-unreadable` when one of the files is no longer whole
  void require_whole() const;

 private:
  std::string folder_;  // with what separates it from a name; empty for the current one
  std::map<std::string, std::shared_ptr<const WeightFile>> files_;
};

}  // namespace nibble

#pragma once

// The files that hold a model's weights, mapped for reading: kernels keep pointers into them, and nothing is copied.

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>

namespace nibble {

/// A file, mapped whole. A file that becomes shorter under the mapping ends the process that reads it: why models have
/// processes of their own.
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

 private:
  WeightFile(void* pages, std::size_t length) : pages_(pages), length_(length) {}

  void* pages_;
  std::size_t length_;
};

/// The weights files beside a graph, each mapped when it is first named.
class WeightFiles {
 public:
  /// @param graph_path UTF-8
  explicit WeightFiles(const std::string& graph_path);

  /// @param name a bare name that ends in `.safetensors`: the graph is untrusted, and names no other place of the disk
  /// @returns valid as long as this object
  /// @throws what WeightFile::open throws, and Error("malformed-file") for another name
  std::span<const std::uint8_t> bytes(const std::string& name);

 private:
  std::string folder_;  // with what separates it from a name; empty for the current one
  std::map<std::string, std::shared_ptr<const WeightFile>> files_;
};

}  // namespace nibble

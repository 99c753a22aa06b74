#pragma once

// The ONNX Runtime library of this process: opened once from a path, never closed (its threads may outlive us).

#include <memory>
#include <string>
#include <vector>

#include "ort_abi.h"

namespace nibble::ort {

class Library {
 public:
  /// Opens the library at `path` (UTF-8) on the first call; later calls return the same one whatever the path.
  /// @throws Error("runtime-unavailable") when it cannot be opened or is older than 1.24
  static Library& open(const std::string& path);

  /// @throws Error("runtime-unavailable") when open() was never called successfully
  static Library& get();

  const Api& api() const { return api_; }
  Env* env() const { return env_; }
  const std::string& version() const { return version_; }
  std::vector<std::string> providers() const;

 private:
  Library(const Api& api, std::string version);

  Api api_;
  std::string version_;
  Env* env_ = nullptr;
};

/// Releases an ONNX Runtime object through the library's own function.
struct Releaser {
  template <typename T>
  void operator()(T* p) const {
    Library::get().api().release(p);
  }
};
template <typename T>
using Handle = std::unique_ptr<T, Releaser>;

/// Takes over an object that a C function makes.
template <typename T, typename Make>
Handle<T> made(const Make& make) {
  T* object = nullptr;
  make(&object);
  return Handle<T>(object);
}

}  // namespace nibble::ort

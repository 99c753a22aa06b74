#pragma once

// Memory that goes from one tensor of a job to the next.

#include <cstddef>
#include <cstdint>

namespace nibble {

/// Memory that is not set to anything and begins on a page. Fresh pages cost the system more than a kernel's work on
/// them; so what is given back is kept and handed out again, until `release` is called.
class CachedBuffer {
 public:
  explicit CachedBuffer(std::size_t bytes);
  CachedBuffer(const CachedBuffer&) = delete;
  CachedBuffer& operator=(const CachedBuffer&) = delete;
  ~CachedBuffer();

  /// Gives what nobody holds back to the system.
  static void release();

  std::uint8_t* data() const { return data_; }

  /// As an array of a type that needs no construction.
  template <typename T>
  T* as() const {
    return reinterpret_cast<T*>(data_);
  }

 private:
  std::size_t size_class_;
  std::uint8_t* data_;
};

}  // namespace nibble

#pragma once

// Values that belong to one thread, such as references to JavaScript objects: V8's heap has no locks, and a reference
// that dies on another thread corrupts it.

#include <atomic>
#include <cassert>
#include <cstddef>
#include <new>
#include <thread>
#include <utility>

namespace nibble::addon {

/// How many values were to be destroyed on a thread that is not theirs, in this process. A test holds it to 0.
inline std::atomic<std::size_t> foreign_releases{0};

/// A value that is destroyed only on the thread that made it. What another thread drops is never destroyed: it is
/// counted in `foreign_releases`, its memory is lost, and a build with assertions ends there.
template <class T>
class ThreadBound {
 public:
  ThreadBound() = default;
  explicit ThreadBound(T value) : value_(new T(std::move(value))), thread_(std::this_thread::get_id()) {}
  ~ThreadBound() { release(); }
  ThreadBound(ThreadBound&& other) noexcept : value_(std::exchange(other.value_, nullptr)), thread_(other.thread_) {}
  ThreadBound& operator=(ThreadBound&& other) noexcept {
    if (this == &other) return *this;
    release();
    value_ = std::exchange(other.value_, nullptr);
    thread_ = other.thread_;
    return *this;
  }

  explicit operator bool() const { return value_ != nullptr; }
  T& operator*() const { return *value_; }
  T* operator->() const { return value_; }

 private:
  void release() {
    if (value_ == nullptr) return;
    if (std::this_thread::get_id() == thread_) {
      delete value_;
    } else {
      foreign_releases.fetch_add(1);
      assert(!"a value of another thread was dropped");
    }
    value_ = nullptr;
  }

  T* value_ = nullptr;
  std::thread::id thread_;
};

}  // namespace nibble::addon

#pragma once

// One opened device: its context, the loaded kernels, memory, streams and launches.

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

#include "cuda/driver.h"

namespace nibble::cuda {

/// Threads of a block of the grid, unless a kernel says otherwise.
constexpr unsigned kBlockThreads = 256;

/// @param image the compiled kernels, null in a build without any
/// @throws Error("runtime-unavailable") where there are none
void require_kernels(const void* image);

class Device {
 public:
  /// The device of a number, opened at its first use and kept until the process ends.
  /// @throws Error("runtime-unavailable", "out-of-memory", "kernel-failed")
  static Device& open(int ordinal);

  /// For messages: "device 0 (NVIDIA H100)".
  const std::string& title() const { return title_; }
  unsigned multiprocessors() const { return multiprocessors_; }
  /// Bytes of shared memory that a block may ask for.
  unsigned shared_memory() const { return shared_memory_; }
  const DriverFunctions& call() const { return driver_.call(); }
  void check(Result result, const char* function) const { driver_.check(result, function, title_); }

  /// Makes this thread's calls go to this device. Every public call of the classes below does so.
  void use() const { check(call().context_current(context_), "cuCtxSetCurrent"); }

  /// The same where nothing may be thrown. @returns whether it worked
  bool is_current() const noexcept { return call().context_current(context_) == kSuccess; }

  /// Starts a kernel whose arguments are `arguments`, in order.
  template <typename... Arguments>
  void launch(StreamHandle stream, const std::string& name, std::uint64_t grid, unsigned threads,
              Arguments... arguments) {
    void* pointers[] = {static_cast<void*>(&arguments)...};
    launch_raw(stream, name, grid, threads, pointers);
  }

  /// Blocks of a grid that fill the device, but no more than there is work for.
  /// @param per_multiprocessor blocks that fit on a multiprocessor at a time
  std::uint64_t grid_for(std::uint64_t blocks, unsigned per_multiprocessor) const;

 private:
  explicit Device(int ordinal);
  FunctionHandle kernel(const std::string& name);
  void launch_raw(StreamHandle stream, const std::string& name, std::uint64_t grid, unsigned threads, void** arguments);

  const Driver& driver_;
  std::string title_;
  unsigned multiprocessors_ = 1;
  unsigned shared_memory_ = 0;
  ContextHandle context_ = nullptr;
  ModuleHandle module_ = nullptr;
  std::mutex lock_;
  std::map<std::string, FunctionHandle> kernels_;
};

/// Device memory; freed with it.
class DeviceMemory {
 public:
  DeviceMemory() = default;
  DeviceMemory(Device& device, std::size_t bytes);
  ~DeviceMemory();
  DeviceMemory(DeviceMemory&& other) noexcept { swap(other); }
  DeviceMemory& operator=(DeviceMemory&& other) noexcept {
    swap(other);
    return *this;
  }
  DevicePointer pointer() const { return pointer_; }
  std::size_t bytes() const { return bytes_; }
  template <typename T>
  T* as() const {
    return reinterpret_cast<T*>(static_cast<std::uintptr_t>(pointer_));
  }

 private:
  void swap(DeviceMemory& other) noexcept {
    std::swap(device_, other.device_);
    std::swap(pointer_, other.pointer_);
    std::swap(bytes_, other.bytes_);
  }
  Device* device_ = nullptr;
  DevicePointer pointer_ = 0;
  std::size_t bytes_ = 0;
};

/// Page-locked host memory, which the device copies from and to at full speed while the processor goes on.
class PinnedMemory {
 public:
  PinnedMemory(Device& device, std::size_t bytes);
  ~PinnedMemory();
  PinnedMemory(const PinnedMemory&) = delete;
  PinnedMemory& operator=(const PinnedMemory&) = delete;
  void* data() const { return data_; }
  std::size_t bytes() const { return bytes_; }

 private:
  Device& device_;
  void* data_ = nullptr;
  std::size_t bytes_;
};

/// Work that runs in order, beside that of other streams.
class Stream {
 public:
  explicit Stream(Device& device);
  ~Stream();
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;
  Device& device() const { return device_; }
  StreamHandle handle() const { return handle_; }

  void upload(DevicePointer to, const void* from, std::size_t bytes);
  void download(void* to, DevicePointer from, std::size_t bytes);
  /// From device memory to device memory.
  void copy(DevicePointer to, DevicePointer from, std::size_t bytes);
  void fill(DevicePointer to, unsigned char value, std::size_t bytes);
  void wait();

 private:
  Device& device_;
  StreamHandle handle_ = nullptr;
};

}  // namespace nibble::cuda

#pragma once

// The NVIDIA driver, opened at run time: the same binary starts where there is none.

#include <cstdint>
#include <string>
#include <vector>

#include "cuda/driver_abi.h"
#include "error.h"

namespace nibble::cuda {

/// A call of the driver that failed. The process goes on: whoever catches it falls back to the processor.
class DriverError : public Error {
 public:
  DriverError(std::string code, const std::string& message, std::string remedy, Result result)
      : Error(std::move(code), message, std::move(remedy)), result_(result) {}
  bool out_of_memory() const noexcept { return result_ == kOutOfMemory; }

 private:
  Result result_;
};

class Driver {
 public:
  /// Opens libcuda.so.1 (Windows: nvcuda.dll), or what NIBBLE_CUDA_DRIVER names, and initializes it, once per process.
  /// @throws Error("runtime-unavailable") when there is none, it is too old, or it finds no device
  static const Driver& get();

  const DriverFunctions& call() const { return functions_; }

  /// @param name the function that was called
  /// @param device what it was called for, e.g. "device 0 (NVIDIA H100)"
  /// @throws DriverError unless `result` is success: "out-of-memory", else "kernel-failed"
  void check(Result result, const char* name, const std::string& device) const;

  /// CUDA version that the driver supports, e.g. "13.0".
  std::string version() const;

 private:
  Driver() = default;
  void open();
  DriverFunctions functions_;
};

struct DeviceInfo {
  int ordinal;
  std::string name;
  std::uint64_t memory_bytes;
  int major;  // compute capability
  int minor;
};

/// What a look at the driver found. Never throws.
struct Probe {
  bool has_kernels;    // this build has kernels for CUDA devices
  std::string driver;  // CUDA version; empty without a driver
  std::string reason;  // why `devices` is empty or cannot be used; empty when all is well
  std::vector<DeviceInfo> devices;
};

Probe probe();

}  // namespace nibble::cuda

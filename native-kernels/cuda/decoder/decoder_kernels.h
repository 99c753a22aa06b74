#pragma once

// The loaded kernels of the decoder on one device, and how they are started.

#include <map>
#include <string>
#include <utility>

#include "cuda/device.h"

namespace nibble::cuda {

class DecoderKernels {
 public:
  /// @throws Error("runtime-unavailable") when this build or the driver cannot do it
  explicit DecoderKernels(Device& device);
  ~DecoderKernels();
  DecoderKernels(const DecoderKernels&) = delete;
  DecoderKernels& operator=(const DecoderKernels&) = delete;

  struct Grid {
    unsigned x;
    unsigned y;
    unsigned threads;
    unsigned shared_bytes;
    unsigned z = 1;
  };

  /// Starts a kernel with the one structure that it takes.
  template <typename Job>
  void launch(StreamHandle stream, const std::string& name, const Grid& grid, Job job) {
    launch_raw(stream, name, grid, &job);
  }

  /// Whether kernels may start before the one before them has ended: they wait themselves for what it writes.
  /// Only for kernels that do so (those of a single token).
  void set_overlap(bool overlap) { overlap_ = overlap && can_overlap_; }

  /// For drivers that cannot put such launches into a graph. @returns whether that changed anything
  bool give_up_overlap() { return std::exchange(can_overlap_, false); }

 private:
  void launch_raw(StreamHandle stream, const std::string& name, const Grid& grid, void* job);
  FunctionHandle function(const std::string& name, unsigned shared_bytes);

  struct Function {
    FunctionHandle handle = nullptr;
    unsigned shared_bytes = 0;  // that it may ask for
  };

  Device& device_;
  ModuleHandle module_ = nullptr;
  std::map<std::string, Function> functions_;
  bool can_overlap_ = false;
  bool overlap_ = false;
};

}  // namespace nibble::cuda

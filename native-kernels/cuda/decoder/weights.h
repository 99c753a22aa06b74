#pragma once

// The weights of a decoder on a device: the bytes of the files as they are, in one piece of memory.

#include <string>
#include <vector>

#include "cuda/decoder/kernels/arguments.h"
#include "cuda/decoder/plan.h"
#include "cuda/device.h"

namespace nibble::cuda {

/// A matrix on the device and which kernel reads it.
struct DeviceMatrix {
  Format format;
  Matrix matrix;
};

struct DeviceLayer {
  DeviceMatrix q, k, v, o, gate, up, down;
  const float* attention_norm;
  const float* mlp_norm;
  const float* q_norm;  // null: none
  const float* k_norm;
};

struct DeviceWeights {
  DeviceMemory memory;
  std::vector<DeviceLayer> layers;
  const float* final_norm;
  const float* frequencies;
  const void* embedding;
  Format embedding_format;
  DeviceMatrix head;
};

/// Reads the files of `plan` in `directory` onto the device.
/// @throws Error("out-of-memory", "not-found", "malformed-file")
DeviceWeights load_weights(Device& device, const DecoderPlan& plan, const std::string& directory);

/// Whether one kernel can multiply with both.
bool can_share(const DeviceMatrix& a, const DeviceMatrix& b);

const char* format_name(Format format);

}  // namespace nibble::cuda

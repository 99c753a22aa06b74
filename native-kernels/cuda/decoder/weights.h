#pragma once

// The weights of a decoder on a device: the bytes of the files as they are, in one piece of memory.

#include <string>
#include <vector>

#include "cuda/decoder/decoder_plan.h"
#include "cuda/decoder/kernels/arguments.h"
#include "cuda/device.h"

namespace nibble::cuda {

/// A matrix on the device and which kernel reads it.
struct DeviceMatrix {
  Format format;
  Matrix matrix;
};

/// As in the plan, under the same numbers.
struct DeviceWeights {
  DeviceMemory memory;
  std::vector<DeviceMatrix> matrices;
  std::vector<const float*> vectors;
  std::vector<const float*> frequencies;  // of the rotary embeddings
  const void* embedding;
  Format embedding_format;
  std::vector<const void*> tables;
};

/// Reads the files of `plan` in `directory` onto the device.
/// @throws Error("out-of-memory", "not-found", "malformed-file")
DeviceWeights load_weights(Device& device, const DecoderPlan& plan, const std::string& directory);

/// Whether one kernel can multiply with both.
bool can_share(const DeviceMatrix& a, const DeviceMatrix& b);

const char* format_name(Format format);

/// The kernel that reads floats.
Format float_format(WeightType type);

}  // namespace nibble::cuda

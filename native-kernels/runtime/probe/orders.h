#pragma once

// What graph_probe is asked to do, and that whoever asks is still there.

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

namespace nibble::probe {

struct Orders {
  std::string library;
  /// `webgpu`, `cuda`, or `standard-cpu`: graphs of GPUs on ONNX Runtime's own kernels for processors.
  std::string on;
  /// The model's graph for that; for cuda the plan of its decoder and the folder of its weights instead.
  std::string device_graph;
  std::string plan;
  std::string directory;
  /// The same model of our operators; empty: the device is timed alone.
  std::string processor_graph;
  /// Where the weights of the graphs lie; empty: beside them.
  std::string weights_folder;
  bool times_processor = true;
  std::size_t context = 0;
  std::size_t threads = 0;
  std::size_t rows = 0;
  std::size_t prompt = 0;
  std::size_t steps = 0;
  std::vector<std::pair<std::string, std::string>> provider_options;
};

/// Reads the orders from standard input, up to an empty line or the end. Behind an empty line the program ends as soon
/// as standard input does: whoever asked is gone then, and nobody else would end it.
/// @throws Error("invalid-input")
Orders read_orders();

}  // namespace nibble::probe

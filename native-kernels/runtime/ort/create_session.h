#pragma once

#include "ort_library.h"
#include "runtime/backend.h"

namespace nibble {

/// Has ONNX Runtime open the graph of `options`, whose weights lie in `options.weights_folder` where one is given.
/// @throws Error("invalid-input") where the graph cannot be read, and what the runtime says
ort::Handle<ort::Session> create_session(const ort::Library& library, const OpenOptions& options,
                                         ort::SessionOptions* session_options);

}  // namespace nibble

#pragma once

#include <cstdint>
#include <string>

#include "cuda/check/shapes.h"

namespace nibble::baseline {

/// Writes a GGUF file (version 3) with random weights in a published shape, output layer and embedding being
/// one matrix. It has no tokenizer: tokens are numbers here.
///
/// @param layers, head `q4_0`, `q8_0` or `q6_k`: how the layers' matrices and the output layer are stored
/// @throws Error("invalid-input", "disk-full")
void write_gguf_model(const std::string& path, const check::Shape& shape, const std::string& layers,
                      const std::string& head, std::uint64_t seed);

}  // namespace nibble::baseline

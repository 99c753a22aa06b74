#pragma once

#include <cstdint>
#include <string>

namespace nibble::baseline {

/// Writes a GGUF file (version 3) with random weights in the shape of Llama-3.2-1B, output layer and embedding being
/// one matrix. It has no tokenizer: tokens are numbers here.
///
/// @param layers, head `q4_0`, `q8_0` or `q6_k`: how the layers' matrices and the output layer are stored
/// @throws Error("invalid-input", "disk-full")
void write_gguf_model(const std::string& path, const std::string& layers, const std::string& head, std::uint64_t seed);

/// Rows of the output layer.
constexpr std::uint32_t kVocabulary = 128256;

}  // namespace nibble::baseline

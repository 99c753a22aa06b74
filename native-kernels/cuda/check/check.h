#pragma once

// The parts of the check program. Each throws when something is wrong.

#include <chrono>
#include <cstdint>
#include <string>

#include "cuda/launches.h"

namespace nibble::check {

/// How long `work()` takes.
template <typename Work>
double seconds_of(const Work& work) {
  const auto from = std::chrono::steady_clock::now();
  work();
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - from;
  return seconds.count();
}

/// Every scheme, type, block size and odd shape against the plain code. @param small few and small tensors only
void check_equality(cuda::Worker& worker, std::uint64_t seed, bool small);

/// Every scheme and type over one large random tensor.
void check_many(cuda::Worker& worker, std::uint64_t seed, std::size_t weights);

/// Times quantizing and dequantizing of data on the device and prints them beside the device's copy bandwidth.
/// @param bytes of the source tensor
void time_kernels(cuda::Worker& worker, std::uint64_t seed, std::size_t bytes);

/// Makes a checkpoint of random weights in `directory` and times its way to an artifact, beside reading and writing.
/// @param layers of the model's 32
void time_checkpoint(const std::string& directory, std::uint64_t seed, unsigned layers);

/// Products and whole decoders in every format against the processor's exact mode. @param small few tokens, for
/// compute-sanitizer
void check_decoder(cuda::Device& device, const std::string& directory, std::uint64_t seed, bool small);

/// The same for one model whose plan the app wrote; the files lie beside it.
void check_plan(cuda::Device& device, const std::string& path, std::uint64_t seed);

/// Every model of a folder (plan.txt, ids.i64, logits.f32 and weights in a folder of its own): with the logits that are
/// expected, and as check_plan.
void check_golden(cuda::Device& device, const std::string& directory, std::uint64_t seed);

/// The speed of a decoder of random weights beside the copy bandwidth. @param format of its layers @param shape as
/// shape_named has it
void time_decoder(cuda::Device& device, const std::string& directory, const std::string& format,
                  const std::string& shape, std::uint64_t seed);

}  // namespace nibble::check

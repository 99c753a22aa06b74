// cuda_check COMMAND…: checks and times the CUDA kernels on the machine at hand. Commands, in any number:
//   small            every path once, for compute-sanitizer
//   equal            every scheme, type, block size and odd shape against the plain code
//   many=N           N random weights per scheme and type
//   time=BYTES       kernels on BYTES of weights that lie on the device
//   decoder=DIR      products and whole decoders against the processor (small-decoder=DIR: fewer tokens)
//   plan=FILE        the same for a model whose plan and weights lie there (buildCudaText of app/run writes plans)
//   chat=DIR:FORMAT[:SHAPE]  the speed of a decoder of random weights in a published shape; its file is made in DIR
//   file=DIR:LAYERS  a synthetic checkpoint from file to artifact
// seed=N repeats a run. Exit code 1 when anything differs.

#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <exception>
#include <string>

#include "cuda/check/check.h"

namespace {

std::string value_of(const std::string& argument) {
  const std::size_t at = argument.find('=');
  return at == std::string::npos ? "" : argument.substr(at + 1);
}

void run(const std::string& argument, nibble::cuda::Worker& worker, std::uint64_t seed) {
  const std::string name = argument.substr(0, argument.find('='));
  const std::string value = value_of(argument);
  if (name == "small" || name == "equal") {
    nibble::check::check_equality(worker, seed, name == "small");
  } else if (name == "many") {
    nibble::check::check_many(worker, seed, std::stoull(value));
  } else if (name == "time") {
    nibble::check::time_kernels(worker, seed, std::stoull(value));
  } else if (name == "file") {
    const std::size_t colon = value.rfind(':');
    nibble::check::time_checkpoint(value.substr(0, colon), seed,
                                   static_cast<unsigned>(std::stoul(value.substr(colon + 1))));
  } else if (name == "decoder" || name == "small-decoder") {
    nibble::check::check_decoder(nibble::cuda::Device::open(0), value, seed, name == "small-decoder");
  } else if (name == "plan") {
    nibble::check::check_plan(nibble::cuda::Device::open(0), value, seed);
  } else if (name == "golden") {
    nibble::check::check_golden(nibble::cuda::Device::open(0), value, seed);
  } else if (name == "chat") {
    const std::size_t colon = value.find(':');
    const std::size_t second = value.find(':', colon + 1);
    const std::string shape = second == std::string::npos ? "1b" : value.substr(second + 1);
    nibble::check::time_decoder(nibble::cuda::Device::open(0), value.substr(0, colon),
                                value.substr(colon + 1, second - colon - 1), shape, seed);
  } else if (name != "seed") {
    throw nibble::Error("invalid-input", "unknown command: " + argument);
  }
}

}  // namespace

int main(int count, char** arguments) {
  auto seed = static_cast<std::uint64_t>(std::time(nullptr));
  for (int i = 1; i < count; ++i) {
    const std::string argument = arguments[i];
    if (argument.rfind("seed=", 0) == 0) seed = std::stoull(value_of(argument));
  }
  try {
    const nibble::cuda::Probe probe = nibble::cuda::probe();
    if (!probe.reason.empty()) throw nibble::Error("runtime-unavailable", probe.reason);
    for (const nibble::cuda::DeviceInfo& device : probe.devices) {
      std::printf("device %d: %s, %.1f GiB, compute capability %d.%d, driver for CUDA %s\n", device.ordinal,
                  device.name.c_str(), static_cast<double>(device.memory_bytes) / (1 << 30), device.major, device.minor,
                  probe.driver.c_str());
    }
    std::printf("seed %llu\n", static_cast<unsigned long long>(seed));
    nibble::cuda::Worker worker(nibble::cuda::Device::open(0));
    for (int i = 1; i < count; ++i) run(arguments[i], worker, seed);
  } catch (const std::exception& error) {
    std::printf("FAILED (seed %llu): %s\n", static_cast<unsigned long long>(seed), error.what());
    return 1;
  }
  std::printf("ok\n");
  return 0;
}

// gpu_probe [--measure]: looks for NVIDIA devices and prints what it found as one line of JSON. With --measure it also
// quantizes some weights on the processor and on each device, from memory to memory, and prints how many a second.
//
// A program of its own: a driver that crashes or hangs costs this process and not the app.

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "cpu.h"
#include "cuda/quantize_cuda.h"
#include "json_text.h"

namespace {

using nibble::cuda::DeviceInfo;
using nibble::cuda::Probe;

/// Weights of the measurement: more than caches hold, and quantized in a tenth of a second.
constexpr std::size_t kWeights = std::size_t{1} << 26;

/// Runs of each, after one to warm up; the median counts.
constexpr int kRuns = 3;

std::string text_or_null(const std::string& text) { return text.empty() ? "null" : nibble::json_text(text); }

/// bf16 weights from -0.5 to 0.5.
std::vector<std::uint16_t> some_weights() {
  std::vector<std::uint16_t> weights(kWeights);
  std::uint32_t state = 1;
  for (std::uint16_t& weight : weights) {
    state = state * 1664525u + 1013904223u;
    weight = static_cast<std::uint16_t>(0x3c00u | (state >> 16 & 0x82ffu));
  }
  return weights;
}

template <typename Run>
double weights_per_second(const Run& run) {
  std::vector<double> rates;
  for (int i = 0; i <= kRuns; ++i) {
    const auto from = std::chrono::steady_clock::now();
    run();
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - from;
    if (i > 0) rates.push_back(static_cast<double>(kWeights) / seconds.count());
  }
  std::nth_element(rates.begin(), rates.begin() + kRuns / 2, rates.end());
  return rates[kRuns / 2];
}

struct Measurement {
  std::vector<std::uint16_t> weights = some_weights();
  std::vector<std::uint8_t> codes = std::vector<std::uint8_t>(kWeights / 2);
  std::vector<float> absmax = std::vector<float>(kWeights / 64);
  nibble::Source source{weights.data(), nibble::WeightType::bf16, kWeights};
  nibble::FourBitSpec spec{nibble::FourBitType::nf4, 64};
  nibble::FourBitTarget target{codes.data(), absmax.data(), nullptr, nullptr, nullptr};
  nibble::Control control;

  Measurement() {
    control.threads = std::max(std::thread::hardware_concurrency(), 1u);
    control.isa = nibble::best_isa();
  }
  double processor() {
    return weights_per_second([&] { nibble::quantize_4bit(source, spec, target, control); });
  }
  /// 0 when the device cannot do it.
  double device(int ordinal, std::string& problem) {
    try {
      nibble::cuda::Device& opened = nibble::cuda::Device::open(ordinal);
      return weights_per_second([&] {
        nibble::cuda::quantize_4bit(opened, nibble::cuda::origin_of(source), spec,
                                    nibble::cuda::writer_to(codes.data()), target, control);
      });
    } catch (const std::exception& error) {
      problem = error.what();
      return 0;
    }
  }
};

}  // namespace

int main(int count, char** arguments) {
  const bool measures = count > 1 && std::strcmp(arguments[1], "--measure") == 0;
  Probe probe = nibble::cuda::probe();
  std::ostringstream rates;
  if (measures && probe.has_kernels && !probe.devices.empty()) {
    Measurement measurement;
    rates.setf(std::ios::fixed);
    rates.precision(0);
    rates << ",\"processorRate\":" << measurement.processor() << ",\"deviceRates\":[";
    for (std::size_t i = 0; i < probe.devices.size(); ++i) {
      std::string problem;
      const double rate = measurement.device(probe.devices[i].ordinal, problem);
      if (probe.reason.empty()) probe.reason = problem;
      rates << (i == 0 ? "" : ",") << rate;
    }
    rates << "]";
  }
  std::ostringstream json;
  json << "{\"hasKernels\":" << (probe.has_kernels ? "true" : "false");
  json << ",\"driver\":" << text_or_null(probe.driver) << ",\"reason\":" << text_or_null(probe.reason);
  json << ",\"devices\":[";
  for (std::size_t i = 0; i < probe.devices.size(); ++i) {
    const DeviceInfo& device = probe.devices[i];
    json << (i == 0 ? "" : ",") << "{\"ordinal\":" << device.ordinal << ",\"name\":" << nibble::json_text(device.name)
         << ",\"memoryBytes\":" << device.memory_bytes << ",\"computeCapability\":\"" << device.major << "."
         << device.minor << "\"}";
  }
  json << "]" << rates.str() << "}";
  std::puts(json.str().c_str());
  return 0;
}

// Decoders of published shapes: tokens a second, beside what the memory would allow.

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <vector>

#include "cuda/check/check.h"
#include "cuda/check/data.h"
#include "cuda/check/decoder_reference.h"
#include "cuda/check/synthetic_model.h"
#include "cuda/decoder/decoder.h"

namespace nibble::check {
namespace {

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

/// Bytes a second, read and written together, of a copy from device to device.
double copy_bandwidth(cuda::Device& device) {
  constexpr std::size_t kBytes = std::size_t{2} << 30;
  const cuda::DeviceMemory from(device, kBytes);
  const cuda::DeviceMemory to(device, kBytes);
  cuda::Stream stream(device);
  stream.fill(from.pointer(), 0x5a, kBytes);
  stream.wait();
  std::vector<double> times;
  for (int i = 0; i < 7; ++i) {
    times.push_back(seconds_of([&] {
      stream.copy(to.pointer(), from.pointer(), kBytes);
      stream.wait();
    }));
  }
  return 2 * static_cast<double>(kBytes) / median(times);
}

/// Bytes of a linear layer: what one token must read of it.
double bytes_of(const cuda::LinearPlan& plan) {
  return static_cast<double>(plan.codes.bytes + plan.scales.bytes + plan.nested_scales.bytes + plan.zero_points.bytes);
}

/// Of all matrices, but of experts only as many as a token goes through.
double token_bytes(const cuda::DecoderPlan& plan) {
  double bytes = 0;
  for (const cuda::LinearPlan& matrix : plan.matrices) bytes += bytes_of(matrix);
  for (const cuda::Step& step : plan.steps) {
    const auto* const experts = std::get_if<cuda::ExpertsStep>(&step);
    if (experts == nullptr) continue;
    double all = 0;
    for (std::size_t i = 0; i < experts->experts * cuda::kExpertMatrices; ++i) {
      all += bytes_of(plan.matrices[experts->first_matrix + i]);
    }
    bytes -= all * static_cast<double>(experts->experts - experts->chosen) / static_cast<double>(experts->experts);
  }
  return bytes;
}

void time_context(cuda::Decoder& decoder, const std::vector<std::int64_t>& ids, std::size_t length, double floor) {
  for (std::size_t at = 0; at < length; at += decoder.chunk()) {
    decoder.run(std::span(ids).first(std::min(decoder.chunk(), length - at)), at, {}, nullptr);
  }
  constexpr int kTokens = 128;
  std::vector<double> times;
  for (int i = 0; i < 5; ++i) {
    std::int64_t id = 1;
    times.push_back(seconds_of([&] {
      for (int token = 0; token < kTokens; ++token) id = decoder.next(id, length + static_cast<std::size_t>(token)).id;
    }));
  }
  const double time = median(times) / kTokens;
  std::printf("decode after %5zu tokens: %7.1f tok/s, %.3f ms a token, floor %.3f ms (%.0f %%)\n", length, 1 / time,
              time * 1e3, floor * 1e3, 100 * floor / time);
}

}  // namespace

void time_decoder(cuda::Device& device, const std::string& directory, const std::string& format,
                  const std::string& shape, std::uint64_t seed) {
  std::filesystem::create_directories(directory);
  const SyntheticModel model = synthetic_of(shape_named(shape), format, "int8");
  std::string text;
  const double made = seconds_of([&] { text = write_synthetic_model(model, directory, seed); });
  const cuda::DecoderPlan plan = cuda::read_decoder(cuda::parse_plan(text));
  std::unique_ptr<cuda::Decoder> decoder;
  const double loaded =
      seconds_of([&] { decoder = std::make_unique<cuda::Decoder>(device, plan, directory, std::size_t{16384}); });
  const double bandwidth = copy_bandwidth(device);
  const double bytes = token_bytes(plan);
  const double floor = bytes / bandwidth;
  std::printf("%s: made in %.1f s, loaded in %.2f s, %.3f GB, %.3f GB a token, copy %.0f GB/s\n", model.name.c_str(),
              made, loaded, static_cast<double>(decoder->weight_bytes()) / 1e9, bytes / 1e9, bandwidth / 1e9);
  std::fflush(stdout);
  std::vector<std::int64_t> ids(decoder->chunk());
  for (std::size_t i = 0; i < ids.size(); ++i) {
    ids[i] = static_cast<std::int64_t>(random_bits(seed, i) % model.vocabulary);
  }
  for (const std::size_t length : {std::size_t{128}, std::size_t{1024}, std::size_t{8192}}) {
    time_context(*decoder, ids, length, floor);
  }
  std::vector<float> logits(plan.vocabulary);
  const auto last = static_cast<std::int64_t>(ids.size()) - 1;
  std::vector<double> times;
  for (int i = 0; i < 9; ++i) {
    times.push_back(seconds_of([&] { decoder->run(ids, 0, std::span(&last, 1), logits.data()); }));
  }
  const double time = median(times);
  std::printf("prefill of %zu tokens: %.0f tok/s, %.2f ms\n", ids.size(), static_cast<double>(ids.size()) / time,
              time * 1e3);
  std::filesystem::remove(directory + "/" + model.name + ".safetensors");
}

}  // namespace nibble::check

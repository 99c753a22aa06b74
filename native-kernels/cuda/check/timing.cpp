// Kernels on data that lies on the device. The floor of each is the bytes that it must move at the copy bandwidth that
// the device reached in the same run.

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <functional>
#include <memory>
#include <stdexcept>
#include <vector>

#include "base/quantize_kernels.h"
#include "cpu/quantize/quantize_nested.h"
#include "cuda/check/check.h"
#include "cuda/check/data.h"

namespace nibble::check {
namespace {

constexpr int kRepeats = 12;

/// Two events that time what a stream does between them.
class Stopwatch {
 public:
  explicit Stopwatch(cuda::Stream& stream) : stream_(stream) {
    for (cuda::EventHandle& event : events_) {
      stream.device().check(stream.device().call().event_create(&event, cuda::kEventDefault), "cuEventCreate");
    }
  }
  ~Stopwatch() {
    for (cuda::EventHandle event : events_) (void)stream_.device().call().event_destroy(event);
  }
  Stopwatch(const Stopwatch&) = delete;
  Stopwatch& operator=(const Stopwatch&) = delete;

  /// @returns median milliseconds of a run, after two to warm up
  double median(const std::function<void()>& run) {
    const cuda::Device& device = stream_.device();
    std::vector<float> times;
    for (int i = 0; i < kRepeats + 2; ++i) {
      device.check(device.call().event_record(events_[0], stream_.handle()), "cuEventRecord");
      run();
      device.check(device.call().event_record(events_[1], stream_.handle()), "cuEventRecord");
      device.check(device.call().event_wait(events_[1]), "cuEventSynchronize");
      float milliseconds = 0;
      device.check(device.call().event_elapsed(&milliseconds, events_[0], events_[1]), "cuEventElapsedTime");
      if (i >= 2) times.push_back(milliseconds);
    }
    std::nth_element(times.begin(), times.begin() + kRepeats / 2, times.end());
    return times[kRepeats / 2];
  }

 private:
  cuda::Stream& stream_;
  cuda::EventHandle events_[2] = {};
};

/// What quantizing a tensor leaves beside its codes. Sized for blocks of 32.
struct Room {
  cuda::DeviceMemory absmax, moments, errors, leaves, scales, small, scratch;

  Room(cuda::Device& device, std::uint64_t weights)
      : absmax(device, weights / 32 * 4),
        moments(device, weights / 32 * 4),
        errors(device, weights / 1024 * 4),
        leaves(device, weights / 32 / cuda::leaf_blocks(weights / 32) * 128),
        scales(device, weights / 32 * 2),
        small(device, 4096),
        scratch(device, (cuda::mean_scratch(weights / 32) + 64) * 4) {}

  cuda::Sums* sums() const { return small.as<cuda::Sums>() + 16; }

  cuda::NestedBuffers nested(std::uint64_t blocks) const {
    auto* floats = scales.as<float>();
    const std::uint64_t runs = (blocks + 255) / 256;
    auto* at = small.as<std::uint8_t>();
    return {reinterpret_cast<std::uint8_t*>(floats + (2 * runs + 127) / 64 * 64),
            floats,
            reinterpret_cast<float*>(at),
            floats + runs,
            reinterpret_cast<unsigned*>(at + 64),
            reinterpret_cast<unsigned long long*>(at + 72),
            scratch.as<float>(),
            reinterpret_cast<cuda::Sums*>(at + 128)};
  }
};

class Timing {
 public:
  Timing(cuda::Worker& worker, std::uint64_t seed, std::size_t bytes)
      : worker_(worker),
        device_(worker.device()),
        watch_(worker.stream()),
        tables_(worker),
        bytes_(bytes),
        source_(device_, bytes),
        out_(device_, bytes),
        room_(device_, bytes / 2) {
    fill(seed);
  }

  void run() {
    bandwidth_ = copy_bandwidth();
    std::printf("\ncopy from device to device, %.2f GB: %.0f GB/s read and written together\n", giga(bytes_),
                bandwidth_ / 1e9);
    std::printf("%-34s %9s %9s %9s %9s %8s\n", "data on the device", "GB moved", "floor ms", "ms", "GB/s", "of copy");
    for (const WeightType type : {WeightType::bf16, WeightType::f16, WeightType::f32}) {
      for (const FourBitType table : {FourBitType::nf4, FourBitType::fp4}) {
        four_bit(type, table, 64, false);
        four_bit(type, table, 64, true);
      }
    }
    four_bit(WeightType::bf16, FourBitType::nf4, 32, false);
    four_bit(WeightType::bf16, FourBitType::nf4, 128, true);
    four_bit(WeightType::bf16, FourBitType::nf4, 1024, true);
    for (const std::size_t block_size : {32, 64, 128}) require_same(WeightType::bf16, {FourBitType::nf4, block_size});
    for (const WeightType type : {WeightType::bf16, WeightType::f16, WeightType::f32}) {
      require_same(type, {FourBitType::fp4, 64});
    }
    for (const WeightType type : {WeightType::bf16, WeightType::f16, WeightType::f32}) {
      integers(type, cuda::IntegerMode::llm_int8, 8, 4096);
      integers(type, cuda::IntegerMode::absmax, 8, 4096);
      integers(type, cuda::IntegerMode::zero_point, 8, 4096);
      integers(type, cuda::IntegerMode::zero_point, 4, 64);
    }
    integers(WeightType::bf16, cuda::IntegerMode::llm_int8, 8, 16'384);
    integers(WeightType::bf16, cuda::IntegerMode::absmax, 8, 128);
    dequantize_4bit(false);
    dequantize_4bit(true);
    dequantize_integers(cuda::IntegerMode::llm_int8, 8, 4096);
    dequantize_integers(cuda::IntegerMode::zero_point, 8, 4096);
    dequantize_integers(cuda::IntegerMode::zero_point, 4, 64);
    layers();
    std::printf("copy again at the end: %.0f GB/s\n", copy_bandwidth() / 1e9);
  }

 private:
  static double giga(double value) { return value / 1e9; }

  /// Random weights over the whole source: 256 MB of them, several times, which no cache holds.
  void fill(std::uint64_t seed) { fill_with(WeightType::bf16, seed); }

  void fill_with(WeightType type, std::uint64_t seed) {
    if (filled_ && type == filled_with_) return;
    const std::size_t part = std::min<std::size_t>(bytes_, std::size_t{256} << 20);
    const auto weights = make_weights(Kind::gaussian, type, part / weight_size(type), seed);
    worker_.stream().upload(source_.pointer(), weights.data(), part);
    for (std::size_t at = part; at < bytes_; at += part) {
      worker_.stream().copy(source_.pointer() + at, source_.pointer(), std::min(part, bytes_ - at));
    }
    worker_.stream().wait();
    filled_ = true;
    filled_with_ = type;
  }

  double copy_bandwidth() {
    const double ms = watch_.median([&] { worker_.stream().copy(out_.pointer(), source_.pointer(), bytes_); });
    return 2.0 * static_cast<double>(bytes_) / (ms / 1e3);
  }

  void report(const std::string& what, double moved, double ms) {
    std::printf("%-34s %9.2f %9.3f %9.3f %9.0f %7.0f%%\n", what.c_str(), giga(moved), moved / bandwidth_ * 1e3, ms,
                giga(moved / (ms / 1e3)), moved / bandwidth_ * 1e3 / ms * 100);
    std::fflush(stdout);
  }

  void quantize_one(cuda::Worker& worker, const Room& room, const std::uint8_t* source, WeightType type,
                    std::uint64_t weights, const FourBitSpec& spec, std::uint8_t* codes, bool nested) {
    cuda::BlockMoments moments;
    if (nested) {
      moments = {room.moments.as<unsigned>(), room.errors.as<float>(), room.leaves.as<float>(),
                 weights / spec.block_size};
    }
    cuda::launch_quantize_4bit(worker, source, type, weights, spec, codes, room.absmax.as<void>(), moments,
                               room.sums());
    if (!nested) return;
    const cuda::NestedBuffers buffers = room.nested(weights / spec.block_size);
    cuda::launch_quantize_scales(worker, tables_, room.absmax.as<void>(), type, weights, spec, moments, buffers);
    cuda::launch_largest_error(worker, tables_, source, type, weights, spec, codes, buffers, nullptr,
                               (weights / spec.block_size + 255) / 256);
  }

  static double four_bit_bytes(double weights, WeightType type, double block_size, bool nested) {
    const double blocks = weights / block_size;
    return weights * static_cast<double>(weight_size(type)) + weights / 2 +
           (nested ? blocks + blocks / 64 : blocks * 4);
  }

  void four_bit(WeightType type, FourBitType table, std::size_t block_size, bool nested) {
    fill_with(type, 1);
    const std::uint64_t weights = bytes_ / weight_size(type);
    const FourBitSpec spec{table, block_size};
    const double ms = watch_.median([&] {
      quantize_one(worker_, room_, source_.as<std::uint8_t>(), type, weights, spec, out_.as<std::uint8_t>(), nested);
    });
    report(std::string(table == FourBitType::nf4 ? "nf4" : "fp4") + (nested ? "-dq" : "") + " from " + type_name(type) +
               ", block " + std::to_string(block_size),
           four_bit_bytes(static_cast<double>(weights), type, static_cast<double>(block_size), nested), ms);
  }

  template <typename T>
  std::vector<T> fetch(cuda::DevicePointer from, std::size_t count) {
    std::vector<T> values(count);
    worker_.stream().download(values.data(), from, count * sizeof(T));
    worker_.stream().wait();
    return values;
  }

  /// What is timed is checked too: a block of the grid works on several leaves of the mean here, which the pieces of a
  /// tensor that comes from a file are too small for. Codes and scales are to be those without double quantization.
  void require_same(WeightType type, const FourBitSpec& spec) {
    fill_with(type, 1);
    const std::uint64_t weights = bytes_ / weight_size(type);
    const std::size_t blocks = weights / spec.block_size;
    const auto made = [&](bool nested) {
      quantize_one(worker_, room_, source_.as<std::uint8_t>(), type, weights, spec, out_.as<std::uint8_t>(), nested);
      return fetch<std::uint8_t>(out_.pointer(), weights / 2);
    };
    const auto nested_codes = made(true);
    // Where they will be quantized, scales are kept as weights.
    const auto kept = fetch<std::uint8_t>(room_.absmax.pointer(), blocks * weight_size(type));
    std::vector<float> absmax(blocks);
    for (std::size_t i = 0; i < blocks; ++i) absmax[i] = load_weight(kept.data(), type, i);
    const float offset = fetch<float>(room_.small.pointer(), 1)[0];
    const float expected = mean_as_pytorch(absmax.data(), blocks);
    const bool same = std::memcmp(&offset, &expected, sizeof(offset)) == 0 && made(false) == nested_codes &&
                      fetch<float>(room_.absmax.pointer(), blocks) == absmax;
    if (!same)
      throw std::runtime_error("double quantization of " + std::string(type_name(type)) + " in blocks of " +
                               std::to_string(spec.block_size) + " differs");
  }

  static std::string title(cuda::IntegerMode mode, unsigned bits, std::size_t width) {
    const char* name = mode == cuda::IntegerMode::llm_int8 ? "llm-int8"
                       : mode == cuda::IntegerMode::absmax ? "int8-absmax"
                       : bits == 4                         ? "int4"
                                                           : "int8-zeropoint";
    return std::string(name) + ", " + std::to_string(width) + " a scale";
  }

  void integers(WeightType type, cuda::IntegerMode mode, unsigned bits, std::size_t width) {
    fill_with(type, 1);
    const std::uint64_t columns = std::max<std::uint64_t>(width, 4096);
    const std::uint64_t rows = bytes_ / weight_size(type) / columns;
    const cuda::GroupSpec spec{mode, bits, rows, columns, width};
    auto* zeros = mode == cuda::IntegerMode::zero_point ? room_.scales.as<std::int8_t>() : nullptr;
    const double ms = watch_.median([&] {
      cuda::launch_quantize_groups(worker_, source_.as<void>(), type, spec, out_.as<void>(), nullptr,
                                   room_.absmax.as<float>(), zeros, room_.sums());
    });
    const auto weights = static_cast<double>(rows * columns);
    report(title(mode, bits, width) + " from " + type_name(type),
           weights * (static_cast<double>(weight_size(type)) + bits / 8.0) +
               static_cast<double>(spec.groups()) * (zeros == nullptr ? 4 : 5),
           ms);
  }

  void dequantize_4bit(bool nested) {
    const std::uint64_t weights = bytes_ / 4;
    const FourBitSpec spec{FourBitType::nf4, 64};
    // Codes and scales of some weights that were quantized before.
    fill_with(WeightType::bf16, 1);
    quantize_one(worker_, room_, source_.as<std::uint8_t>(), WeightType::bf16, weights, spec, spare_codes(), nested);
    const cuda::NestedBuffers buffers = room_.nested(weights / 64);
    const double ms = watch_.median([&] {
      cuda::launch_dequantize_4bit(worker_, tables_, spare_codes(), nested ? nullptr : room_.absmax.as<float>(),
                                   buffers, 0.05f, weights, spec, out_.as<float>());
    });
    report(std::string("dequantize nf4") + (nested ? "-dq" : "") + " to f32",
           four_bit_bytes(static_cast<double>(weights), WeightType::f32, 64, nested), ms);
    filled_ = false;
  }

  /// Room for codes behind the weights that are quantized there: a quarter of the source is read.
  std::uint8_t* spare_codes() const { return source_.as<std::uint8_t>() + bytes_ / 2; }

  void dequantize_integers(cuda::IntegerMode mode, unsigned bits, std::size_t width) {
    const std::uint64_t rows = bytes_ / 4 / 4096;
    const cuda::GroupSpec spec{mode, bits, rows, 4096, width};
    auto* zeros = mode == cuda::IntegerMode::zero_point ? room_.scales.as<std::int8_t>() : nullptr;
    const double ms = watch_.median([&] {
      cuda::launch_dequantize_groups(worker_, spec, source_.as<void>(), room_.absmax.as<float>(), zeros,
                                     out_.as<float>());
    });
    report("dequantize " + title(mode, bits, width),
           static_cast<double>(rows) * 4096 * (4 + bits / 8.0) +
               static_cast<double>(spec.groups()) * (zeros == nullptr ? 4 : 5),
           ms);
  }

  /// The same bytes as tensors of the size that an 8 B model has, each with a mean of its own, several at a time.
  void layers() {
    fill_with(WeightType::bf16, 1);
    constexpr std::uint64_t kTensor = std::uint64_t{14'336} * 4096;
    constexpr std::size_t kStreams = 6;
    const std::uint64_t tensors = std::max<std::uint64_t>(bytes_ / 2 / kTensor, 1);
    std::vector<std::unique_ptr<cuda::Worker>> workers;
    std::vector<Room> rooms;
    for (std::size_t i = 0; i < kStreams; ++i) {
      workers.push_back(std::make_unique<cuda::Worker>(device_));
      rooms.emplace_back(device_, kTensor);
    }
    for (const bool nested : {false, true}) {
      const auto pass = [&] {
        for (std::uint64_t i = 0; i < tensors; ++i) {
          quantize_one(*workers[i % kStreams], rooms[i % kStreams], source_.as<std::uint8_t>() + i * kTensor * 2,
                       WeightType::bf16, kTensor, {FourBitType::nf4, 64}, out_.as<std::uint8_t>() + i * kTensor / 2,
                       nested);
        }
      };
      const auto wait = [&] {
        for (const auto& worker : workers) worker->stream().wait();
      };
      pass();
      wait();
      const double seconds = seconds_of([&] {
        for (int i = 0; i < kRepeats; ++i) pass();
        wait();
      });
      report(std::to_string(tensors) + " tensors [14336, 4096] to nf4" + (nested ? "-dq" : ""),
             static_cast<double>(tensors) * four_bit_bytes(kTensor, WeightType::bf16, 64, nested),
             seconds * 1e3 / kRepeats);
    }
  }

  cuda::Worker& worker_;
  cuda::Device& device_;
  Stopwatch watch_;
  cuda::Tables tables_;
  std::size_t bytes_;
  cuda::DeviceMemory source_;
  cuda::DeviceMemory out_;
  Room room_;
  bool filled_ = false;
  WeightType filled_with_ = WeightType::bf16;
  double bandwidth_ = 1;
};

}  // namespace

void time_kernels(cuda::Worker& worker, std::uint64_t seed, std::size_t bytes) { Timing(worker, seed, bytes).run(); }

}  // namespace nibble::check

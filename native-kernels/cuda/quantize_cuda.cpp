#include "cuda/quantize_cuda.h"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <memory>
#include <vector>

#include "base/quantize_kernels.h"
#include "cuda/lanes.h"

namespace nibble::cuda {
namespace {

/// Weights of a piece: 4 MB of bf16, long enough to hide the start of a copy and of a kernel, short enough that a layer
/// of a model is many pieces. A multiple of every block size and of a tile.
constexpr std::size_t kPieceWeights = std::size_t{1} << 21;

/// A piece is never made smaller than this when memory is short: the longest run of double quantization, and the
/// longest leaf of the mean of scales.
constexpr std::size_t kSmallestPiece = std::size_t{1} << 20;

/// Lanes of one call. One thread copies some 5 GB a second to where the device can fetch it, a bus 25 to 60.
constexpr std::size_t kMostLanes = 16;

std::size_t divide_up(std::size_t value, std::size_t by) { return (value + by - 1) / by; }

/// Calls `attempt(piece_weights)`, with smaller and smaller pieces while the device has no room.
template <typename Attempt>
Statistics with_room(const Attempt& attempt) {
  for (std::size_t piece = kPieceWeights;; piece /= 2) {
    try {
      return attempt(piece);
    } catch (const DriverError& error) {
      if (!error.out_of_memory() || piece <= kSmallestPiece) throw;
    }
  }
}

std::size_t lanes_for(const Control& control, std::size_t pieces) {
  return std::min({kMostLanes, std::max<std::size_t>(control.threads, 2), std::max<std::size_t>(pieces, 1)});
}

/// Runs one task per piece, each with a lane to itself.
template <typename Task>
void for_each_piece(Lanes& lanes, std::size_t pieces, const Control& control, ProgressSpan span, const Task& task) {
  Control lane_control = control;
  lane_control.threads = lanes.count();
  for_each_task(pieces, lane_control, span, [&](std::size_t piece) {
    LaneLease lane(lanes);
    task(*lane, piece);
  });
}

/// Refuses the first weight that is not finite, or that float16 cannot hold. Reads the tensor once more.
[[noreturn]] void refuse(const Origin& origin, std::size_t from, bool through_half) {
  const std::size_t size = weight_size(origin.type);
  std::vector<std::uint8_t> bytes(kSmallestPiece * size);
  for (std::size_t start = from; start < origin.numel; start += kSmallestPiece) {
    const std::size_t count = std::min(kSmallestPiece, origin.numel - start);
    origin.read(start * size, bytes.data(), count * size);
    for (std::size_t i = 0; i < count; ++i) {
      require_quantizable(load_weight(bytes.data(), origin.type, i), start + i, through_half);
    }
  }
  throw Error("kernel-failed", "the device reported weights that are not numbers, and there are none",
              "Run the same command again, or choose --device cpu.");
}

/// Cuts one block of device memory into parts.
class Arena {
 public:
  template <typename T>
  void reserve(T*& part, std::size_t count) {
    parts_.push_back({reinterpret_cast<void**>(&part), bytes_});
    bytes_ += divide_up(std::max<std::size_t>(count, 1) * sizeof(T), kAlignment) * kAlignment;
  }
  void allocate(Device& device) {
    memory_ = std::make_unique<SpareMemory>(device, bytes_);
    for (const Part& part : parts_) *part.to = memory_->memory().as<std::uint8_t>() + part.offset;
  }

 private:
  static constexpr std::size_t kAlignment = 256;
  struct Part {
    void** to;
    std::size_t offset;
  };
  std::vector<Part> parts_;
  std::size_t bytes_ = 0;
  std::unique_ptr<SpareMemory> memory_;
};

DevicePointer address(const void* pointer) { return reinterpret_cast<std::uintptr_t>(pointer); }

template <typename T>
std::vector<T> fetch(Stream& stream, const T* from, std::size_t count) {
  std::vector<T> values(count);
  stream.download(values.data(), address(from), count * sizeof(T));
  stream.wait();
  return values;
}

/// 4-bit quantization of one tensor.
class FourBitCall {
 public:
  FourBitCall(Device& device, const Origin& origin, const FourBitSpec& spec, const CodeWriter& codes,
              const FourBitTarget& target, const Control& control, std::size_t piece)
      : device_(device),
        origin_(origin),
        spec_(spec),
        codes_(codes),
        target_(target),
        control_(control),
        piece_(piece),
        pieces_(divide_up(origin.numel, piece)),
        blocks_(divide_up(origin.numel, spec.block_size)),
        runs_(divide_up(blocks_, kNestedBlockSize)),
        nested_(target.absmax == nullptr) {
    arena_.reserve(absmax_, blocks_ * absmax_size(origin.type, nested_));
    arena_.reserve(sums_, 2 * pieces_);
    if (nested_) {
      arena_.reserve(moments_.moments, blocks_);
      arena_.reserve(moments_.errors, divide_up(blocks_, error_blocks(spec.block_size)));
      arena_.reserve(moments_.leaf_sums, blocks_ / leaf_blocks(blocks_) * 32);
      moments_.tensor_blocks = blocks_;
      arena_.reserve(buffers_.absmax_codes, blocks_);
      arena_.reserve(buffers_.nested_absmax, runs_);
      arena_.reserve(buffers_.offset, 1);
      arena_.reserve(buffers_.run_bounds, runs_);
      arena_.reserve(buffers_.certain, 1);
      arena_.reserve(buffers_.scratch, mean_scratch(blocks_));
      arena_.reserve(buffers_.correction, 1);
      arena_.reserve(buffers_.largest, 1);
    }
  }

  Statistics run() {
    arena_.allocate(device_);
    // As large for small tensors: the next one finds the lanes that it needs.
    const std::size_t weights = piece_;
    const std::size_t run_weights = kNestedBlockSize * spec_.block_size;
    // Runs are quantized a second time for their largest error: their scales, the numbers of the runs, and sums.
    const std::size_t again =
        nested_ ? (weights / 32 + 64) * sizeof(float) + (weights / run_weights + 64) * 4 + 256 : 0;
    Lanes lanes(device_, {weights * weight_size(origin_.type) + 16, weights / 2 + 16, again},
                lanes_for(control_, pieces_));
    for_each_piece(lanes, pieces_, control_, {0, nested_ ? 0.95 : 1},
                   [&](Lane& lane, std::size_t piece) { quantize_piece(lane, piece); });
    LaneLease lane(lanes);
    const std::vector<Sums> sums = fetch(lane->worker.stream(), sums_, 2 * pieces_);
    Statistics statistics;
    for (std::size_t i = 0; i < sums.size(); ++i) {
      if (is_invalid(sums[i])) refuse(origin_, i / 2 * piece_, false);
      add_sums(statistics, sums[i]);
    }
    if (nested_) {
      quantize_scales(*lane, statistics);
    } else {
      lane->worker.stream().download(target_.absmax, address(absmax_), blocks_ * sizeof(float));
    }
    lane->worker.stream().wait();
    return statistics;
  }

 private:
  void quantize_piece(Lane& lane, std::size_t piece) {
    const std::size_t start = piece * piece_;
    const std::size_t count = std::min(piece_, origin_.numel - start);
    const std::size_t size = weight_size(origin_.type);
    Stream& stream = lane.worker.stream();
    origin_.read(start * size, lane.host_source.data(), count * size);
    stream.upload(lane.source.pointer(), lane.host_source.data(), count * size);
    const std::size_t first = start / spec_.block_size;
    BlockMoments moments;
    if (nested_) {
      moments = {moments_.moments + first, moments_.errors + first / error_blocks(spec_.block_size),
                 moments_.leaf_sums + first / leaf_blocks(blocks_) * 32, blocks_};
    }
    launch_quantize_4bit(lane.worker, lane.source.as<void>(), origin_.type, count, spec_, lane.codes.as<std::uint8_t>(),
                         absmax_ + first * absmax_size(origin_.type, nested_), moments, sums_ + 2 * piece);
    const std::size_t bytes = (count + 1) / 2;
    stream.download(lane.host_codes.data(), lane.codes.pointer(), bytes);
    stream.wait();
    codes_(start / 2, lane.host_codes.data(), bytes);
  }

  void quantize_scales(Lane& lane, Statistics& statistics) {
    const Tables& tables = tables_of(lane.worker);
    Stream& stream = lane.worker.stream();
    launch_quantize_scales(lane.worker, tables, absmax_, origin_.type, origin_.numel, spec_, moments_, buffers_);
    stream.download(target_.absmax_codes, address(buffers_.absmax_codes), blocks_);
    stream.download(target_.nested_absmax, address(buffers_.nested_absmax), runs_ * sizeof(float));
    stream.download(target_.nested_offset, address(buffers_.offset), sizeof(float));
    const std::vector<float> bounds = fetch(stream, buffers_.run_bounds, runs_);
    float at_least;
    std::memcpy(&at_least, fetch(stream, buffers_.certain, 1).data(), sizeof(at_least));
    const Sums correction = fetch(stream, buffers_.correction, 1)[0];
    statistics.error_squares += correction.error_squares;
    statistics.dot += correction.error_values;
    statistics.dequantized_squares += correction.value_squares;

    std::vector<std::uint32_t> listed;
    for (std::size_t run = 0; run < runs_; ++run) {
      if (bounds[run] >= at_least) listed.push_back(static_cast<std::uint32_t>(run));
    }
    const std::size_t run_weights = kNestedBlockSize * spec_.block_size;
    const std::size_t in_lane = std::max<std::size_t>(std::min(piece_, origin_.numel) / run_weights, 1);
    for (std::size_t first = 0; first < listed.size(); first += in_lane) {
      if (control_.cancelled != nullptr && control_.cancelled->load()) throw Error("aborted", "the work was cancelled");
      const std::size_t count = std::min(in_lane, listed.size() - first);
      find_largest(lane, tables,
                   {listed.begin() + static_cast<std::ptrdiff_t>(first),
                    listed.begin() + static_cast<std::ptrdiff_t>(first + count)});
    }
    double largest;
    std::memcpy(&largest, fetch(stream, buffers_.largest, 1).data(), sizeof(largest));
    statistics.max_error = largest;
    if (control_.progress) control_.progress(1);
  }

  /// Brings some runs to the device again, side by side, and looks for the largest error in them.
  void find_largest(Lane& lane, const Tables& tables, const std::vector<std::uint32_t>& runs) {
    const std::size_t run_weights = kNestedBlockSize * spec_.block_size;
    const std::size_t size = weight_size(origin_.type);
    Stream& stream = lane.worker.stream();
    std::size_t weights = 0;
    for (const std::uint32_t run : runs) {
      const std::size_t start = run * run_weights;
      const std::size_t count = std::min(run_weights, origin_.numel - start);
      origin_.read(start * size, static_cast<std::uint8_t*>(lane.host_source.data()) + weights * size, count * size);
      weights += count;
    }
    stream.upload(lane.source.pointer(), lane.host_source.data(), weights * size);
    // The device-only buffer holds the numbers of the runs, then sums and scales that nobody looks at.
    auto* numbers = lane.device_only.as<std::uint32_t>();
    auto* sums = reinterpret_cast<Sums*>(numbers + divide_up(runs.size(), 64) * 64);
    auto* absmax = reinterpret_cast<float*>(sums + 2);
    stream.upload(address(numbers), runs.data(), runs.size() * sizeof(runs[0]));
    launch_quantize_4bit(lane.worker, lane.source.as<void>(), origin_.type, weights, spec_,
                         lane.codes.as<std::uint8_t>(), absmax, {}, sums);
    launch_largest_error(lane.worker, tables, lane.source.as<void>(), origin_.type, origin_.numel, spec_,
                         lane.codes.as<std::uint8_t>(), buffers_, numbers, runs.size());
    stream.wait();
  }

  Device& device_;
  const Origin& origin_;
  const FourBitSpec& spec_;
  const CodeWriter& codes_;
  const FourBitTarget& target_;
  const Control& control_;
  std::size_t piece_;
  std::size_t pieces_;
  std::size_t blocks_;
  std::size_t runs_;
  bool nested_;
  Arena arena_;
  std::uint8_t* absmax_ = nullptr;
  Sums* sums_ = nullptr;
  BlockMoments moments_;
  NestedBuffers buffers_{};
};

/// Integer quantization of one tensor, whole rows at a time.
Statistics quantize_groups(Device& device, const Origin& origin, const GroupSpec& spec, const CodeWriter& codes,
                           float* scales, std::int8_t* zero_points, const Control& control, std::size_t piece) {
  const std::size_t size = weight_size(origin.type);
  std::size_t piece_rows = std::max<std::size_t>(piece / spec.columns, 1);
  // An even number of weights, so that no byte of 4-bit codes belongs to two pieces.
  piece_rows += piece_rows % 2;
  piece_rows = std::min<std::size_t>(piece_rows, spec.rows);
  const std::size_t pieces = divide_up(spec.rows, piece_rows);
  const std::size_t in_row = spec.groups() / spec.rows;
  const bool unpacked = needs_unpacked_codes(spec, origin.type);

  Arena arena;
  float* device_scales = nullptr;
  std::int8_t* device_zeros = nullptr;
  Sums* device_sums = nullptr;
  arena.reserve(device_scales, spec.groups());
  arena.reserve(device_sums, pieces);
  if (zero_points != nullptr) arena.reserve(device_zeros, spec.groups());
  arena.allocate(device);
  const std::size_t weights = piece_rows * spec.columns;
  const std::size_t room = std::max(weights, piece);
  Lanes lanes(device, {room * size, room, unpacked ? room : 0}, lanes_for(control, pieces));
  for_each_piece(lanes, pieces, control, {0, 1}, [&](Lane& lane, std::size_t i) {
    GroupSpec part = spec;
    part.rows = std::min<std::size_t>(piece_rows, spec.rows - i * piece_rows);
    const std::size_t start = i * piece_rows * spec.columns;
    const std::size_t count = part.rows * spec.columns;
    Stream& stream = lane.worker.stream();
    origin.read(start * size, lane.host_source.data(), count * size);
    stream.upload(lane.source.pointer(), lane.host_source.data(), count * size);
    const std::size_t first = i * piece_rows * in_row;
    launch_quantize_groups(lane.worker, lane.source.as<void>(), origin.type, part, lane.codes.as<void>(),
                           lane.device_only.as<std::int8_t>(), device_scales + first,
                           device_zeros == nullptr ? nullptr : device_zeros + first, device_sums + i);
    const std::size_t bytes = spec.bits == 8 ? count : (count + 1) / 2;
    stream.download(lane.host_codes.data(), lane.codes.pointer(), bytes);
    stream.wait();
    codes(spec.bits == 8 ? start : start / 2, lane.host_codes.data(), bytes);
  });
  LaneLease lane(lanes);
  Stream& stream = lane->worker.stream();
  const std::vector<Sums> sums = fetch(stream, device_sums, pieces);
  Statistics statistics;
  for (std::size_t i = 0; i < pieces; ++i) {
    if (is_invalid(sums[i])) refuse(origin, i * weights, spec.mode == IntegerMode::llm_int8);
    add_sums(statistics, sums[i]);
  }
  stream.download(scales, address(device_scales), spec.groups() * sizeof(float));
  if (zero_points != nullptr) stream.download(zero_points, address(device_zeros), spec.groups());
  stream.wait();
  return statistics;
}

}  // namespace

Origin origin_of(const Source& source) {
  const auto* bytes = static_cast<const std::uint8_t*>(source.data);
  return {[bytes](std::size_t offset, void* to, std::size_t count) { std::memcpy(to, bytes + offset, count); },
          source.type, source.numel};
}

CodeWriter writer_to(void* codes) {
  auto* bytes = static_cast<std::uint8_t*>(codes);
  return [bytes](std::size_t offset, const void* from, std::size_t count) { std::memcpy(bytes + offset, from, count); };
}

Statistics quantize_4bit(Device& device, const Origin& origin, const FourBitSpec& spec, const CodeWriter& codes,
                         const FourBitTarget& target, const Control& control) {
  if (origin.numel == 0) {
    if (target.absmax == nullptr) *target.nested_offset = 0;
    return {};
  }
  return with_room(
      [&](std::size_t piece) { return FourBitCall(device, origin, spec, codes, target, control, piece).run(); });
}

Statistics quantize_int8_rows(Device& device, const Origin& origin, Shape shape, const CodeWriter& codes,
                              float* row_absmax, const Control& control) {
  if (origin.numel == 0) {
    std::fill_n(row_absmax, shape.rows, 0.0f);
    return {};
  }
  const GroupSpec spec{IntegerMode::llm_int8, 8, shape.rows, shape.columns, shape.columns};
  return with_room([&](std::size_t piece) {
    return quantize_groups(device, origin, spec, codes, row_absmax, nullptr, control, piece);
  });
}

Statistics quantize_affine(Device& device, const Origin& origin, Shape shape, const AffineSpec& spec,
                           const CodeWriter& codes, const AffineTarget& target, const Control& control) {
  if (spec.per_tensor) throw Error("invalid-input", "one scale for a tensor is not computed on a CUDA device");
  if (origin.numel == 0) return {};
  const GroupSpec groups{spec.symmetric ? IntegerMode::absmax : IntegerMode::zero_point,
                         static_cast<unsigned>(spec.bits), shape.rows, shape.columns,
                         std::min(spec.block_size, shape.columns)};
  return with_room([&](std::size_t piece) {
    return quantize_groups(device, origin, groups, codes, target.scales, target.zero_points, control, piece);
  });
}

}  // namespace nibble::cuda

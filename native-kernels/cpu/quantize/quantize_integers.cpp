// LLM.int8 rows and linear int8/int4 over a whole tensor: groups that share a scale, their scales, and statistics.

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

#include "base/quantize_kernels.h"
#include "quantize.h"
#include "quantize_file.h"
#include "quantize_statistics.h"
#include "quantize_streams.h"

namespace nibble {
namespace {

/// Weights of one task, about: tasks are whole rows, or segments when the tensor has one scale.
constexpr std::size_t kTaskWeights = 131072;

/// 1/127 in float32, as bitsandbytes multiplies.
constexpr float kInverse127 = 7.874015718698502e-3f;

/// Weights that float16 rounds to zero are at most this.
constexpr float kHalfVanishes = 2.98023223876953125e-8f;  // 2^-25

std::size_t divide_up(std::size_t value, std::size_t by) { return (value + by - 1) / by; }

/// The rows of a tensor, cut into tasks. A task has an even number of weights, so that no byte of 4-bit codes is
/// written by two.
struct RowTasks {
  Shape shape;
  std::size_t rows;
  std::size_t tasks;

  /// @param together a task has a multiple of so many weights; even
  explicit RowTasks(Shape of, std::size_t together = 2) : shape(of) {
    const std::size_t least = together / std::gcd(of.columns, together);
    rows = of.columns == 0 ? 1 : std::max<std::size_t>(kTaskWeights / of.columns, 1);
    rows = divide_up(rows, least) * least;
    tasks = of.columns == 0 ? 0 : divide_up(of.rows, rows);
  }
  std::size_t first(std::size_t task) const { return task * rows; }
  std::size_t end(std::size_t task) const { return std::min(first(task) + rows, shape.rows); }
  std::size_t count(std::size_t task) const { return end(task) - first(task); }
};

/// Weights in memory, the first of them being weight `first` of its tensor.
struct Weights {
  const void* data;
  WeightType type;
  std::size_t first = 0;
};

[[noreturn]] void refuse(const Weights& source, std::size_t from, bool through_half) {
  for (std::size_t i = from;; ++i) {
    require_quantizable(load_weight(source.data, source.type, i), source.first + i, through_half);
  }
}

/// Finds the range of a group and refuses what is not finite.
RangeResult range_of(const QuantizeKernels& kernels, const Weights& source, std::size_t start, std::size_t count,
                     bool through_half) {
  const RangeResult range = kernels.range(advance(source.data, source.type, start), source.type, count, through_half);
  if (range.finite) return range;
  refuse(source, start, through_half);
}

/// Quantizes one group, segment by segment.
/// @param scale weight of one code step; the group's statistics are added to `sum`
void quantize_group(const QuantizeKernels& kernels, const Weights& source, std::size_t start, std::size_t count,
                    const IntegerCoding& coding, double unit, double scale, std::int8_t* codes, Statistics& sum) {
  for (std::size_t at = 0; at < count; at += kSegmentSize) {
    const std::size_t length = std::min(kSegmentSize, count - at);
    const void* weights = advance(source.data, source.type, start + at);
    add_segment(sum, kernels.quantize_integers(weights, source.type, length, coding, codes + at), unit, scale);
  }
}

/// Codes and scale of one group of linear quantization.
struct AffineGroup {
  IntegerCoding coding;
  float scale;
  double unit;
};

AffineGroup affine_group(RangeResult range, const AffineSpec& spec) {
  const int high = spec.bits == 8 ? 127 : 7;
  const int low = -high - 1;
  // The range is widened to hold 0: a zero point outside [low, high] could not be stored.
  const float min = std::min(range.min, 0.0f);
  const float max = std::max(range.max, 0.0f);
  const float absmax = std::max(-min, max);
  // Of a range symmetric about 0 the zero point would be -1/2; rounding it would cut half a step off one end. There the
  // two schemes are one.
  const bool symmetric = spec.symmetric || min == -max;
  // In double, where the span of the largest float32 values is finite.
  const double span = symmetric ? double{absmax} : double{max} - min;
  const double steps = symmetric ? high : high - low;
  if (span * std::numeric_limits<float>::max() < steps) {
    // All zero, or too small for the inverse of a step: zeros. `unit` keeps the error of the latter.
    return {{0, 1 / kSmallestUnit, 0, low, high, false}, 0, kSmallestUnit};
  }
  const auto inverse = static_cast<float>(steps / span);
  const auto scale = static_cast<float>(span / steps);
  int zero = 0;
  if (!symmetric) {
    zero = low - static_cast<int>(std::nearbyint(min * inverse));
    zero = std::clamp(zero, low, high);
  }
  return {{inverse, inverse, zero, symmetric ? -high : low, high, false}, scale, scale};
}

/// Packs two codes to a byte, code + 8, the first in the high nibble; a last odd one is paired with code 0.
void pack(const std::int8_t* codes, std::size_t count, std::uint8_t* packed) {
  for (std::size_t i = 0; i < count / 2; ++i) {
    packed[i] = static_cast<std::uint8_t>((codes[2 * i] + 8) << 4 | (codes[2 * i + 1] + 8));
  }
  if (count % 2 != 0) packed[count / 2] = static_cast<std::uint8_t>((codes[count - 1] + 8) << 4 | 8);
}

/// Codes that are made one to a byte: where they stay for 8 bits, in a buffer of the thread that is packed at the end
/// for 4.
class TaskCodes {
 public:
  TaskCodes(void* target, int bits, std::size_t count) : target_(target), bits_(bits), count_(count) {
    if (bits == 4) buffer().resize(std::max(buffer().size(), count));
  }
  std::int8_t* data() { return bits_ == 4 ? buffer().data() : static_cast<std::int8_t*>(target_); }
  void finish() const {
    if (bits_ == 4) pack(buffer().data(), count_, static_cast<std::uint8_t*>(target_));
  }

 private:
  static std::vector<std::int8_t>& buffer() {
    thread_local std::vector<std::int8_t> bytes;
    return bytes;
  }

  void* target_;
  int bits_;
  std::size_t count_;
};

/// Bytes of the codes of so many weights.
std::size_t code_bytes(int bits, std::size_t weights) { return bits == 8 ? weights : (weights + 1) / 2; }

/// Where `weight` (even where bits is 4) has its code.
void* code_at(void* codes, int bits, std::size_t weight) {
  return static_cast<std::uint8_t*>(codes) + code_bytes(bits, weight);
}

Statistics quantize_per_tensor(const Source& source, const AffineSpec& spec, const AffineTarget& target,
                               const Control& control) {
  const QuantizeKernels& kernels = quantize_kernels(control.isa);
  const Weights weights{source.data, source.type};
  const std::size_t tasks = divide_up(source.numel, kTaskWeights);
  const auto count_of = [&](std::size_t task) { return std::min(kTaskWeights, source.numel - task * kTaskWeights); };
  std::vector<RangeResult> ranges(tasks);
  for_each_task(tasks, control, {0, 0.4}, [&](std::size_t task) {
    ranges[task] = range_of(kernels, weights, task * kTaskWeights, count_of(task), false);
  });
  RangeResult all{0, 0, true};  // the range is widened to hold 0 in any case
  for (const RangeResult& range : ranges) all = {std::min(all.min, range.min), std::max(all.max, range.max), true};

  const AffineGroup group = affine_group(all, spec);
  target.scales[0] = group.scale;
  if (target.zero_points != nullptr) target.zero_points[0] = static_cast<std::int8_t>(group.coding.zero_point);
  std::vector<Statistics> parts(tasks);
  for_each_task(tasks, control, {0.4, 1}, [&](std::size_t task) {
    const std::size_t start = task * kTaskWeights;
    TaskCodes codes(code_at(target.codes, spec.bits, start), spec.bits, count_of(task));
    quantize_group(kernels, weights, start, count_of(task), group.coding, group.unit, group.scale, codes.data(),
                   parts[task]);
    codes.finish();
  });
  return total(parts);
}

/// Whether a kernel makes the codes of all groups at once.
bool go_together(const QuantizeKernels& kernels, Shape shape, const AffineSpec& spec) {
  return kernels.quantize_absmax_groups != nullptr && spec.bits == 8 && spec.symmetric && spec.block_size > 0 &&
         spec.block_size % 64 == 0 && spec.block_size <= kSegmentSize && shape.columns % spec.block_size == 0;
}

/// As quantize_affine_rows, where groups go together.
void quantize_absmax_rows(const QuantizeKernels& kernels, const Weights& source, Shape shape, const AffineSpec& spec,
                          const AffineTarget& target, Statistics& sum) {
  thread_local std::vector<Moments> moments;
  const std::size_t groups = shape.rows * shape.columns / spec.block_size;
  moments.resize(std::max(moments.size(), groups));
  const std::size_t done =
      kernels.quantize_absmax_groups(source.data, source.type, groups, spec.block_size,
                                     static_cast<std::int8_t*>(target.codes), target.scales, moments.data());
  if (done < groups) refuse(source, done * spec.block_size, false);
  for (std::size_t i = 0; i < groups; ++i) {
    const float scale = target.scales[i];
    add_segment(sum, moments[i], scale == 0 ? kSmallestUnit : scale, scale);
  }
}

/// Whole rows in memory, groups within a row sharing a scale.
/// @param target of these rows alone
void quantize_affine_rows(const QuantizeKernels& kernels, const Weights& source, Shape shape, const AffineSpec& spec,
                          const AffineTarget& target, Statistics& sum) {
  if (go_together(kernels, shape, spec)) {
    quantize_absmax_rows(kernels, source, shape, spec, target, sum);
    return;
  }
  const std::size_t groups = divide_up(shape.columns, spec.block_size);
  TaskCodes codes(target.codes, spec.bits, shape.rows * shape.columns);
  for (std::size_t row = 0; row < shape.rows; ++row) {
    for (std::size_t i = 0; i < groups; ++i) {
      const std::size_t start = row * shape.columns + i * spec.block_size;
      const std::size_t count = std::min(spec.block_size, shape.columns - i * spec.block_size);
      const AffineGroup group = affine_group(range_of(kernels, source, start, count, false), spec);
      target.scales[row * groups + i] = group.scale;
      if (target.zero_points != nullptr) {
        target.zero_points[row * groups + i] = static_cast<std::int8_t>(group.coding.zero_point);
      }
      quantize_group(kernels, source, start, count, group.coding, group.unit, group.scale, codes.data() + start, sum);
    }
  }
  codes.finish();
}

/// Whole rows in memory, one scale each.
/// @param codes of these rows alone, as `row_absmax`
void quantize_int8_rows(const QuantizeKernels& kernels, const Weights& source, Shape shape, std::int8_t* codes,
                        float* row_absmax, Statistics& sum) {
  for (std::size_t row = 0; row < shape.rows; ++row) {
    const std::size_t start = row * shape.columns;
    const RangeResult range = range_of(kernels, source, start, shape.columns, true);
    const float absmax = std::max(range.max, -range.min);
    row_absmax[row] = absmax;
    // Two roundings, as PyTorch divides a scalar by a tensor: the reciprocal first. One division changes 27 codes in
    // 110,000.
    const float inverse = absmax == 0 ? 0 : (1.0f / absmax) * 127.0f;
    const double scale = absmax / 127.0;
    const IntegerCoding coding{inverse, absmax == 0 ? 1 / kHalfVanishes : inverse, 0, -127, 127, true};
    quantize_group(kernels, source, start, shape.columns, coding, absmax == 0 ? kHalfVanishes : scale, scale,
                   codes + start, sum);
  }
}

struct WrittenCodes {
  Digest codes;
  Statistics statistics;
};

/// Reads a matrix from a file, and writes and hashes the codes of its rows, a task at a time: the rows of a task lie in
/// a core's cache while they are read, quantized and hashed.
/// @param quantize quantize(weights of whole rows, the first of them, their shape, codes, statistics to add to)
template <typename Quantize>
WrittenCodes quantize_rows_file(const FileSource& source, Shape shape, int bits, const PositionedFile& target,
                                std::uint64_t offset, const Control& control, const Quantize& quantize) {
  const MappedFile mapped(source.file, source.offset, std::uint64_t{source.numel} * weight_size(source.type));
  const WeightInput input{nullptr, source.type, source.numel, &source.file, source.offset, &mapped};
  TreeHash hash(code_bytes(bits, source.numel), control.isa);
  const RowTasks rows(shape, kTreePiece * 8 / static_cast<std::size_t>(bits));
  PieceWriter pieces(target, offset, hash.length(), code_bytes(bits, rows.rows * shape.columns), control.cancelled);
  const CodeOutput codes{nullptr, &pieces, &hash};
  std::vector<Statistics> parts(rows.tasks);
  const auto quantize_task = [&](std::size_t task) {
    thread_local Scratch source_scratch;
    const std::size_t row = rows.first(task);
    const std::size_t start = row * shape.columns;
    const std::size_t count = rows.count(task) * shape.columns;
    const std::size_t place = code_bytes(bits, start);
    std::uint8_t* to = codes.room(place);
    quantize(Weights{input.at(start, count, source_scratch), source.type, start}, row,
             Shape{rows.count(task), shape.columns}, to, parts[task]);
    codes.take(place, code_bytes(bits, count), to);
  };
  for_each_task(rows.tasks, control, {0, 1}, codes.guarded(quantize_task));
  mapped.require_whole();
  pieces.finish();
  return {hash.finish(), total(parts)};
}

}  // namespace

std::size_t affine_groups(Shape shape, const AffineSpec& spec) {
  return spec.per_tensor ? 1 : shape.rows * divide_up(shape.columns, spec.block_size);
}

Statistics quantize_affine(const Source& source, Shape shape, const AffineSpec& spec, const AffineTarget& target,
                           const Control& control) {
  if (spec.per_tensor) return quantize_per_tensor(source, spec, target, control);
  const QuantizeKernels& kernels = quantize_kernels(control.isa);
  const RowTasks rows(shape);
  const std::size_t groups = divide_up(shape.columns, spec.block_size);
  std::vector<Statistics> parts(rows.tasks);
  for_each_task(rows.tasks, control, {0, 1}, [&](std::size_t task) {
    const std::size_t row = rows.first(task);
    const std::size_t start = row * shape.columns;
    const AffineTarget to{code_at(target.codes, spec.bits, start), target.scales + row * groups,
                          target.zero_points == nullptr ? nullptr : target.zero_points + row * groups};
    quantize_affine_rows(kernels, {advance(source.data, source.type, start), source.type, start},
                         {rows.count(task), shape.columns}, spec, to, parts[task]);
  });
  return total(parts);
}

AffineFileResult quantize_affine_file(const FileSource& source, Shape shape, const AffineSpec& spec,
                                      const AffineFileTarget& target, const Control& control) {
  if (spec.per_tensor) throw Error("internal", "one scale for a tensor is not made from file to file");
  const QuantizeKernels& kernels = quantize_kernels(control.isa);
  const std::size_t groups = shape.columns == 0 ? 0 : divide_up(shape.columns, spec.block_size);
  std::vector<float> scales(shape.rows * groups);
  std::vector<std::int8_t> zeros(spec.symmetric ? 0 : scales.size());
  const WrittenCodes written = quantize_rows_file(
      source, shape, spec.bits, target.file, target.codes, control,
      [&](const Weights& weights, std::size_t row, Shape rows, std::uint8_t* codes, Statistics& sum) {
        std::int8_t* const zero_points = spec.symmetric ? nullptr : zeros.data() + row * groups;
        quantize_affine_rows(kernels, weights, rows, spec, {codes, scales.data() + row * groups, zero_points}, sum);
      });
  AffineFileResult result{};
  result.statistics = written.statistics;
  result.codes = written.codes;
  result.scales = put_hashed(scales, target.file, target.scales, control);
  if (!spec.symmetric) result.zero_points = put_hashed(zeros, target.file, target.zero_points, control);
  return result;
}

void dequantize_affine(const AffineView& weights, Shape shape, const AffineSpec& spec, float* out,
                       const Control& control) {
  const RowTasks rows(shape);
  const std::size_t width = spec.per_tensor ? shape.columns : spec.block_size;
  const std::size_t groups = divide_up(shape.columns, width);
  const auto* bytes = static_cast<const std::uint8_t*>(weights.codes);
  for_each_task(rows.tasks, control, {0, 1}, [&](std::size_t task) {
    for (std::size_t i = rows.first(task) * groups; i < rows.end(task) * groups; ++i) {
      const std::size_t group = spec.per_tensor ? 0 : i;
      const float scale = weights.scales[group];
      const int zero = weights.zero_points == nullptr ? 0 : weights.zero_points[group];
      const std::size_t column = i % groups * width;
      const std::size_t start = i / groups * shape.columns + column;
      const std::size_t end = start + std::min(width, shape.columns - column);
      if (spec.bits == 8) {
        for (std::size_t k = start; k < end; ++k) {
          out[k] = static_cast<float>(static_cast<std::int8_t>(bytes[k]) - zero) * scale;
        }
      } else {
        for (std::size_t k = start; k < end; ++k) {
          out[k] = static_cast<float>((bytes[k / 2] >> (k % 2 == 0 ? 4 : 0) & 15) - 8 - zero) * scale;
        }
      }
    }
  });
}

Statistics quantize_int8_rows(const Source& source, Shape shape, std::int8_t* codes, float* row_absmax,
                              const Control& control) {
  const QuantizeKernels& kernels = quantize_kernels(control.isa);
  const RowTasks rows(shape);
  std::vector<Statistics> parts(rows.tasks);
  for_each_task(rows.tasks, control, {0, 1}, [&](std::size_t task) {
    const std::size_t row = rows.first(task);
    const std::size_t start = row * shape.columns;
    quantize_int8_rows(kernels, {advance(source.data, source.type, start), source.type, start},
                       {rows.count(task), shape.columns}, codes + start, row_absmax + row, parts[task]);
  });
  return total(parts);
}

Int8RowsFileResult quantize_int8_rows_file(const FileSource& source, Shape shape, const Int8RowsFileTarget& target,
                                           const Control& control) {
  const QuantizeKernels& kernels = quantize_kernels(control.isa);
  std::vector<float> row_absmax(shape.rows);
  const WrittenCodes written = quantize_rows_file(
      source, shape, 8, target.file, target.codes, control,
      [&](const Weights& weights, std::size_t row, Shape rows, std::uint8_t* codes, Statistics& sum) {
        quantize_int8_rows(kernels, weights, rows, reinterpret_cast<std::int8_t*>(codes), row_absmax.data() + row, sum);
      });
  return {written.codes, put_hashed(row_absmax, target.file, target.row_absmax, control), written.statistics};
}

void dequantize_int8_rows(const std::int8_t* codes, const float* row_absmax, Shape shape, float* out,
                          const Control& control) {
  const RowTasks rows(shape);
  for_each_task(rows.tasks, control, {0, 1}, [&](std::size_t task) {
    for (std::size_t row = rows.first(task); row < rows.end(task); ++row) {
      for (std::size_t i = row * shape.columns; i < (row + 1) * shape.columns; ++i) {
        out[i] = static_cast<float>(codes[i]) * row_absmax[row] * kInverse127;
      }
    }
  });
}

}  // namespace nibble

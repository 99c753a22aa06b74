#include "cuda/decoder/weights.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <map>
#include <memory>
#include <tuple>

#include "base/quantize_kernels.h"
#include "codebook.h"
#include "positioned_file.h"

namespace nibble::cuda {
namespace {

/// Vector loads need 16; memory is read in lines of 128.
constexpr std::uint64_t kAlignment = 256;

/// Pieces on their way to the device: large enough for full speed.
constexpr std::size_t kPieceBytes = std::size_t{8} << 20;

/// Collects what must be on the device. Until everything is known, pointers are offsets; 0 stands for none.
class Placement {
 public:
  Placement(const DecoderPlan& plan, const std::string& directory) {
    for (const std::string& name : plan.files) {
      files_.push_back(std::make_unique<PositionedFile>(directory + "/" + name, PositionedFile::Access::read));
    }
  }

  std::uint64_t place(const StoredTensor& tensor) {
    if (tensor.bytes == 0) return 0;
    const auto key = std::make_tuple(tensor.file, tensor.offset, tensor.bytes);
    const auto [found, is_new] = stored_.try_emplace(key, end_);
    if (is_new) advance(tensor.bytes);
    return found->second;
  }

  /// Equal bytes have one place, so that equal tables have equal addresses.
  std::uint64_t place_bytes(const std::vector<std::uint8_t>& bytes) {
    if (bytes.empty()) return 0;
    const std::size_t size = bytes.size();
    const auto [found, is_new] = small_.try_emplace(std::string(bytes.begin(), bytes.end()), end_);
    if (is_new) advance(size);
    return found->second;
  }

  /// A matrix that lies by columns, by rows.
  std::uint64_t place_transposed(const StoredTensor& tensor, const TransposedPlan& from, std::size_t rows,
                                 std::size_t columns) {
    const std::vector<std::uint8_t> stored = read(tensor);
    const auto size = static_cast<std::ptrdiff_t>(stored.size() / (from.width * columns));
    std::vector<std::uint8_t> bytes;
    for (std::size_t row = 0; row < rows; ++row) {
      for (std::size_t column = 0; column < columns; ++column) {
        const std::size_t element = column * from.width + from.first + row * from.step;
        const auto first = stored.begin() + static_cast<std::ptrdiff_t>(element) * size;
        bytes.insert(bytes.end(), first, first + size);
      }
    }
    return place_bytes(bytes);
  }

  std::uint64_t place_small(const StoredTensor& tensor) { return place_bytes(read(tensor)); }

  std::uint64_t place_floats(const FloatsPlan& plan) {
    const std::vector<std::uint8_t> stored = read(plan.tensor);
    std::vector<std::uint8_t> bytes(plan.count * sizeof(float));
    for (std::size_t i = 0; i < plan.count; ++i) {
      const float value = load_weight(stored.data(), plan.type, i) + plan.added;
      std::memcpy(bytes.data() + i * sizeof(value), &value, sizeof(value));
    }
    return place_bytes(bytes);
  }

  DeviceMemory upload(Device& device) const {
    DeviceMemory memory(device, end_);
    Stream streams[2] = {Stream(device), Stream(device)};
    const PinnedMemory pieces[2] = {PinnedMemory(device, kPieceBytes), PinnedMemory(device, kPieceBytes)};
    std::size_t turn = 0;
    const auto send = [&](std::uint64_t to, std::size_t bytes, const auto& fill) {
      Stream& stream = streams[turn % 2];
      void* piece = pieces[turn % 2].data();
      ++turn;
      stream.wait();
      fill(piece);
      stream.upload(memory.pointer() + to, piece, bytes);
    };
    for (const auto& [key, offset] : stored_) {
      const auto& [file, position, bytes] = key;
      for (std::uint64_t done = 0; done < bytes; done += kPieceBytes) {
        const auto count = static_cast<std::size_t>(std::min<std::uint64_t>(kPieceBytes, bytes - done));
        send(offset + done, count,
             [&, at = position + done, from = file](void* to) { files_[from]->read(at, to, count); });
      }
    }
    for (const auto& [bytes, offset] : small_) {
      for (std::size_t done = 0; done < bytes.size(); done += kPieceBytes) {
        const std::size_t count = std::min(kPieceBytes, bytes.size() - done);
        send(offset + done, count, [&, from = bytes.data() + done](void* to) { std::memcpy(to, from, count); });
      }
    }
    for (Stream& stream : streams) stream.wait();
    return memory;
  }

 private:
  std::vector<std::uint8_t> read(const StoredTensor& tensor) const {
    if (!tensor.table.empty()) return tensor.table;
    std::vector<std::uint8_t> bytes(tensor.bytes);
    if (!bytes.empty()) files_[tensor.file]->read(tensor.offset, bytes.data(), bytes.size());
    return bytes;
  }

  void advance(std::uint64_t bytes) { end_ = (end_ + bytes + kAlignment - 1) / kAlignment * kAlignment; }

  std::vector<std::unique_ptr<PositionedFile>> files_;
  std::map<std::tuple<std::size_t, std::uint64_t, std::uint64_t>, std::uint64_t> stored_;
  std::map<std::string, std::uint64_t> small_;
  // Not 0, which stands for nothing.
  std::uint64_t end_ = kAlignment;
};

template <typename T>
T* offset_pointer(std::uint64_t offset) {
  return reinterpret_cast<T*>(static_cast<std::uintptr_t>(offset));
}

template <typename T>
void rebase(T*& pointer, DevicePointer base) {
  if (pointer != nullptr) pointer = offset_pointer<T>(reinterpret_cast<std::uintptr_t>(pointer) + base);
}

void rebase(DeviceMatrix& m, DevicePointer base) {
  rebase(m.matrix.codes, base);
  rebase(m.matrix.scales, base);
  rebase(m.matrix.scale_codes, base);
  rebase(m.matrix.nested_scales, base);
  rebase(m.matrix.nested_map, base);
  rebase(m.matrix.zero_points, base);
  rebase(m.matrix.table, base);
  rebase(m.matrix.bias, base);
}

std::vector<std::uint8_t> bytes_of_levels(const float* levels) {
  std::vector<std::uint8_t> bytes(16 * sizeof(float));
  std::memcpy(bytes.data(), levels, bytes.size());
  return bytes;
}

/// The values of integer codes of 4 bits: code - 8.
std::vector<std::uint8_t> integer_levels() {
  float levels[16];
  for (int code = 0; code < 16; ++code) levels[code] = static_cast<float>(code - 8);
  return bytes_of_levels(levels);
}

/// The kernel that reads a format: the row of formats.def that names both.
Format kernel_of(WeightFormat format, bool nested) {
#define CUDA_KERNEL(kernel, stored, is_nested) \
  if (format == WeightFormat::stored && nested == is_nested) return Format::kernel;
#define CUDA_ALSO(kernel, stored) \
  if (format == WeightFormat::stored) return Format::kernel;
#include "formats.def"
  throw Error("internal", "a format has no kernel");
}

DeviceMatrix place_matrix(Placement& placement, const LinearPlan& plan) {
  const FormatTraits& traits = traits_of(plan.format);
  const bool nested = plan.nested_scales.bytes != 0;
  DeviceMatrix result{};
  result.format = kernel_of(plan.format, nested);
  Matrix& m = result.matrix;
  m.rows = static_cast<unsigned>(plan.rows);
  m.columns = static_cast<unsigned>(plan.columns);
  m.first_row = static_cast<unsigned>(plan.first_row);
  m.row_step = static_cast<unsigned>(plan.row_step);
  m.codes = offset_pointer<const std::uint8_t>(
      plan.transposed.width == 0
          ? placement.place(plan.codes)
          : placement.place_transposed(plan.codes, plan.transposed, plan.stored_rows(), plan.columns));
  m.scale_factor = 1 / traits.divisor;
  m.block_shift = plan.block_size == plan.columns && traits.blocks == FormatTraits::Blocks::row
                      ? kRowBlocks
                      : static_cast<unsigned>(std::countr_zero(std::max<std::size_t>(plan.block_size, 1)));
  if (plan.bias.count != 0) m.bias = offset_pointer<const float>(placement.place_floats(plan.bias));
  m.zero_points = offset_pointer<const std::int8_t>(placement.place(plan.zero_points));
  const std::uint64_t scales = placement.place(plan.scales);
  if (nested) {
    m.scale_codes = offset_pointer<const std::uint8_t>(scales);
    m.nested_scales = offset_pointer<const float>(placement.place(plan.nested_scales));
    m.nested_map = offset_pointer<const float>(placement.place_small(plan.nested_map));
    m.nested_offset = plan.nested_offset;
  } else if (traits.scales == FormatTraits::Scales::e8m0) {
    m.scale_codes = offset_pointer<const std::uint8_t>(scales);
  } else {
    m.scales = offset_pointer<const float>(scales);
  }
  if (traits.values == FormatTraits::Values::e2m1) {
    m.table = offset_pointer<const float>(placement.place_bytes(bytes_of_levels(e2m1_values())));
  } else if (traits.values == FormatTraits::Values::levels) {
    m.table = offset_pointer<const float>(placement.place_small(plan.levels));
  } else if (traits.bits == 4) {
    m.table = offset_pointer<const float>(placement.place_bytes(integer_levels()));
  }
  return result;
}

}  // namespace

DeviceWeights load_weights(Device& device, const DecoderPlan& plan, const std::string& directory) {
  Placement placement(plan, directory);
  DeviceWeights weights{};
  for (const LinearPlan& matrix : plan.matrices) weights.matrices.push_back(place_matrix(placement, matrix));
  for (const FloatsPlan& vector : plan.vectors) {
    weights.vectors.push_back(offset_pointer<const float>(placement.place_floats(vector)));
  }
  for (const RotaryPlan& rotary : plan.rotaries) {
    std::vector<std::uint8_t> bytes(rotary.frequencies.size() * sizeof(float));
    std::memcpy(bytes.data(), rotary.frequencies.data(), bytes.size());
    weights.frequencies.push_back(offset_pointer<const float>(placement.place_bytes(bytes)));
  }
  for (const TablePlan& table : plan.tables) {
    weights.tables.push_back(offset_pointer<const void>(placement.place(table.tensor)));
  }
  weights.embedding = offset_pointer<const void>(placement.place(plan.embedding));
  weights.embedding_format = float_format(plan.embedding_type);

  weights.memory = placement.upload(device);
  const DevicePointer base = weights.memory.pointer();
  for (DeviceMatrix& matrix : weights.matrices) rebase(matrix, base);
  for (const float*& vector : weights.vectors) rebase(vector, base);
  for (const float*& table : weights.frequencies) rebase(table, base);
  for (const void*& table : weights.tables) rebase(table, base);
  rebase(weights.embedding, base);
  return weights;
}

bool can_share(const DeviceMatrix& a, const DeviceMatrix& b) {
  return a.format == b.format && a.matrix.columns == b.matrix.columns && a.matrix.table == b.matrix.table &&
         a.matrix.nested_map == b.matrix.nested_map && a.matrix.scale_factor == b.matrix.scale_factor;
}

Format float_format(WeightType type) {
  return type == WeightType::bf16 ? Format::bf16 : type == WeightType::f16 ? Format::f16 : Format::f32;
}

const char* format_name(Format format) {
  static constexpr const char* kNames[] = {
#define CUDA_KERNEL(kernel, stored, is_nested) #kernel,
#include "formats.def"
  };
  return kNames[static_cast<unsigned>(format)];
}

}  // namespace nibble::cuda

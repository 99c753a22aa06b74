#pragma once

// Starts the quantizers' kernels on data that lies on the device. Nothing here waits: calls return when the work is
// enqueued. Pointers are device memory, 16-byte aligned.

#include "cuda/device.h"
#include "cuda/kernels/arguments.h"
#include "quantize.h"

namespace nibble::cuda {

/// A stream and the small memory that kernels on it share. Kernels of one lane run one after another.
class Worker {
 public:
  explicit Worker(Device& device);
  Device& device() const { return stream_.device(); }
  Stream& stream() { return stream_; }

  /// Where a kernel leaves its sums.
  /// @param cleared sums that are set to zero
  BlockReduction reduction(Sums* result, Sums* cleared = nullptr) const;
  unsigned* mean_arrived() const { return counters_.as<unsigned>() + 1; }
  /// Runs a kernel on this worker's stream. @param per_multiprocessor see Device::grid_for
  template <typename... Arguments>
  void launch(const std::string& name, std::uint64_t blocks, unsigned per_multiprocessor, unsigned threads,
              Arguments... arguments) {
    device().launch(stream_.handle(), name, device().grid_for(blocks, per_multiprocessor), threads, arguments...);
  }

 private:
  Stream stream_;
  DeviceMemory partials_;
  DeviceMemory counters_;
};

/// Tables on the device, for double quantization and for the way back.
struct Tables {
  DeviceMemory steps;
  DeviceMemory map;
  DeviceMemory values;  // [2, 16] of NF4 and of FP4
  /// Waits for the upload.
  explicit Tables(Worker& worker);
};

/// What the 4-bit kernels leave of a tensor for double quantization, beside its absmax.
struct BlockMoments {
  unsigned* moments = nullptr;      // [blocks]; null: the scales are not quantized
  float* errors = nullptr;          // [ceil(blocks / error_blocks(block size))]
  float* leaf_sums = nullptr;       // [tensor_blocks / leaf_blocks(tensor_blocks), 32]
  std::uint64_t tensor_blocks = 0;  // of the whole tensor, of which a call may quantize a piece
};

/// Bytes of a block's absmax that launch_quantize_4bit leaves on the device: float32, or, where the scales will be
/// quantized as well, the type of the weights.
std::size_t absmax_size(WeightType type, bool nested);

/// Blocks of weights that share one of BlockMoments' errors.
std::uint64_t error_blocks(std::uint64_t block_size);

/// Blocks of weights whose scales make a leaf of their mean. Pieces of a tensor begin with a leaf.
std::uint64_t leaf_blocks(std::uint64_t tensor_blocks);

/// Quantizes `weights` weights that begin with a block, or with double quantization with a leaf.
/// @param absmax [blocks] of absmax_size
/// @param sums [2] of the whole blocks, and of the incomplete one; zero where there are none
void launch_quantize_4bit(Worker& worker, const void* source, WeightType type, std::uint64_t weights,
                          const FourBitSpec& spec, std::uint8_t* codes, void* absmax, const BlockMoments& moments,
                          Sums* sums);

/// Floats of scratch memory that launch_quantize_scales takes for this many blocks.
std::size_t mean_scratch(std::uint64_t blocks);

/// Double quantization of a tensor's scales.
struct NestedBuffers {
  std::uint8_t* absmax_codes;   // [blocks]
  float* nested_absmax;         // [runs]
  float* offset;                // [1]
  float* run_bounds;            // [runs]
  unsigned* certain;            // [1]
  unsigned long long* largest;  // [1] bits of a double; 0 until launch_largest_error
  float* scratch;               // [mean_scratch(blocks)]
  Sums* correction;             // [1]: error_squares, error_values (of the dot product), value_squares
};

void launch_quantize_scales(Worker& worker, const Tables& tables, const void* absmax, WeightType type,
                            std::uint64_t weights, const FourBitSpec& spec, const BlockMoments& moments,
                            const NestedBuffers& buffers);

/// Finds the largest error, weight by weight, where the bounds of a run leave room for it.
/// @param listed numbers of the runs that lie in source and codes one after another, or null for all
void launch_largest_error(Worker& worker, const Tables& tables, const void* source, WeightType type,
                          std::uint64_t weights, const FourBitSpec& spec, const std::uint8_t* codes,
                          const NestedBuffers& buffers, const std::uint32_t* listed, std::uint64_t runs);

/// @param absmax null: double-quantized, see `nested`
void launch_dequantize_4bit(Worker& worker, const Tables& tables, const std::uint8_t* codes, const float* absmax,
                            const NestedBuffers& nested, float offset, std::uint64_t weights, const FourBitSpec& spec,
                            float* out);

/// What a tensor of integer codes shares scales by.
struct GroupSpec {
  IntegerMode mode;
  unsigned bits;
  std::uint64_t rows;
  std::uint64_t columns;
  std::uint64_t width;  // columns that share a scale: `columns`, or less
  std::uint64_t groups() const { return rows * ((columns + width - 1) / width); }
};

/// True when codes of this shape are made one per byte and packed by a second kernel.
bool needs_unpacked_codes(const GroupSpec& spec, WeightType type);

/// @param unpacked [rows * columns], only where needs_unpacked_codes
/// @param sums [1]
void launch_quantize_groups(Worker& worker, const void* source, WeightType type, const GroupSpec& spec, void* codes,
                            std::int8_t* unpacked, float* scales, std::int8_t* zero_points, Sums* sums);

void launch_dequantize_groups(Worker& worker, const GroupSpec& spec, const void* codes, const float* scales,
                              const std::int8_t* zero_points, float* out);

/// Statistics from the sums of the pieces of a tensor, in order.
void add_sums(Statistics& statistics, const Sums& sums);

/// True when the sums are of weights that cannot be quantized.
bool is_invalid(const Sums& sums);

}  // namespace nibble::cuda

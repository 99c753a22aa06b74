#include "standard_session.h"

#include <algorithm>
#include <array>
#include <limits>
#include <new>

#include "create_session.h"
#include "runtime/operators/float_convert.h"

namespace nibble {
namespace {

// Inputs before those of the cache, in the graph's order.
constexpr const char* kTokens = "input_ids";
constexpr const char* kRows = "logit_rows";
constexpr const char* kLastPosition = "last_position";
constexpr const char* kContextLength = "context_length";
constexpr std::size_t kPlainInputs = 4;
constexpr const char* kLogits = "logits";

// A GPU is busy with a few hundred tokens; more only cost memory for activations.
constexpr std::size_t kChunk = 1024;

// ONNX Runtime's name for memory of the WebGPU provider.
constexpr const char* kWebGpuMemory = "WebGPU_Buf";
constexpr const char* kWebGpu = "WebGPU";

// Joins nodes where a provider has one kernel for several, and computes once what depends on weights alone.
constexpr int kExtendedOptimization = 2;

// Beyond this a model's header is nonsense; the product of all dimensions stays within 64 bits.
constexpr std::int64_t kMostOfADimension = std::int64_t{1} << 24;

std::string cache_name(const char* side, std::size_t layer, const char* part) {
  return std::string(side) + "." + std::to_string(layer) + "." + part;
}

std::size_t element_bytes(int type) { return type == ort::kFloat16 ? 2 : 4; }

bool speaks_of_memory(const std::string& message) {
  return message.find("memory") != std::string::npos || message.find("Memory") != std::string::npos;
}

/// ONNX Runtime has no code for it: its sentence names the type of the shader ("requires f16"), or WebGPU's
/// feature for it ("shader-f16"). A graph of 32 bits has neither.
bool speaks_of_half_precision(const std::string& message) { return message.find("f16") != std::string::npos; }

}  // namespace

void StandardSession::fail(const Error& error) const {
  if (device_ != Device::webgpu) throw error;
  const std::string message = std::string("the GPU failed: ") + error.what();
  if (speaks_of_memory(message)) throw Error("out-of-memory", message);
  if (speaks_of_half_precision(message)) throw NoHalfPrecision("kernel-failed", message);
  throw Error("kernel-failed", message);
}

StandardSession::StandardSession(const OpenOptions& options)
    : library_(ort::Library::get()),
      api_(library_.api()),
      device_(options.device),
      context_length_(options.context_length),
      host_memory_(ort::made<ort::MemoryInfo>([&](auto** out) { api_.create_cpu_memory_info(out); })),
      run_options_(ort::made<ort::RunOptions>([&](auto** out) { api_.create_run_options(out); })) {
  open(options);
  read_shapes();
  try {
    allocate_cache();
  } catch (const Error& error) {
    fail(error);
  }
}

std::size_t StandardSession::chunk() const { return std::min(kChunk, context_length_); }

void StandardSession::append_provider(ort::SessionOptions* session_options, const OpenOptions& options) const {
  if (device_ != Device::webgpu) return;
  const std::vector<std::string> providers = library_.providers();
  if (std::find(providers.begin(), providers.end(), "WebGpuExecutionProvider") == providers.end()) {
    throw Error("runtime-unavailable", "ONNX Runtime for this platform comes without WebGPU");
  }
  std::vector<const char*> keys;
  std::vector<const char*> values;
  for (const auto& [key, value] : options.provider_options) {
    keys.push_back(key.c_str());
    values.push_back(value.c_str());
  }
  try {
    api_.append_provider(session_options, kWebGpu, keys.data(), values.data(), keys.size());
  } catch (const Error& error) {
    throw Error("runtime-unavailable", std::string("WebGPU cannot be used: ") + error.what());
  }
}

void StandardSession::open(const OpenOptions& options) {
  const auto session_options = ort::made<ort::SessionOptions>([&](auto** out) { api_.create_session_options(out); });
  api_.set_intra_threads(session_options.get(), static_cast<int>(options.threads));
  api_.set_optimization_level(session_options.get(), kExtendedOptimization);
  api_.disable_memory_pattern(session_options.get());
  append_provider(session_options.get(), options);
  try {
    session_ = create_session(library_, options, session_options.get());
  } catch (const Error& error) {
    // Anything else is the graph's own fault.
    if (speaks_of_memory(error.what()) || speaks_of_half_precision(error.what())) fail(error);
    throw;
  }
}

StandardSession::Matrix StandardSession::shape_of(const ort::TypeInfo* type) const {
  const ort::TensorInfo* info = nullptr;
  api_.tensor_info(type, &info);
  if (info == nullptr) throw Error("malformed-file", "the graph has an input or output that is no tensor");
  Matrix result{api_.element_type(info), std::vector<std::int64_t>(api_.dimension_count(info))};
  api_.dimensions(info, result.dims.data(), result.dims.size());
  return result;
}

void StandardSession::read_shapes() {
  const auto wrong = [](const char* why) {
    return Error("malformed-file", std::string("the graph is not one for GPUs: ") + why);
  };
  const std::size_t inputs = api_.input_count(session_.get());
  if (inputs < kPlainInputs + 2 || (inputs - kPlainInputs) % 2 != 0) throw wrong("its inputs are others");
  layers_ = (inputs - kPlainInputs) / 2;
  if (api_.output_count(session_.get()) != 1 + 2 * layers_) throw wrong("its outputs are others");
  const auto logits =
      shape_of(ort::made<ort::TypeInfo>([&](auto** out) { api_.output_type_info(session_.get(), 0, out); }).get());
  if (logits.dims.size() != 3 || logits.dims[2] < 1 || logits.dims[2] > kMostOfADimension) {
    throw wrong("the width of the logits is not stated");
  }
  vocabulary_size_ = static_cast<std::size_t>(logits.dims[2]);
  const auto cache = shape_of(
      ort::made<ort::TypeInfo>([&](auto** out) { api_.input_type_info(session_.get(), kPlainInputs, out); }).get());
  type_ = cache.type;
  if (type_ != logits.type || (type_ != ort::kFloat && type_ != ort::kFloat16)) throw wrong("its types are others");
  if (cache.dims.size() != 4 || cache.dims[1] < 1 || cache.dims[1] > kMostOfADimension || cache.dims[3] < 1 ||
      cache.dims[3] > kMostOfADimension) {
    throw wrong("the shape of its cache is not stated");
  }
  cache_dims_ = {1, cache.dims[1], static_cast<std::int64_t>(context_length_), cache.dims[3]};
}

void StandardSession::allocate_cache() {
  std::size_t bytes = element_bytes(type_);
  for (const std::int64_t dim : cache_dims_) {
    const auto size = static_cast<std::size_t>(dim);
    if (bytes > std::numeric_limits<std::size_t>::max() / size / (2 * layers_)) {
      throw Error("out-of-memory", "a context of " + std::to_string(context_length_) + " tokens is too large");
    }
    bytes *= size;
  }
  cache_bytes_ = bytes * 2 * layers_;
  if (device_ == Device::webgpu) {
    device_memory_ = ort::made<ort::MemoryInfo>([&](auto** out) { api_.create_memory_info(kWebGpuMemory, out); });
    allocator_ = ort::made<ort::Allocator>(
        [&](auto** out) { api_.create_allocator(session_.get(), device_memory_.get(), out); });
  }
  binding_ = ort::made<ort::IoBinding>([&](auto** out) { api_.create_io_binding(session_.get(), out); });
  for (std::size_t layer = 0; layer < layers_; ++layer) {
    for (const char* part : {"key", "value"}) {
      if (device_ == Device::webgpu) {
        cache_.push_back(ort::made<ort::Value>([&](auto** out) {
          api_.allocate_tensor(allocator_.get(), cache_dims_.data(), cache_dims_.size(), type_, out);
        }));
      } else {
        host_cache_.emplace_back(bytes);
        cache_.push_back(host_tensor(host_cache_.back().data(), bytes, cache_dims_, type_));
      }
      const ort::Value* const value = cache_.back().get();
      api_.bind_input(binding_.get(), cache_name("past", layer, part).c_str(), value);
      api_.bind_output(binding_.get(), cache_name("present", layer, part).c_str(), value);
    }
  }
}

ort::Handle<ort::Value> StandardSession::host_tensor(const void* data, std::size_t bytes,
                                                     std::span<const std::int64_t> shape, int type) const {
  return ort::made<ort::Value>([&](auto** out) {
    api_.create_tensor(host_memory_.get(), const_cast<void*>(data), bytes, shape.data(), shape.size(), type, out);
  });
}

void StandardSession::run(std::span<const std::int64_t> ids, std::size_t position, std::span<const std::int64_t> rows,
                          float* logits) {
  std::vector<std::int32_t> tokens(ids.size());
  std::transform(ids.begin(), ids.end(), tokens.begin(), [](auto id) { return static_cast<std::int32_t>(id); });
  // The graph has no form without logits: one row that nobody wants costs little beside the chunk.
  std::vector<std::int32_t> wanted(std::max<std::size_t>(rows.size(), 1), 0);
  std::transform(rows.begin(), rows.end(), wanted.begin(), [](auto row) { return static_cast<std::int32_t>(row); });
  try {
    run_rows(tokens, position, wanted, logits);
  } catch (const Error& error) {
    fail(error);
  }
}

void StandardSession::run_rows(std::span<const std::int32_t> ids, std::size_t position,
                               std::span<const std::int32_t> rows, float* logits) {
  const auto end = static_cast<std::int32_t>(position + ids.size());
  const std::int32_t last = end - 1;
  const std::array<std::int64_t, 2> id_shape{1, static_cast<std::int64_t>(ids.size())};
  const std::array<std::int64_t, 1> row_shape{static_cast<std::int64_t>(rows.size())};
  const std::array<std::int64_t, 1> one{1};
  const std::array<std::int64_t, 3> logit_shape{1, row_shape[0], static_cast<std::int64_t>(vocabulary_size_)};
  const std::size_t count = rows.size() * vocabulary_size_;
  const bool is_half = type_ == ort::kFloat16;
  if (is_half) half_logits_.resize(count * element_bytes(type_));
  void* const target = is_half ? static_cast<void*>(half_logits_.data()) : logits;
  const auto bind = [&](const char* name, const void* data, std::size_t bytes, std::span<const std::int64_t> shape) {
    const auto value = host_tensor(data, bytes, shape, ort::kInt32);
    api_.bind_input(binding_.get(), name, value.get());
  };
  bind(kTokens, ids.data(), ids.size_bytes(), id_shape);
  bind(kRows, rows.data(), rows.size_bytes(), row_shape);
  bind(kLastPosition, &last, sizeof last, one);
  bind(kContextLength, &end, sizeof end, {});
  const auto result = host_tensor(target, count * element_bytes(type_), logit_shape, type_);
  api_.bind_output(binding_.get(), kLogits, result.get());
  api_.run_with_binding(session_.get(), run_options_.get(), binding_.get());
  if (is_half) convert_to_float(half_logits_.data(), weight_type(type_), 0, count, logits);
}

}  // namespace nibble

#pragma once

// A graph of ONNX Runtime's own operators, computed by one of its providers: WebGPU, or its kernels for processors.
// Keys and values stay on the device, in one buffer per layer that is as long as the context; tokens go there and the
// logits that are wanted come back.

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "error.h"
#include "ort_library.h"
#include "runtime/backend.h"

namespace nibble {

/// The GPU has no 16-bit arithmetic, which the graph is made of: one of 32 bits may run there.
class NoHalfPrecision final : public Error {
 public:
  using Error::Error;
};

class StandardSession final : public Backend {
 public:
  /// @throws Error as open_backend()
  explicit StandardSession(const OpenOptions& options);

  std::size_t vocabulary_size() const override { return vocabulary_size_; }
  std::size_t embedding_rows() const override { return vocabulary_size_; }
  std::size_t context_length() const override { return context_length_; }
  std::size_t chunk() const override;
  std::size_t cache_bytes() const override { return cache_bytes_; }
  Profile* profile() override { return nullptr; }

  /// @throws Error("kernel-failed"), of that NoHalfPrecision, or Error("out-of-memory") when the device failed
  void run(std::span<const std::int64_t> ids, std::size_t position, std::span<const std::int64_t> rows,
           float* logits) override;

  /// What lies behind the end of the context is never looked at, so there is nothing to do.
  std::size_t shrink(std::size_t position) override { return position; }
  void terminate() override { api_.set_terminate(run_options_.get()); }
  void allow() override { api_.unset_terminate(run_options_.get()); }

 private:
  struct Matrix {
    int type;
    std::vector<std::int64_t> dims;
  };

  void open(const OpenOptions& options);
  [[noreturn]] void fail(const Error& error) const;
  void append_provider(ort::SessionOptions* session_options, const OpenOptions& options) const;
  Matrix shape_of(const ort::TypeInfo* type) const;
  void read_shapes();
  void allocate_cache();
  void run_rows(std::span<const std::int32_t> ids, std::size_t position, std::span<const std::int32_t> rows,
                float* logits);
  ort::Handle<ort::Value> host_tensor(const void* data, std::size_t bytes, std::span<const std::int64_t> shape,
                                      int type) const;

  ort::Library& library_;
  const ort::Api& api_;
  const Device device_;
  const std::size_t context_length_;
  ort::Handle<ort::MemoryInfo> host_memory_;
  ort::Handle<ort::RunOptions> run_options_;
  ort::Handle<ort::Session> session_;
  ort::Handle<ort::MemoryInfo> device_memory_;
  ort::Handle<ort::Allocator> allocator_;
  std::vector<std::vector<std::uint8_t>> host_cache_;  // of standard_cpu
  std::vector<ort::Handle<ort::Value>> cache_;
  ort::Handle<ort::IoBinding> binding_;  // after what is bound: released first

  std::size_t vocabulary_size_ = 0;
  std::size_t layers_ = 0;
  int type_ = 0;  // of activations, cache and logits
  std::vector<std::int64_t> cache_dims_;
  std::size_t cache_bytes_ = 0;
  std::vector<std::uint8_t> half_logits_;
};

}  // namespace nibble

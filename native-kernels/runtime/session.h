#pragma once

// One graph loaded into ONNX Runtime with our operators: tokens in, logits out. Not thread-safe but for terminate().

#include <cstddef>
#include <cstdint>
#include <span>

#include "backend.h"
#include "runtime/ort/custom_operator.h"
#include "runtime/ort/ort_library.h"
#include "session_state.h"

namespace nibble {

class Session final : public Backend {
 public:
  /// @throws Error("malformed-file") when the graph is not of our operators, Error("invalid-input") when it is not
  /// there
  explicit Session(const OpenOptions& options);

  std::size_t vocabulary_size() const override { return vocabulary_size_; }
  std::size_t embedding_rows() const override { return state_.embedding_rows; }
  std::size_t context_length() const override { return state_.cache.context_length(); }
  std::size_t chunk() const override;
  std::size_t cache_bytes() const override { return state_.cache.bytes() + state_.states.bytes(); }
  Profile* profile() override { return state_.profile.get(); }

  /// @throws Error, among them the first one that an operator threw
  void run(std::span<const std::int64_t> ids, std::size_t position, std::span<const std::int64_t> rows,
           float* logits) override;

  void announce(std::size_t sequence_end) override { state_.sequence_end = sequence_end; }
  void keep(bool turn) override { state_.states.keep(turn); }
  std::size_t shrink(std::size_t position) override;
  void terminate() override { api_.set_terminate(run_options_.get()); }
  void allow() override { api_.unset_terminate(run_options_.get()); }

 private:
  void configure(ort::SessionOptions* options) const;
  std::size_t read_vocabulary_size() const;
  ort::Handle<ort::Value> tensor(const void* data, std::span<const std::int64_t> shape, int type) const;

  ort::Library& library_;
  const ort::Api& api_;
  SessionState state_;
  OperatorDomain domain_;
  ort::Handle<ort::MemoryInfo> memory_;
  ort::Handle<ort::RunOptions> run_options_;
  ort::Handle<ort::Session> session_;  // after what it uses: released first
  std::size_t vocabulary_size_ = 0;
};

}  // namespace nibble

#pragma once

// One graph loaded into ONNX Runtime with our operators: tokens in, logits out. Not thread-safe but for terminate().

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "custom_operator.h"
#include "ort_library.h"
#include "session_state.h"

namespace nibble {

struct OpenOptions {
  std::string graph_path;  // UTF-8
  std::size_t context_length;
  std::size_t threads;
  Mode mode;
  CacheType cache_type;
  Isa isa;
  bool profile;  // whether to measure where the time goes
};

class Session {
 public:
  /// @throws Error("malformed-file") when the graph is not of our dialect, Error("invalid-input") when it is not there
  explicit Session(const OpenOptions& options);

  std::size_t vocabulary_size() const { return vocabulary_size_; }
  SessionState& state() { return state_; }
  const SessionState& state() const { return state_; }

  /// Appends `ids` at `position` and writes the logits of the given rows (indices into ids), [rows, vocabulary].
  /// @throws Error, among them the first one that an operator threw; the positions are then to be written again
  void run(std::span<const std::int64_t> ids, std::size_t position, std::span<const std::int64_t> rows, float* logits);

  /// Makes the run in progress, and every later one, fail soon; callable from any thread.
  void terminate() { api_.set_terminate(run_options_.get()); }
  void allow() { api_.unset_terminate(run_options_.get()); }

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

#pragma once

// What a model computes with: one loaded graph and the context that belongs to it. A backend may keep both on a device;
// tokens go in and logits come out in ordinary memory. Not thread-safe but for terminate().

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "error.h"
#include "linear.h"
#include "profile.h"
#include "session_state.h"

namespace nibble {

/// Where a graph is computed. `standard_cpu` runs the graphs of GPUs on ONNX Runtime's own kernels for processors.
enum class Device { cpu, webgpu, standard_cpu };

struct OpenOptions {
  std::string graph_path;  // UTF-8
  /// Where the weights lie that the graph names; empty: beside the graph. UTF-8
  std::string weights_folder;
  std::size_t context_length;
  std::size_t threads;
  Mode mode;
  CacheType cache_type;
  Isa isa;
  bool profile;  // whether to measure where the time goes
  Device device;
  std::vector<std::pair<std::string, std::string>> provider_options;  // of a provider of ONNX Runtime
};

class Backend {
 public:
  Backend() = default;
  virtual ~Backend() = default;
  Backend(const Backend&) = delete;
  Backend& operator=(const Backend&) = delete;

  /// Logits of a row, and the token ids that may go in.
  virtual std::size_t vocabulary_size() const = 0;
  virtual std::size_t embedding_rows() const = 0;
  /// Most positions that the context holds.
  virtual std::size_t context_length() const = 0;
  /// Most tokens of one run().
  virtual std::size_t chunk() const = 0;
  /// What the context takes now, in bytes.
  virtual std::size_t cache_bytes() const = 0;
  /// Null unless it was asked for.
  virtual Profile* profile() = 0;

  /// Says where the chunks of the following runs will end: some rotations depend on it.
  virtual void announce(std::size_t sequence_end) { static_cast<void>(sequence_end); }

  /// Appends `ids` at `position` and writes the logits of the given rows (indices into ids), [rows, vocabulary].
  /// @throws Error; the positions are then to be written again
  virtual void run(std::span<const std::int64_t> ids, std::size_t position, std::span<const std::int64_t> rows,
                   float* logits) = 0;

  struct Choice {
    std::int32_t id;
    float logprob;
  };

  /// Whether next() can be called: where logits lie on a device it spares their way to the processor.
  virtual bool chooses() const { return false; }

  /// Appends `id` at `position` and returns the most probable token behind it, on ties the lowest id. The context's end
  /// may already hold the one behind that, in the hope of the next call; nobody sees it otherwise.
  virtual Choice next(std::int64_t id, std::size_t position) {
    static_cast<void>(id);
    static_cast<void>(position);
    throw Error("internal", "this backend leaves the choice to the sampler");
  }

  /// The context may be cut back to where it ends now. @param turn Whether a prompt begins or ends here.
  virtual void keep(bool turn) { static_cast<void>(turn); }

  /// Nothing from `position` on is wanted any more.
  /// @returns where the context ends now: before `position` where its layers cannot go back to just there
  virtual std::size_t shrink(std::size_t position) = 0;

  /// Makes the run in progress, and every later one until allow(), fail soon; callable from any thread.
  virtual void terminate() = 0;
  virtual void allow() = 0;
};

/// @throws Error("malformed-file") when the graph is not one of the device's, Error("invalid-input") when it is not
/// there, Error("runtime-unavailable") when the device is not
std::unique_ptr<Backend> open_backend(const OpenOptions& options);

}  // namespace nibble

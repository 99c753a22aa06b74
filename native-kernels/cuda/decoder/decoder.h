#pragma once

// A decoder on a device: weights, KV cache and activations stay there; tokens go in and logits come out, or the most
// probable next token alone. Not thread-safe but for terminate().

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "cuda/decoder/passes.h"
#include "runtime/backend.h"

namespace nibble::cuda {

class Decoder final : public nibble::Backend {
 public:
  /// @param directory where the plan's files lie
  /// @throws Error("runtime-unavailable", "unsupported-model", "malformed-file", "out-of-memory", …)
  Decoder(Device& device, DecoderPlan plan, const std::string& directory, std::size_t context_length);
  ~Decoder() override;

  std::size_t vocabulary_size() const override { return plan_.vocabulary; }
  std::size_t embedding_rows() const override { return plan_.vocabulary; }
  std::size_t context_length() const override { return context_length_; }
  std::size_t chunk() const override { return kPassTokens; }
  std::size_t cache_bytes() const override { return cache_.memory.bytes(); }
  Profile* profile() override { return nullptr; }
  std::size_t weight_bytes() const { return weights_.memory.bytes(); }
  /// What the cache takes at most until it holds the whole context: while it moves, the old one lies beside the new.
  std::size_t most_cache_bytes() const;

  void run(std::span<const std::int64_t> ids, std::size_t position, std::span<const std::int64_t> rows,
           float* logits) override;

  bool chooses() const override { return true; }
  /// The step behind this one is started before this one's end is waited for, so the device never waits for the
  /// processor. @throws Error("internal") when the logits are not finite numbers
  Choice next(std::int64_t id, std::size_t position) override;

  /// Nothing to give back: the cache keeps what it has.
  std::size_t shrink(std::size_t position) override { return position; }

  /// A pass takes some milliseconds; the one in progress is not stopped.
  void terminate() override { terminated_.store(true); }
  void allow() override { terminated_.store(false); }

 private:
  std::size_t rounded(std::size_t positions) const;
  void reserve(std::size_t end);
  void capture();
  void capture_once();
  void forget_graph() noexcept;
  void start_step(const StepState& state);
  void launch_step();
  void settle();
  void wait();
  void run_prompt(std::span<const std::int64_t> ids, std::size_t position);
  void download_row(DevicePointer from, float* logits);
  void download_rows(std::span<const std::int64_t> rows, float* logits);
  const StepResult& result_of(unsigned step);

  Device& device_;
  const DecoderPlan plan_;
  std::size_t context_length_;
  DecoderKernels kernels_;
  DeviceWeights weights_;
  PassMemory memory_;
  Passes passes_;
  CacheMemory cache_;
  Stream stream_;
  PinnedMemory pinned_logits_;
  PinnedMemory pinned_ids_;
  PinnedMemory pinned_state_;
  PinnedMemory pinned_results_;
  GraphExecHandle graph_ = nullptr;
  unsigned steps_ = 0;  // started so far
  // A step that was started in the hope that it will be asked for: what goes in.
  struct Ahead {
    std::size_t position;
    std::optional<std::int32_t> id;  // known when the step before has ended
  };
  std::optional<Ahead> ahead_;
  std::atomic<bool> terminated_{false};
};

}  // namespace nibble::cuda

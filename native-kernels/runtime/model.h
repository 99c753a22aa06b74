#pragma once

// A loaded model with its context: appends tokens, generates, truncates. All functions but cancel(), position() and
// cache_bytes() run on one thread (see command_queue.h).

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "backend.h"
#include "runtime/sampling/sampler.h"

namespace nibble {

/// Cancellation of one command; set from any thread, never reset.
using CancelFlag = std::atomic<bool>;

enum class LogitRows { none, last, all };

inline constexpr std::size_t kMaxAlternatives = 64;

struct GenerateRequest {
  std::vector<std::int64_t> ids;
  std::vector<std::int64_t> history;
  SamplingOptions sampling;
  std::size_t max_tokens;
  std::vector<std::int64_t> stop_ids;
  std::size_t alternatives;
};

/// Teacher-forced scoring: what each of `ids` made the model expect of the token behind it.
struct ScoreRequest {
  std::vector<std::int64_t> ids;
  std::vector<std::int64_t> targets;  // one per id: the token that came, or -1 where nothing is to be scored
  std::size_t first_row = 0;  // place of the first id's row in the files below, whose rows lie one behind the other
  std::string keep;           // file that takes the rows of the targets as float32; empty: none
  std::string reference;      // file of another model's rows to be measured against; empty: none
  std::size_t threads = 1;
};

/// One value per target, in order; divergences only where there is a reference.
struct Scores {
  std::vector<double> losses;  // -ln p(target), nats
  std::vector<double> kl;      // KL(reference || model), nats
  std::vector<std::uint8_t> same_top;
};

struct Token {
  std::int32_t id;
  float logprob;
  std::size_t position;
  double elapsed_ms;
  std::span<const Alternative> alternatives;  // valid during the call only
};

enum class Stop { stop_token, max_tokens, context_full, cancelled };

struct GenerateResult {
  std::vector<std::int32_t> ids;
  Stop stop;
  double prefill_ms;
  double decode_ms;
  std::size_t position;
};

class Model {
 public:
  using Clock = std::chrono::steady_clock;

  /// @param opened when opening began
  explicit Model(const OpenOptions& options, Clock::time_point opened = Clock::now());
  /// @param isa of the sampler
  Model(std::unique_ptr<Backend> backend, Isa isa, Clock::time_point opened);

  std::size_t vocabulary_size() const { return backend_->vocabulary_size(); }
  /// Tokens of a prompt that are computed in one go, counted from where the prompt began to be appended.
  std::size_t chunk() const { return backend_->chunk(); }
  double load_ms() const { return load_ms_; }
  std::size_t position() const { return position_.load(); }
  std::size_t cache_bytes() const { return cache_bytes_.load(); }
  /// Null unless it was asked for; not to be looked at while a command runs.
  const Profile* profile() const { return backend_->profile(); }

  /// Appends `ids`. `logits` has room for the asked rows of vocabulary_size() each.
  /// @throws Error("aborted") when cancelled; what was appended by then stays
  void evaluate(std::span<const std::int64_t> ids, LogitRows rows, float* logits, const CancelFlag& cancelled);

  /// Appends the ids, and scores their rows where they were computed.
  /// @throws Error as evaluate; "invalid-weights" for logits that are no numbers, "disk-full", "not-found"
  Scores score(const ScoreRequest& request, const CancelFlag& cancelled);

  /// Appends the prompt and then tokens until something stops it; `on_token` is called for each. An empty prompt begins
  /// the answer to the last one again: the context must end where that did.
  GenerateResult generate(const GenerateRequest& request, const std::function<void(const Token&)>& on_token,
                          const CancelFlag& cancelled);

  /// Forgets everything from `position` on. Exact: what follows is as if the rest had never been there.
  /// @throws Error("invalid-input") when `position` is beyond the current one
  void truncate(std::size_t position);

  /// Sets `flag`; if its command is running now, makes the graph stop at its next operator. From any thread.
  void cancel(CancelFlag& flag);

 private:
  class Running;

  void check_ids(std::span<const std::int64_t> ids) const;
  void prefill(std::span<const std::int64_t> ids, const CancelFlag& cancelled);
  /// Tokens of a prompt, whose chunks the context may be cut back to, or one of an answer.
  enum class Part { prompt, answer };
  void append(std::span<const std::int64_t> ids, Part part, LogitRows rows, float* logits, const CancelFlag& cancelled);
  void run(std::span<const std::int64_t> ids, std::span<const std::int64_t> rows, float* logits);
  void set_phase(Profile::Phase phase);
  bool device_chooses(const GenerateRequest& request) const;
  Sampler::Choice choose_behind(std::int32_t id);
  Stop decode(const GenerateRequest& request, const std::function<void(const Token&)>& on_token,
              const CancelFlag& cancelled, const std::function<double()>& elapsed_ms, std::vector<std::int32_t>& ids);

  const Isa isa_;
  double load_ms_ = 0;
  std::unique_ptr<Backend> backend_;
  Sampler sampler_;
  std::vector<float> logits_;
  // Logits at the end of the last prompt: an answer to it can begin again without computing anything.
  std::vector<float> prompt_logits_;
  std::optional<std::size_t> prompt_end_;
  std::vector<float> score_logits_;  // rows of the last score(); empty where that was never called
  std::vector<std::int64_t> row_numbers_;
  std::atomic<std::size_t> position_{0};
  std::atomic<std::size_t> cache_bytes_{0};

  std::mutex running_mutex_;
  const CancelFlag* running_ = nullptr;
};

}  // namespace nibble

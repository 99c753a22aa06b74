#include "model.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <numeric>
#include <string>

namespace nibble {
namespace {

using Clock = Model::Clock;

double milliseconds_since(Clock::time_point start) {
  return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
}

}  // namespace

/// Marks a command as the running one, so that cancel() knows whether to stop the graph.
class Model::Running {
 public:
  Running(Model& model, const CancelFlag& flag) : model_(model) {
    const std::lock_guard lock(model_.running_mutex_);
    model_.running_ = &flag;
    model_.backend_->allow();
  }
  ~Running() {
    const std::lock_guard lock(model_.running_mutex_);
    model_.running_ = nullptr;
  }
  Running(const Running&) = delete;
  Running& operator=(const Running&) = delete;

 private:
  Model& model_;
};

Model::Model(const OpenOptions& options, Clock::time_point opened)
    : Model(open_backend(options), options.isa, opened) {}

Model::Model(std::unique_ptr<Backend> backend, Isa isa, Clock::time_point opened)
    : isa_(isa),
      backend_(std::move(backend)),
      sampler_(vocabulary_size(), isa),
      logits_(vocabulary_size()),
      prompt_logits_(vocabulary_size()) {
  load_ms_ = milliseconds_since(opened);
  row_numbers_.resize(backend_->chunk());
  std::iota(row_numbers_.begin(), row_numbers_.end(), 0);
}

void Model::cancel(CancelFlag& flag) {
  flag.store(true);
  const std::lock_guard lock(running_mutex_);
  if (running_ == &flag) backend_->terminate();
}

void Model::check_ids(std::span<const std::int64_t> ids) const {
  if (ids.empty()) throw Error("invalid-input", "at least one token is needed");
  const std::size_t room = backend_->context_length() - position();
  if (ids.size() > room) {
    throw Error("invalid-input", std::to_string(ids.size()) + " tokens do not fit: the context has room for " +
                                     std::to_string(room) + " more");
  }
  const std::size_t vocabulary = backend_->embedding_rows();
  for (const std::int64_t id : ids) {
    if (id < 0 || static_cast<std::size_t>(id) >= vocabulary) {
      throw Error("invalid-input",
                  "token id " + std::to_string(id) + " is outside the vocabulary of " + std::to_string(vocabulary));
    }
  }
}

void Model::run(std::span<const std::int64_t> ids, std::span<const std::int64_t> rows, float* logits) {
  const Clock::time_point start = Clock::now();
  backend_->run(ids, position_.load(), rows, logits);
  if (Profile* const profile = backend_->profile()) profile->add_run(Clock::now() - start, ids.size());
}

void Model::set_phase(Profile::Phase phase) {
  if (Profile* const profile = backend_->profile()) profile->set_phase(phase);
}

void Model::append(std::span<const std::int64_t> ids, Part part, LogitRows rows, float* logits,
                   const CancelFlag& cancelled) {
  std::array<std::int64_t, 1> last{};
  backend_->announce(position_.load() + ids.size());
  if (part == Part::prompt) backend_->keep(true);
  while (!ids.empty()) {
    if (cancelled.load()) throw Error("aborted", "the command was cancelled");
    const std::span<const std::int64_t> chunk = ids.first(std::min(backend_->chunk(), ids.size()));
    ids = ids.subspan(chunk.size());
    std::span<const std::int64_t> wanted;
    if (rows == LogitRows::all) wanted = std::span<const std::int64_t>(row_numbers_).first(chunk.size());
    if (rows == LogitRows::last && ids.empty()) {
      last[0] = static_cast<std::int64_t>(chunk.size()) - 1;
      wanted = last;
    }
    const std::size_t at = position_.load();
    try {
      run(chunk, wanted, wanted.empty() ? logits_.data() : logits);
    } catch (const Error&) {
      // The failure is the cancellation's; the chunk's positions count as never written.
      if (cancelled.load()) throw Error("aborted", "the command was cancelled");
      throw;
    }
    position_.store(at + chunk.size());
    if (part == Part::prompt) backend_->keep(ids.empty());
    cache_bytes_.store(backend_->cache_bytes());
    if (logits != nullptr) logits += wanted.size() * vocabulary_size();
  }
}

void Model::evaluate(std::span<const std::int64_t> ids, LogitRows rows, float* logits, const CancelFlag& cancelled) {
  check_ids(ids);
  const Running running(*this, cancelled);
  set_phase(Profile::Phase::prefill);
  append(ids, Part::prompt, rows, logits, cancelled);
}

void Model::prefill(std::span<const std::int64_t> ids, const CancelFlag& cancelled) {
  if (ids.empty()) {
    std::copy(prompt_logits_.begin(), prompt_logits_.end(), logits_.begin());
    return;
  }
  set_phase(Profile::Phase::prefill);
  prompt_end_.reset();
  append(ids, Part::prompt, LogitRows::last, logits_.data(), cancelled);
  std::copy(logits_.begin(), logits_.end(), prompt_logits_.begin());
  prompt_end_ = position();
}

GenerateResult Model::generate(const GenerateRequest& request, const std::function<void(const Token&)>& on_token,
                               const CancelFlag& cancelled) {
  if (!request.ids.empty() || prompt_end_ != position()) check_ids(request.ids);
  const Clock::time_point start = Clock::now();
  const auto elapsed_ms = [start] { return milliseconds_since(start); };
  const Running running(*this, cancelled);
  sampler_.begin(request.sampling);
  for (const std::int64_t id : request.history) sampler_.see(id);
  for (const std::int64_t id : request.ids) sampler_.see(id);

  GenerateResult result{};
  const std::size_t room = backend_->context_length() - position() - request.ids.size();
  result.ids.reserve(std::min(request.max_tokens, room + 1));
  try {
    prefill(request.ids, cancelled);
    result.prefill_ms = elapsed_ms();
    result.stop = decode(request, on_token, cancelled, elapsed_ms, result.ids);
  } catch (const Error& error) {
    if (error.code() != "aborted") throw;
    result.stop = Stop::cancelled;
    if (result.prefill_ms == 0) result.prefill_ms = elapsed_ms();
  }
  result.decode_ms = elapsed_ms() - result.prefill_ms;
  result.position = position();
  return result;
}

bool Model::device_chooses(const GenerateRequest& request) const {
  return backend_->chooses() && request.sampling.temperature == 0 && request.sampling.repetition_penalty == 1 &&
         request.alternatives == 0;
}

Sampler::Choice Model::choose_behind(std::int32_t id) {
  const std::size_t at = position();
  const Backend::Choice choice = backend_->next(id, at);
  position_.store(at + 1);
  cache_bytes_.store(backend_->cache_bytes());
  return {choice.id, choice.logprob};
}

Stop Model::decode(const GenerateRequest& request, const std::function<void(const Token&)>& on_token,
                   const CancelFlag& cancelled, const std::function<double()>& elapsed_ms,
                   std::vector<std::int32_t>& ids) {
  set_phase(Profile::Phase::decode);
  Profile* const profile = backend_->profile();
  std::array<Alternative, kMaxAlternatives> alternatives;
  const std::span<Alternative> wanted(alternatives.data(), std::min(request.alternatives, vocabulary_size()));
  std::optional<Sampler::Choice> chosen;
  while (ids.size() < request.max_tokens) {
    if (cancelled.load()) return Stop::cancelled;
    const std::size_t at = position();
    const Clock::time_point start = Clock::now();
    const Sampler::Choice choice = chosen ? *chosen : sampler_.sample(logits_, at, wanted);
    ids.push_back(choice.id);
    on_token({choice.id, choice.logprob, at, elapsed_ms(), wanted});
    if (profile != nullptr) profile->add_sampling(Clock::now() - start);
    const auto& stops = request.stop_ids;
    if (std::find(stops.begin(), stops.end(), choice.id) != stops.end()) return Stop::stop_token;
    if (ids.size() == request.max_tokens) break;
    if (at == backend_->context_length()) return Stop::context_full;
    sampler_.see(choice.id);
    if (device_chooses(request)) {
      chosen = choose_behind(choice.id);
      continue;
    }
    const std::array<std::int64_t, 1> next{choice.id};
    append(next, Part::answer, LogitRows::last, logits_.data(), cancelled);
  }
  return Stop::max_tokens;
}

void Model::truncate(std::size_t position) {
  if (position > position_.load()) {
    throw Error("invalid-input", "position " + std::to_string(position) + " is beyond the end of the context, " +
                                     std::to_string(position_.load()));
  }
  const std::size_t end = backend_->shrink(position);
  position_.store(end);
  if (prompt_end_ && *prompt_end_ > end) prompt_end_.reset();
  cache_bytes_.store(backend_->cache_bytes());
}

}  // namespace nibble

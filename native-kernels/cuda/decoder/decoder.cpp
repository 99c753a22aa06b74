#include "cuda/decoder/decoder.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <thread>
#include <utility>

#include "runtime/sampling/logits_error.h"

namespace nibble::cuda {
namespace {

/// Positions that a new cache has room for; it doubles as it fills.
constexpr std::size_t kFirstCapacity = 2048;
constexpr std::size_t kCapacityStep = 256;

/// How often the host looks for a result before it asks the driver whether the device has failed.
constexpr int kLooks = 1024;

}  // namespace

Decoder::Decoder(Device& device, DecoderPlan plan, const std::string& directory, std::size_t context_length)
    : device_(device),
      plan_(std::move(plan)),
      context_length_(plan_.positions == 0 ? context_length : std::min(context_length, plan_.positions)),
      kernels_(device),
      weights_(load_weights(device, plan_, directory)),
      memory_(device, plan_),
      passes_(device, plan_, weights_, kernels_, memory_),
      stream_(device),
      pinned_logits_(device, plan_.vocabulary * sizeof(float)),
      pinned_ids_(device, kPassTokens * sizeof(int)),
      pinned_state_(device, sizeof(StepState)),
      pinned_results_(device, kResults * sizeof(StepResult)) {
  std::memset(pinned_results_.data(), 0, pinned_results_.bytes());
  reserve(1);
  // One step that nobody asked for: kernels are loaded, which a capture does not allow, and what the device cannot do
  // is found here and not in the first answer.
  stream_.fill(memory_.state.pointer(), 0, sizeof(StepState));
  passes_.token(stream_.handle(), cache_, static_cast<StepResult*>(pinned_results_.data()));
  wait();
  ++steps_;
  capture();
}

Decoder::~Decoder() {
  // Nothing may be freed under a step that runs ahead.
  if (device_.is_current()) (void)device_.call().stream_wait(stream_.handle());
  forget_graph();
}

void Decoder::forget_graph() noexcept {
  if (graph_ != nullptr && device_.is_current()) (void)device_.call().graph_exec_destroy(graph_);
  graph_ = nullptr;
}

std::size_t Decoder::rounded(std::size_t positions) const {
  return std::min((positions + kCapacityStep - 1) / kCapacityStep * kCapacityStep, context_length_);
}

std::size_t Decoder::most_cache_bytes() const {
  std::size_t before = 0;
  std::size_t capacity = cache_.capacity;
  while (capacity < context_length_) {
    before = capacity;
    capacity = rounded(capacity * 2);
  }
  return passes_.cache_bytes(before + capacity);
}

void Decoder::reserve(std::size_t end) {
  if (end > context_length_) throw Error("invalid-input", "the context is full");
  if (end <= cache_.capacity) return;
  settle();
  CacheMemory grown;
  grown.capacity = rounded(std::max({end, cache_.capacity * 2, std::min(kFirstCapacity, context_length_)}));
  try {
    grown.memory = DeviceMemory(device_, passes_.cache_bytes(grown.capacity));
  } catch (const DriverError& error) {
    if (!error.out_of_memory() || grown.capacity == rounded(end)) throw;
    grown.capacity = rounded(end);
    grown.memory = DeviceMemory(device_, passes_.cache_bytes(grown.capacity));
  }
  // Keys and values of each layer lie together: every one of them moves.
  std::size_t before = 0;
  for (const std::size_t bytes : passes_.position_bytes()) {
    for (int part = 0; part < 2; ++part, before += bytes) {
      stream_.copy(grown.memory.pointer() + before * grown.capacity, cache_.memory.pointer() + before * cache_.capacity,
                   bytes * cache_.capacity);
    }
  }
  stream_.wait();
  cache_ = std::move(grown);
  forget_graph();
}

void Decoder::capture() {
  if (graph_ != nullptr) return;
  device_.use();
  try {
    capture_once();
  } catch (const DriverError&) {
    if (!kernels_.give_up_overlap()) throw;
    capture_once();
  }
}

void Decoder::capture_once() {
  const DriverFunctions& call = device_.call();
  device_.check(call.capture_begin(stream_.handle(), kCaptureThreadLocal), "cuStreamBeginCapture");
  GraphHandle graph = nullptr;
  try {
    passes_.token(stream_.handle(), cache_, static_cast<StepResult*>(pinned_results_.data()));
  } catch (...) {
    if (call.capture_end(stream_.handle(), &graph) == kSuccess && graph != nullptr) (void)call.graph_destroy(graph);
    throw;
  }
  device_.check(call.capture_end(stream_.handle(), &graph), "cuStreamEndCapture");
  const Result result = call.graph_instantiate(&graph_, graph, 0);
  (void)call.graph_destroy(graph);
  device_.check(result, "cuGraphInstantiate");
}

void Decoder::launch_step() {
  device_.check(device_.call().graph_launch(graph_, stream_.handle()), "cuGraphLaunch");
  ++steps_;
}

void Decoder::start_step(const StepState& state) {
  capture();
  std::memcpy(pinned_state_.data(), &state, sizeof(state));
  stream_.upload(memory_.state.pointer(), pinned_state_.data(), sizeof(state));
  launch_step();
}

void Decoder::wait() {
  device_.use();
  // The thread does not sleep: waking up would cost more than a small step takes.
  while (true) {
    const Result result = device_.call().stream_query(stream_.handle());
    if (result != kNotReady) {
      device_.check(result, "cuStreamQuery");
      return;
    }
    std::this_thread::yield();
  }
}

void Decoder::settle() {
  ahead_.reset();
  wait();
}

const StepResult& Decoder::result_of(unsigned step) {
  const auto* results = static_cast<const StepResult*>(pinned_results_.data());
  const StepResult& result = results[step % kResults];
  const auto has_arrived = [&] {
    const bool arrived = *const_cast<const volatile unsigned*>(&result.step) == step;
    std::atomic_thread_fence(std::memory_order_acquire);
    return arrived;
  };
  for (int looks = 1; !has_arrived(); ++looks) {
    std::this_thread::yield();
    if (looks % kLooks != 0) continue;
    const Result state = device_.call().stream_query(stream_.handle());
    if (state == kNotReady) continue;
    device_.check(state, "cuStreamQuery");
    if (!has_arrived()) throw Error("internal", "a step on " + device_.title() + " ended without a result");
  }
  return result;
}

Decoder::Choice Decoder::next(std::int64_t id, std::size_t position) {
  device_.use();
  if (terminated_.load()) throw Error("aborted", "the command was cancelled");
  const bool is_ahead = ahead_ && ahead_->position == position && ahead_->id == id;
  unsigned step = steps_;
  if (!is_ahead) {
    settle();
    reserve(position + 1);
    start_step({static_cast<int>(id), static_cast<int>(position), steps_});
    step = steps_;
  }
  ahead_.reset();
  if (position + 2 <= cache_.capacity) {
    launch_step();
    ahead_ = Ahead{position + 1, std::nullopt};
  }
  const StepResult& result = result_of(step);
  if (!std::isfinite(result.logprob)) {
    settle();
    throw logits_not_finite();
  }
  if (ahead_) ahead_->id = result.token;
  return {result.token, result.logprob};
}

void Decoder::run_prompt(std::span<const std::int64_t> ids, std::size_t position) {
  auto* to = static_cast<int*>(pinned_ids_.data());
  for (std::size_t i = 0; i < ids.size(); ++i) to[i] = static_cast<int>(ids[i]);
  stream_.upload(memory_.ids.pointer(), to, ids.size() * sizeof(int));
  passes_.prompt(stream_.handle(), cache_, static_cast<unsigned>(ids.size()), static_cast<unsigned>(position));
}

void Decoder::download_row(DevicePointer from, float* logits) {
  stream_.download(pinned_logits_.data(), from, pinned_logits_.bytes());
  wait();
  std::memcpy(logits, pinned_logits_.data(), pinned_logits_.bytes());
}

void Decoder::download_rows(std::span<const std::int64_t> rows, float* logits) {
  const std::size_t width = plan_.vocabulary;
  std::size_t done = 0;
  while (done < rows.size()) {
    // As many as lie one after the other.
    std::size_t count = 1;
    while (done + count < rows.size() && count < kLogitRows &&
           rows[done + count] == rows[done] + static_cast<std::int64_t>(count)) {
      ++count;
    }
    if (count == 1) {
      passes_.row_logits(stream_.handle(), static_cast<unsigned>(rows[done]));
    } else {
      passes_.rows_logits(stream_.handle(), static_cast<unsigned>(rows[done]), static_cast<unsigned>(count));
    }
    const DevicePointer from = count == 1 ? memory_.logits.pointer() : memory_.many_logits.pointer();
    for (std::size_t row = 0; row < count; ++row) {
      download_row(from + row * width * sizeof(float), logits + (done + row) * width);
    }
    done += count;
  }
}

void Decoder::run(std::span<const std::int64_t> ids, std::size_t position, std::span<const std::int64_t> rows,
                  float* logits) {
  device_.use();
  settle();
  if (terminated_.load()) throw Error("aborted", "the command was cancelled");
  if (ids.empty() || ids.size() > kPassTokens) throw Error("internal", "a pass of no tokens, or of too many");
  for (const std::int64_t row : rows) {
    if (row < 0 || static_cast<std::size_t>(row) >= ids.size()) throw Error("internal", "there is no such row");
  }
  reserve(position + ids.size());
  if (ids.size() == 1) {
    start_step({static_cast<int>(ids[0]), static_cast<int>(position), steps_});
    for (std::size_t row = 0; row < rows.size(); ++row) {
      download_row(memory_.logits.pointer(), logits + row * plan_.vocabulary);
    }
  } else {
    run_prompt(ids, position);
    download_rows(rows, logits);
  }
  wait();
}

}  // namespace nibble::cuda

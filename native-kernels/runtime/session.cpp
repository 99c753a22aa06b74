#include "session.h"

#include <array>
#include <string>

#include "runtime/ort/create_session.h"

namespace nibble {
namespace {

constexpr const char* kInputNames[] = {"input_ids", "position", "logit_rows"};
constexpr const char* kOutputNames[] = {"logits"};

// Tokens of one run of the graph: enough to keep the matrix products busy, few enough that the activations of a
// billion-parameter model stay below some 30 MB.
constexpr std::size_t kChunk = 256;

std::size_t element_bytes(int type) { return type == ort::kInt64 ? 8 : 4; }

}  // namespace

Session::Session(const OpenOptions& options)
    : library_(ort::Library::get()),
      api_(library_.api()),
      state_(options.mode, options.isa, options.threads, options.cache_type, options.context_length,
             WeightFiles(options.graph_path, options.weights_folder)),
      domain_(api_, state_),
      memory_(ort::made<ort::MemoryInfo>([&](auto** out) { api_.create_cpu_memory_info(out); })),
      run_options_(ort::made<ort::RunOptions>([&](auto** out) { api_.create_run_options(out); })) {
  const auto session_options = ort::made<ort::SessionOptions>([&](auto** out) { api_.create_session_options(out); });
  configure(session_options.get());
  try {
    session_ = create_session(library_, options, session_options.get());
  } catch (const Error&) {
    // Zeros in the place of weights may be what was refused.
    state_.weight_files.require_whole();
    if (const std::optional<Error> failure = state_.take_failure()) throw *failure;
    throw;
  }
  state_.weight_files.require_whole();
  vocabulary_size_ = read_vocabulary_size();
  if (options.profile) state_.profile = std::make_unique<Profile>();
}

std::size_t Session::chunk() const { return kChunk; }

void Session::configure(ort::SessionOptions* options) const {
  // Our operators bring their own threads.
  api_.set_intra_threads(options, 1);
  // The graph is written as it is to run; looking for improvements would only cost time at load.
  api_.set_optimization_level(options, 0);
  // Patterns are kept per prompt length and hold memory of the largest one: 25 MB for nothing measurable in time.
  api_.disable_memory_pattern(options);
  api_.add_domain(options, domain_.get());
}

std::size_t Session::read_vocabulary_size() const {
  const auto wrong = [](const char* why) -> Error {
    return Error("malformed-file", std::string("the graph is not of the expected operator domain: ") + why);
  };
  if (api_.input_count(session_.get()) != 3 || api_.output_count(session_.get()) != 1) {
    throw wrong("it must have 3 inputs and 1 output");
  }
  const auto type = ort::made<ort::TypeInfo>([&](auto** out) { api_.output_type_info(session_.get(), 0, out); });
  const ort::TensorInfo* info = nullptr;
  api_.tensor_info(type.get(), &info);
  std::array<std::int64_t, 2> dims{};
  if (info == nullptr || api_.dimension_count(info) != dims.size()) throw wrong("logits must be a matrix");
  api_.dimensions(info, dims.data(), dims.size());
  constexpr std::int64_t kMostTokens = std::int64_t{1} << 24;
  if (dims[1] < 1 || dims[1] > kMostTokens) throw wrong("the width of the logits is not stated");
  return static_cast<std::size_t>(dims[1]);
}

ort::Handle<ort::Value> Session::tensor(const void* data, std::span<const std::int64_t> shape, int type) const {
  std::size_t bytes = element_bytes(type);
  for (const std::int64_t dim : shape) bytes *= static_cast<std::size_t>(dim);
  return ort::made<ort::Value>([&](auto** out) {
    api_.create_tensor(memory_.get(), const_cast<void*>(data), bytes, shape.data(), shape.size(), type, out);
  });
}

void Session::run(std::span<const std::int64_t> ids, std::size_t position, std::span<const std::int64_t> rows,
                  float* logits) {
  // Between runs the threads rest: an idle model burns nothing.
  struct Awake {
    ThreadPool& threads;
    explicit Awake(ThreadPool& threads_) : threads(threads_) { threads.wake(); }
    ~Awake() { threads.rest(); }
  } const awake(state_.threads);
  state_.cache.reserve(position + ids.size());
  state_.states.begin(position);
  const auto first = static_cast<std::int64_t>(position);
  const std::array<std::int64_t, 1> id_shape{static_cast<std::int64_t>(ids.size())};
  const std::array<std::int64_t, 1> one{1};
  const std::array<std::int64_t, 1> row_shape{static_cast<std::int64_t>(rows.size())};
  const std::array<std::int64_t, 2> logit_shape{row_shape[0], static_cast<std::int64_t>(vocabulary_size_)};
  const auto id_value = tensor(ids.data(), id_shape, ort::kInt64);
  const auto position_value = tensor(&first, one, ort::kInt64);
  const auto row_value = tensor(rows.empty() ? &first : rows.data(), row_shape, ort::kInt64);
  const auto logit_value = tensor(logits, logit_shape, ort::kFloat);
  const std::array<const ort::Value*, 3> inputs{id_value.get(), position_value.get(), row_value.get()};
  std::array<ort::Value*, 1> outputs{logit_value.get()};
  try {
    api_.run(session_.get(), run_options_.get(), kInputNames, inputs.data(), inputs.size(), kOutputNames,
             outputs.size(), outputs.data());
  } catch (const Error&) {
    state_.weight_files.require_whole();
    if (const std::optional<Error> failure = state_.take_failure()) throw *failure;
    throw;
  }
  state_.weight_files.require_whole();
  state_.states.commit(position + ids.size());
}

std::size_t Session::shrink(std::size_t position) {
  const std::size_t end = state_.states.cut(position);
  state_.cache.shrink(end);
  return end;
}

}  // namespace nibble

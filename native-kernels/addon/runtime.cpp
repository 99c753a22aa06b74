// The Node-API face of runtime/: models are opened, run and freed on their own threads, never on JavaScript's.

#include <algorithm>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "arguments.h"
#include "cpu.h"
#include "cuda/decoder/decoder.h"
#include "exported.h"
#include "kernel_arguments.h"
#include "model_host.h"
#include "promise_worker.h"
#include "registration.h"
#include "runtime/ort/ort_library.h"
#include "runtime/process_memory.h"
#include "token_stream.h"

namespace nibble::addon {
namespace {

constexpr double kMostPositions = 1 << 24;
constexpr double kMostThreads = 1024;
constexpr double kMostDevices = 1024;
constexpr double kMostTokens = 1 << 30;
constexpr double kLargestInteger = 9007199254740991.0;  // 2^53 - 1

Napi::Value field(const Napi::Object& object, const char* name) { return object.Get(name); }

/// Token ids come as Int32Array.
std::vector<std::int64_t> ids_argument(const Napi::Value& value, const char* name) {
  if (!value.IsTypedArray() || value.As<Napi::TypedArray>().TypedArrayType() != napi_int32_array) {
    refuse_argument(name, "must be an Int32Array");
  }
  const auto array = value.As<Napi::Int32Array>();
  if (array.ArrayBuffer().IsDetached()) refuse_argument(name, "is detached");
  std::vector<std::int64_t> ids(array.ElementLength());
  for (std::size_t i = 0; i < ids.size(); ++i) ids[i] = array[i];
  return ids;
}

Mode mode_argument(const std::string& name) {
  if (name == "fast") return Mode::fast;
  if (name == "exact") return Mode::exact;
  refuse_argument("mode", "must be 'fast' or 'exact'");
}

Device device_argument(const std::string& name) {
  if (name == "cpu") return Device::cpu;
  if (name == "webgpu") return Device::webgpu;
  if (name == "standard-cpu") return Device::standard_cpu;
  refuse_argument("device", "must be 'cpu', 'webgpu' or 'standard-cpu'");
}

LogitRows rows_argument(const std::string& name) {
  if (name == "none") return LogitRows::none;
  if (name == "last") return LogitRows::last;
  if (name == "all") return LogitRows::all;
  refuse_argument("rows", "must be 'none', 'last' or 'all'");
}

const char* stop_name(Stop stop) {
  switch (stop) {
    case Stop::stop_token:
      return "stop-token";
    case Stop::max_tokens:
      return "max-tokens";
    case Stop::context_full:
      return "context-full";
    default:
      return "cancelled";
  }
}

// runtimeOpen(libraryPath): { onnxruntime, providers }
Napi::Value runtime_open(const Napi::CallbackInfo& info) {
  const ort::Library& library = ort::Library::open(string_argument(info[0], "libraryPath"));
  const std::vector<std::string> names = library.providers();
  Napi::Array providers = Napi::Array::New(info.Env(), names.size());
  for (std::size_t i = 0; i < names.size(); ++i) providers.Set(static_cast<std::uint32_t>(i), names[i]);
  Napi::Object result = Napi::Object::New(info.Env());
  result.Set("onnxruntime", library.version());
  result.Set("providers", providers);
  return result;
}

// runtimePrepare(libraryPath): Promise<undefined>; opens the library on a thread of the pool
Napi::Value runtime_prepare(const Napi::CallbackInfo& info) {
  return PromiseWorker::start(
      info.Env(), {}, [path = string_argument(info[0], "libraryPath")] { ort::Library::open(path); },
      [](Napi::Env env, const PromiseWorker&) { return env.Undefined(); });
}

/// Opens a model with `open` on a thread of its own. @returns { promise, cancel }; the promise resolves to { handle,
/// vocabularySize, chunk, loadMs }
Napi::Object submit_open(Napi::Env env, std::function<std::unique_ptr<Model>()> open) {
  const Napi::External<ModelHost> handle = ModelHost::create(env);
  ModelHost* const host = handle.Data();
  return host->submit(handle,
                      [open = std::move(open), host](std::unique_ptr<Model>& model, const CancelFlag&,
                                                     const ModelHost::Notify&) -> ModelHost::Settle {
                        model = open();
                        return [host, opened = model.get()](Napi::Env js, const Napi::Object& kept) -> Napi::Value {
                          host->set_ready(opened);
                          Napi::Object result = Napi::Object::New(js);
                          result.Set("handle", kept);
                          result.Set("vocabularySize", static_cast<double>(opened->vocabulary_size()));
                          result.Set("chunk", static_cast<double>(opened->chunk()));
                          result.Set("loadMs", opened->load_ms());
                          return result;
                        };
                      });
}

// modelOpen({ graphPath, weightsFolder, contextLength, threads, mode, cacheType, isa?, profile, device }): as
// submit_open
Napi::Value model_open(const Napi::CallbackInfo& info) {
  const Napi::Object object = object_argument(info[0], "options");
  OpenOptions options{};
  options.graph_path = string_argument(field(object, "graphPath"), "graphPath");
  options.weights_folder = string_argument(field(object, "weightsFolder"), "weightsFolder");
  options.context_length = size_argument(field(object, "contextLength"), "contextLength", 1, kMostPositions);
  options.threads = size_argument(field(object, "threads"), "threads", 1, kMostThreads);
  options.mode = mode_argument(string_argument(field(object, "mode"), "mode"));
  options.cache_type = cache_type_argument(string_argument(field(object, "cacheType"), "cacheType"));
  options.profile = field(object, "profile").ToBoolean();
  options.isa = isa_argument(field(object, "isa"));
  options.device = device_argument(string_argument(field(object, "device"), "device"));
  ort::Library::get();
  return submit_open(info.Env(), [options] { return std::make_unique<Model>(options); });
}

// modelOpenCuda({ plan, directory, ordinal, contextLength }): as modelOpen
Napi::Value model_open_cuda(const Napi::CallbackInfo& info) {
  const Napi::Object object = object_argument(info[0], "options");
  const std::string plan = string_argument(field(object, "plan"), "plan");
  const std::string directory = string_argument(field(object, "directory"), "directory");
  const auto ordinal = static_cast<int>(size_argument(field(object, "ordinal"), "ordinal", 0, kMostDevices));
  const std::size_t context = size_argument(field(object, "contextLength"), "contextLength", 1, kMostPositions);
  return submit_open(info.Env(), [=] {
    const auto opened = std::chrono::steady_clock::now();
    // What no device can run is said before one is looked for.
    cuda::DecoderPlan decoder = cuda::read_decoder(cuda::parse_plan(plan));
    cuda::Device& device = cuda::Device::open(ordinal);
    return std::make_unique<Model>(std::make_unique<cuda::Decoder>(device, std::move(decoder), directory, context),
                                   best_isa(), opened);
  });
}

// modelPosition(handle): number
Napi::Value model_position(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), static_cast<double>(ModelHost::of(info[0]).model().position()));
}

// modelTruncate(handle, position)
Napi::Value model_truncate(const Napi::CallbackInfo& info) {
  const ModelHost& host = ModelHost::of(info[0]);
  if (host.busy()) throw Error("invalid-input", "the model is busy: truncate it when its commands are done");
  host.model().truncate(size_argument(info[1], "position", 0, kMostPositions));
  return info.Env().Undefined();
}

// foreignReleases(): how many JavaScript references were dropped on a thread that is not theirs (thread_bound.h)
Napi::Value foreign_releases_call(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), static_cast<double>(foreign_releases.load()));
}

// modelMemory(handle): { residentBytes, privateBytes, cacheBytes }
Napi::Value model_memory(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const std::size_t cache_bytes = ModelHost::of(info[0]).model().cache_bytes();
  const ProcessMemory memory = process_memory();
  Napi::Object result = Napi::Object::New(env);
  result.Set("residentBytes", static_cast<double>(memory.resident_bytes));
  result.Set("privateBytes", memory.private_bytes
                                 ? Napi::Number::New(env, static_cast<double>(*memory.private_bytes)).As<Napi::Value>()
                                 : env.Null());
  result.Set("cacheBytes", static_cast<double>(cache_bytes));
  return result;
}

// modelProfile(handle): null, or for each phase { runs, tokens, runMs, samplingMs, nodes: [{ operator, name, calls, ms,
// bytes }] }
Napi::Value model_profile(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const ModelHost& host = ModelHost::of(info[0]);
  if (host.busy()) throw Error("invalid-input", "the model is busy: ask for its profile when its commands are done");
  const Profile* const profile = host.model().profile();
  if (profile == nullptr) return env.Null();
  Napi::Array phases = Napi::Array::New(env, Profile::kPhases);
  for (std::uint32_t phase = 0; phase < Profile::kPhases; ++phase) {
    Napi::Array nodes = Napi::Array::New(env);
    for (const Profile::Node& node : profile->nodes()) {
      const Profile::Sum& sum = node.sums[phase];
      if (sum.calls == 0) continue;
      Napi::Object entry = Napi::Object::New(env);
      entry.Set("operator", node.op);
      entry.Set("name", node.name);
      entry.Set("calls", static_cast<double>(sum.calls));
      entry.Set("ms", sum.ms);
      entry.Set("bytes", sum.bytes);
      nodes.Set(nodes.Length(), entry);
    }
    const Profile::Total& total = profile->totals()[phase];
    Napi::Object result = Napi::Object::New(env);
    result.Set("runs", static_cast<double>(total.runs));
    result.Set("tokens", static_cast<double>(total.tokens));
    result.Set("runMs", total.run_ms);
    result.Set("samplingMs", total.sampling_ms);
    result.Set("nodes", nodes);
    phases.Set(phase, result);
  }
  return phases;
}

// modelClose(handle): Promise<void>
Napi::Value model_close(const Napi::CallbackInfo& info) { return ModelHost::of(info[0]).close(info[0]); }

Napi::Float32Array new_logits(Napi::Env env, std::size_t count) {
  try {
    return Napi::Float32Array::New(env, count);
  } catch (const Napi::Error&) {
    throw Error("out-of-memory", "there is no memory for " + std::to_string(count) + " logits; ask for fewer rows");
  }
}

// modelEvaluate(handle, ids, rows): { promise, cancel }; the promise resolves to a Float32Array
Napi::Value model_evaluate(const Napi::CallbackInfo& info) {
  ModelHost& host = ModelHost::of(info[0]);
  std::vector<std::int64_t> ids = ids_argument(info[1], "ids");
  const LogitRows rows = rows_argument(string_argument(info[2], "rows"));
  const std::size_t count = rows == LogitRows::none ? 0 : rows == LogitRows::last ? 1 : ids.size();
  // Made here, filled on the model's thread: JavaScript sees it only afterwards.
  const Napi::Float32Array logits = new_logits(info.Env(), count * host.model().vocabulary_size());
  float* const data = Napi::Float32Array(logits).Data();
  return host.submit(info[0], logits,
                     [ids = std::move(ids), rows, data](std::unique_ptr<Model>& model, const CancelFlag& cancelled,
                                                        const ModelHost::Notify&) -> ModelHost::Settle {
                       model->evaluate(ids, rows, data, cancelled);
                       return [](Napi::Env, const Napi::Object& kept) -> Napi::Value { return kept; };
                     });
}

template <typename T, typename Array>
Array to_array(Napi::Env env, const std::vector<T>& values) {
  Array result = Array::New(env, values.size());
  std::copy(values.begin(), values.end(), result.Data());
  return result;
}

// modelScore(handle, { ids, targets, firstRow, keep, reference, threads }): { promise, cancel }; the promise resolves
// to { losses, kl, sameTop }
Napi::Value model_score(const Napi::CallbackInfo& info) {
  ModelHost& host = ModelHost::of(info[0]);
  host.model();
  const Napi::Object object = object_argument(info[1], "request");
  ScoreRequest request;
  request.ids = ids_argument(field(object, "ids"), "ids");
  request.targets = ids_argument(field(object, "targets"), "targets");
  request.first_row = size_argument(field(object, "firstRow"), "firstRow", 0, kMostTokens);
  request.keep = string_argument(field(object, "keep"), "keep");
  request.reference = string_argument(field(object, "reference"), "reference");
  request.threads = threads_argument(field(object, "threads"));
  return host.submit(info[0],
                     [request = std::move(request)](std::unique_ptr<Model>& model, const CancelFlag& cancelled,
                                                    const ModelHost::Notify&) -> ModelHost::Settle {
                       const auto scores = std::make_shared<Scores>(model->score(request, cancelled));
                       return [scores](Napi::Env env, const Napi::Object&) -> Napi::Value {
                         Napi::Object result = Napi::Object::New(env);
                         result.Set("losses", to_array<double, Napi::Float64Array>(env, scores->losses));
                         result.Set("kl", to_array<double, Napi::Float64Array>(env, scores->kl));
                         result.Set("sameTop", to_array<std::uint8_t, Napi::Uint8Array>(env, scores->same_top));
                         return result;
                       };
                     });
}

SamplingOptions sampling_argument(const Napi::Object& object) {
  const auto fraction = [&](const char* name) {
    const double value = number_argument(field(object, name), name);
    if (!(value >= 0 && value <= 1)) refuse_argument(name, "must be a number from 0 to 1");
    return value;
  };
  SamplingOptions sampling;
  sampling.temperature = number_argument(field(object, "temperature"), "temperature");
  if (!(sampling.temperature >= 0 && sampling.temperature <= 100)) {
    refuse_argument("temperature", "must be a number from 0 to 100");
  }
  sampling.top_k = size_argument(field(object, "topK"), "topK", 0, kMostTokens);
  sampling.top_p = fraction("topP");
  sampling.min_p = fraction("minP");
  sampling.repetition_penalty = number_argument(field(object, "repetitionPenalty"), "repetitionPenalty");
  if (!(sampling.repetition_penalty > 0 && sampling.repetition_penalty <= 100)) {
    refuse_argument("repetitionPenalty", "must be a number above 0 and at most 100");
  }
  sampling.seed = size_argument(field(object, "seed"), "seed", 0, kLargestInteger);
  return sampling;
}

Napi::Value to_object(Napi::Env env, const GenerateResult& outcome, std::size_t prompt_tokens) {
  Napi::Array ids = Napi::Array::New(env, outcome.ids.size());
  for (std::size_t i = 0; i < outcome.ids.size(); ++i) ids.Set(static_cast<std::uint32_t>(i), outcome.ids[i]);
  Napi::Object result = Napi::Object::New(env);
  result.Set("ids", ids);
  result.Set("stop", stop_name(outcome.stop));
  result.Set("promptTokens", static_cast<double>(prompt_tokens));
  result.Set("prefillMs", outcome.prefill_ms);
  result.Set("decodeMs", outcome.decode_ms);
  result.Set("position", static_cast<double>(outcome.position));
  return result;
}

// modelGenerate(handle, { ids, history, stopIds, sampling, maxTokens, alternatives }, onTokens): { promise, cancel }
Napi::Value model_generate(const Napi::CallbackInfo& info) {
  ModelHost& host = ModelHost::of(info[0]);
  host.model();
  const Napi::Object object = object_argument(info[1], "request");
  GenerateRequest request{};
  request.ids = ids_argument(field(object, "ids"), "ids");
  request.history = ids_argument(field(object, "history"), "history");
  request.stop_ids = ids_argument(field(object, "stopIds"), "stopIds");
  request.sampling = sampling_argument(object_argument(field(object, "sampling"), "sampling"));
  request.max_tokens = size_argument(field(object, "maxTokens"), "maxTokens", 0, kMostTokens);
  request.alternatives =
      size_argument(field(object, "alternatives"), "alternatives", 0, static_cast<double>(kMaxAlternatives));
  if (!info[2].IsFunction()) refuse_argument("onTokens", "must be a function");
  const auto stream = std::make_shared<TokenStream>();
  return host.submit(
      info[0], info[2].As<Napi::Object>(),
      [request = std::move(request), stream](std::unique_ptr<Model>& model, const CancelFlag& cancelled,
                                             const ModelHost::Notify& notify) -> ModelHost::Settle {
        const auto on_token = [&](const Token& token) {
          if (stream->add(token)) notify();
        };
        const auto outcome = std::make_shared<GenerateResult>(model->generate(request, on_token, cancelled));
        return [outcome, prompt_tokens = request.ids.size()](Napi::Env env, const Napi::Object&) {
          return to_object(env, *outcome, prompt_tokens);
        };
      },
      [stream](Napi::Env env, const Napi::Object& kept) { stream->deliver(env, kept.As<Napi::Function>()); });
}

}  // namespace

void register_runtime(Napi::Env env, Napi::Object exports) {
  add<foreign_releases_call>(env, exports, "foreignReleases");
  add<runtime_open>(env, exports, "runtimeOpen");
  add<runtime_prepare>(env, exports, "runtimePrepare");
  add<model_open>(env, exports, "modelOpen");
  add<model_open_cuda>(env, exports, "modelOpenCuda");
  add<model_position>(env, exports, "modelPosition");
  add<model_truncate>(env, exports, "modelTruncate");
  add<model_memory>(env, exports, "modelMemory");
  add<model_profile>(env, exports, "modelProfile");
  add<model_close>(env, exports, "modelClose");
  add<model_evaluate>(env, exports, "modelEvaluate");
  add<model_score>(env, exports, "modelScore");
  add<model_generate>(env, exports, "modelGenerate");
}

}  // namespace nibble::addon

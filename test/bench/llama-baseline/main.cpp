// llama_baseline LIBRARIES MODEL LAYERS HEAD [SHAPE]: the speed of llama.cpp on a GPU, measured as `cuda_check chat`
// measures ours.
//
//   LIBRARIES     folder with llama.cpp's libraries (libllama, libggml and its backends: CUDA, Vulkan)
//   MODEL         GGUF file; made with random weights where it does not exist
//   LAYERS HEAD   q4_0, q8_0 or q6_k: how a model that is made stores its layers and its output layer
//   SHAPE         one of cuda/check/shapes.cpp (default: 1b)
//
// All layers on the GPU and all other parameters as they come. Nothing is sampled, which leaves llama.cpp less to do
// than ours does. Exit code 1 when it fails; without a GPU it says so and is content.

#include <dlfcn.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "cuda/check/check.h"
#include "cuda/check/data.h"
#include "error.h"
#include "gguf_model.h"
#include "llama_abi.h"

namespace nibble::baseline {
namespace {

constexpr std::uint64_t kSeed = 1;

// As `cuda_check chat` has them.
constexpr std::uint32_t kContextLength = 16384;
constexpr std::size_t kChunk = 512;
constexpr int kAnswers = 5;
constexpr int kAnswerTokens = 128;
constexpr int kPrompts = 9;

void* open_library(const std::filesystem::path& folder, const std::string& prefix) {
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (!entry.path().filename().string().starts_with(prefix)) continue;
    void* library = dlopen(entry.path().c_str(), RTLD_NOW | RTLD_LOCAL);
    if (library == nullptr) throw Error("runtime-unavailable", dlerror());
    return library;
  }
  throw Error("not-found", folder.string() + " holds no " + prefix + "*");
}

template <typename Function>
void bind(void* library, const char* symbol, Function& function) {
  function = reinterpret_cast<Function>(dlsym(library, symbol));
  if (function == nullptr) throw Error("runtime-unavailable", std::string("llama.cpp has no ") + symbol);
}

LlamaFunctions open_llama(const std::filesystem::path& folder) {
  LlamaFunctions call;
  void* library = open_library(folder, "libllama.");
#define NIBBLE_BIND(member, symbol, result, arguments) bind(library, #symbol, call.member);
  NIBBLE_LLAMA_FUNCTIONS(NIBBLE_BIND)
  library = open_library(folder, "libggml.");
  NIBBLE_GGML_FUNCTIONS(NIBBLE_BIND)
#undef NIBBLE_BIND
  // "0.5.0-dev" where it was not built from a release's own archive.
  if (!std::string_view(call.version()).starts_with(kKnownVersion)) {
    throw Error("runtime-unavailable",
                std::string("llama.cpp is of version ") + call.version() + ", known is " + kKnownVersion);
  }
  return call;
}

/// Repeats what it says of devices and of what lies where.
void print_facts(int, const char* text, void*) {
  for (const char* part : {"ggml_vulkan:", "ggml_cuda", "Device ", "offloaded", "lash", "rror"}) {
    if (std::strstr(text, part) == nullptr) continue;
    std::printf("  | %s", text);
    return;
  }
}

bool has_gpu(const LlamaFunctions& call) {
  bool found = false;
  for (std::size_t i = 0; i < call.device_count(); ++i) {
    GgmlDevice* const device = call.device(i);
    const int type = call.device_type(device);
    if (type != kDeviceIsGpu && type != kDeviceIsIntegratedGpu) continue;
    found = true;
    std::printf("llama.cpp %s on %s: %s\n", call.version(), call.device_name(device), call.device_description(device));
  }
  return found;
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

class Timing {
 public:
  Timing(const LlamaFunctions& call, LlamaContext* context, std::size_t vocabulary)
      : call_(call), context_(context), vocabulary_(vocabulary), ids_(kChunk) {
    for (std::size_t i = 0; i < ids_.size(); ++i) {
      ids_[i] = static_cast<std::int32_t>(check::random_bits(kSeed, i) % vocabulary_);
    }
  }

  void prompt() {
    const auto pass = [&] {
      go_back(0);
      decode(ids_.size());
    };
    // The first compiles, or uploads, what all others use.
    pass();
    require_finite();
    std::vector<double> times;
    for (int i = 0; i < kPrompts; ++i) times.push_back(check::seconds_of(pass));
    const double time = median(times);
    std::printf("prefill of %zu tokens: %.0f tok/s, %.2f ms\n", ids_.size(), static_cast<double>(ids_.size()) / time,
                time * 1e3);
  }

  void answers(std::size_t length) {
    go_back(0);
    for (std::size_t at = 0; at < length; at += kChunk) decode(std::min(kChunk, length - at));
    const auto answer = [&] {
      go_back(length);
      for (int token = 0; token < kAnswerTokens; ++token) decode(1);
    };
    answer();
    require_finite();
    std::vector<double> times;
    for (int i = 0; i < kAnswers; ++i) times.push_back(check::seconds_of(answer));
    const double time = median(times) / kAnswerTokens;
    std::printf("decode after %5zu tokens: %7.1f tok/s, %.3f ms a token\n", length, 1 / time, time * 1e3);
    std::fflush(stdout);
  }

 private:
  void decode(std::size_t count) {
    const std::int32_t status =
        call_.decode(context_, call_.one_sequence(ids_.data(), static_cast<std::int32_t>(count)));
    if (status != 0) throw Error("kernel-failed", "llama_decode returned " + std::to_string(status));
    call_.wait(context_);
  }

  void go_back(std::size_t length) {
    if (!call_.forget(call_.memory(context_), 0, static_cast<std::int32_t>(length), -1)) {
      throw Error("kernel-failed", "llama.cpp cannot go back to token " + std::to_string(length));
    }
  }

  void require_finite() {
    const float* const logits = call_.logits(context_, -1);
    if (logits == nullptr || !std::all_of(logits, logits + vocabulary_, [](float x) { return std::isfinite(x); })) {
      throw Error("kernel-failed", "llama.cpp computed logits that are not numbers");
    }
  }

  const LlamaFunctions& call_;
  LlamaContext* context_;
  std::size_t vocabulary_;
  std::vector<std::int32_t> ids_;
};

void run(const std::string& libraries, const std::string& path, const std::string& layers, const std::string& head,
         const std::string& shape_name) {
  const check::Shape shape = check::shape_named(shape_name);
  const LlamaFunctions call = open_llama(libraries);
  call.set_log(print_facts, nullptr);
  call.load_backends(libraries.c_str());
  call.start();
  if (!has_gpu(call)) {
    std::printf("skipped: llama.cpp finds no GPU (its Vulkan build needs libvulkan.so.1)\n");
    return;
  }
  if (!std::filesystem::exists(path)) write_gguf_model(path, shape, layers, head, kSeed);
  LlamaModel* const model = call.load_model(path.c_str(), call.model_defaults());
  if (model == nullptr) throw Error("kernel-failed", "llama.cpp cannot load " + path);
  ContextParameters parameters = call.context_defaults();
  parameters.context_length = kContextLength;
  parameters.batch = parameters.micro_batch = static_cast<std::uint32_t>(kChunk);
  LlamaContext* const context = call.make_context(model, parameters);
  if (context == nullptr) throw Error("kernel-failed", "llama.cpp cannot make a context");
  std::printf("llama.cpp, %s, layers %s, output layer %s, %.3f GB\n", shape_name.c_str(), layers.c_str(), head.c_str(),
              static_cast<double>(std::filesystem::file_size(path)) / 1e9);
  Timing timing(call, context, shape.vocabulary);
  for (const std::size_t length : {std::size_t{128}, std::size_t{1024}, std::size_t{8192}}) timing.answers(length);
  timing.prompt();
  call.free_context(context);
  call.free_model(model);
}

}  // namespace
}  // namespace nibble::baseline

int main(int count, char** arguments) {
  if (count != 5 && count != 6) {
    std::printf("llama_baseline LIBRARIES MODEL LAYERS HEAD [SHAPE]\n");
    return 1;
  }
  try {
    nibble::baseline::run(arguments[1], arguments[2], arguments[3], arguments[4], count == 6 ? arguments[5] : "1b");
    return 0;
  } catch (const std::exception& error) {
    std::printf("FAILED: %s\n", error.what());
    return 1;
  }
}

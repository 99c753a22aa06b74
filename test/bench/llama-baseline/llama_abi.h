#pragma once

// The few functions of llama.cpp that the bench calls, without its headers. The layout is that of version 0.5.0 on
// 64-bit Linux; another version is refused, because a parameter more would shift all that lie behind it.

#include <array>
#include <cstddef>
#include <cstdint>

namespace nibble::baseline {

constexpr const char* kKnownVersion = "0.5.0";

struct LlamaModel;
struct LlamaContext;
struct LlamaMemory;
struct GgmlDevice;

constexpr int kDeviceIsGpu = 1;
constexpr int kDeviceIsIntegratedGpu = 2;

/// Passed as they come: by default all layers lie on the GPU.
struct alignas(8) ModelParameters {
  std::array<unsigned char, 80> defaults;
};

struct alignas(8) ContextParameters {
  std::uint32_t context_length;
  std::uint32_t batch;        // tokens of a call
  std::uint32_t micro_batch;  // tokens that are computed together
  std::array<unsigned char, 148> defaults;
};
static_assert(sizeof(ModelParameters) == 80 && sizeof(ContextParameters) == 160);

struct Batch {
  std::int32_t tokens;
  std::int32_t* ids;
  float* embeddings;
  std::int32_t* positions;
  std::int32_t* sequence_counts;
  std::int32_t** sequences;
  std::int8_t* wants_logits;
};
static_assert(sizeof(Batch) == 56);

using LogCallback = void (*)(int level, const char* text, void* user);

/// X(member, symbol, result, arguments)
#define NIBBLE_LLAMA_FUNCTIONS(X)                                                                           \
  X(version, llama_version, const char*, ())                                                                \
  X(set_log, llama_log_set, void, (LogCallback callback, void* user))                                       \
  X(start, llama_backend_init, void, ())                                                                    \
  X(model_defaults, llama_model_default_params, ModelParameters, ())                                        \
  X(context_defaults, llama_context_default_params, ContextParameters, ())                                  \
  X(load_model, llama_model_load_from_file, LlamaModel*, (const char* path, ModelParameters parameters))    \
  X(make_context, llama_init_from_model, LlamaContext*, (LlamaModel * model, ContextParameters parameters)) \
  X(free_context, llama_free, void, (LlamaContext * context))                                               \
  X(free_model, llama_model_free, void, (LlamaModel * model))                                               \
  X(memory, llama_get_memory, LlamaMemory*, (const LlamaContext* context))                                  \
  X(forget, llama_memory_seq_rm, bool,                                                                      \
    (LlamaMemory * memory, std::int32_t sequence, std::int32_t from, std::int32_t to))                      \
  X(one_sequence, llama_batch_get_one, Batch, (std::int32_t * ids, std::int32_t count))                     \
  X(decode, llama_decode, std::int32_t, (LlamaContext * context, Batch batch))                              \
  X(wait, llama_synchronize, void, (LlamaContext * context))                                                \
  X(logits, llama_get_logits_ith, float*, (LlamaContext * context, std::int32_t row))

#define NIBBLE_GGML_FUNCTIONS(X)                                                   \
  X(load_backends, ggml_backend_load_all_from_path, void, (const char* directory)) \
  X(device_count, ggml_backend_dev_count, std::size_t, ())                         \
  X(device, ggml_backend_dev_get, GgmlDevice*, (std::size_t index))                \
  X(device_type, ggml_backend_dev_type, int, (GgmlDevice * device))                \
  X(device_name, ggml_backend_dev_name, const char*, (GgmlDevice * device))        \
  X(device_description, ggml_backend_dev_description, const char*, (GgmlDevice * device))

struct LlamaFunctions {
#define NIBBLE_DECLARE(member, symbol, result, arguments) result(*member) arguments = nullptr;
  NIBBLE_LLAMA_FUNCTIONS(NIBBLE_DECLARE)
  NIBBLE_GGML_FUNCTIONS(NIBBLE_DECLARE)
#undef NIBBLE_DECLARE
};

}  // namespace nibble::baseline

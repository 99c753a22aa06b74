// A KV cache and the attention over it for JavaScript: what tests compare and benchmarks time. attention.ts documents
// the functions. They block, as those of linear.cpp.

#include "attention.h"

#include <algorithm>
#include <memory>
#include <vector>

#include "addon/arguments.h"
#include "addon/exported.h"
#include "addon/kernel_arguments.h"
#include "addon/shared_pool.h"
#include "registration.h"
#include "runtime/kv_cache.h"

namespace nibble::addon {
namespace {

// Random, and only ours: an external of another addon cannot be taken for a cache.
constexpr napi_type_tag kCacheTag{0x3d9be07a61f84c25u, 0x92c4f1886ab5d073u};

constexpr double kMostPositions = 1 << 24;
constexpr double kMostHeads = 65536;
constexpr double kMostLayers = 4096;

struct Cache {
  Cache(CacheType type, std::size_t context_length) : pages(type, context_length) {}

  KvCache pages;
  std::size_t layers = 0;
  std::size_t kv_heads = 0;
  std::size_t head_dim = 0;
  std::size_t written = 0;  // positions of the layer that has most
  std::vector<float> scratch;
};

Cache& cache_of(const Napi::Value& value) {
  if (!value.IsExternal() || !value.As<Napi::External<Cache>>().CheckTypeTag(&kCacheTag)) {
    throw Error("invalid-input", "this is not the handle of a cache");
  }
  return *value.As<Napi::External<Cache>>().Data();
}

// attentionOpen({ type, layers, kvHeads, headDim, contextLength }): handle
Napi::Value attention_open(const Napi::CallbackInfo& info) {
  const Napi::Object shape = object_argument(info[0], "shape");
  const CacheType type = cache_type_argument(string_argument(shape.Get("type"), "type"));
  auto cache =
      std::make_unique<Cache>(type, size_argument(shape.Get("contextLength"), "contextLength", 1, kMostPositions));
  cache->layers = size_argument(shape.Get("layers"), "layers", 1, kMostLayers);
  cache->kv_heads = size_argument(shape.Get("kvHeads"), "kvHeads", 1, kMostHeads);
  cache->head_dim = size_argument(shape.Get("headDim"), "headDim", 1, kMaxValueDim);
  for (std::size_t layer = 0; layer < cache->layers; ++layer) {
    cache->pages.add_layer(layer, cache->kv_heads, cache->head_dim, cache->head_dim);
  }
  auto handle = Napi::External<Cache>::New(info.Env(), cache.release(), [](Napi::Env, Cache* owned) { delete owned; });
  handle.TypeTag(&kCacheTag);
  return handle;
}

// attentionAppend(handle, layer, keys, values, position, isa?, threads?)
Napi::Value attention_append(const Napi::CallbackInfo& info) {
  Cache& cache = cache_of(info[0]);
  const std::size_t layer = size_argument(info[1], "layer", 0, static_cast<double>(cache.layers - 1));
  const auto keys = typed_array_argument<float>(info[2], "keys");
  const std::size_t width = cache.kv_heads * cache.head_dim;
  if (keys.length % width != 0) refuse_argument("keys", "must hold whole positions");
  const float* values = typed_array_argument<float>(info[3], "values", keys.length);
  const std::size_t tokens = keys.length / width;
  const std::size_t position = size_argument(info[4], "position", 0, kMostPositions);
  cache.pages.reserve(position + tokens);
  cache.written = std::max(cache.written, position + tokens);
  nibble::attention_append(cache.pages.view(layer), keys.data, values, tokens, position, isa_argument(info[5]),
                           shared_pool(threads_argument(info[6])));
  return info.Env().Undefined();
}

// attentionRun(handle, layer, { queries, heads, position, scale, window, chunk, softcap, sinks?, isa?, threads?, out })
Napi::Value attention_run(const Napi::CallbackInfo& info) {
  Cache& cache = cache_of(info[0]);
  const std::size_t layer = size_argument(info[1], "layer", 0, static_cast<double>(cache.layers - 1));
  const Napi::Object call = object_argument(info[2], "call");
  AttentionRequest request{};
  request.heads = size_argument(call.Get("heads"), "heads", 1, kMostHeads);
  if (request.heads % cache.kv_heads != 0) refuse_argument("heads", "must be a multiple of the KV heads");
  const auto queries = typed_array_argument<float>(call.Get("queries"), "queries");
  const std::size_t width = request.heads * cache.head_dim;
  if (queries.length == 0 || queries.length % width != 0) refuse_argument("queries", "must hold whole tokens");
  request.tokens = queries.length / width;
  request.position = size_argument(call.Get("position"), "position", 0, kMostPositions);
  if (request.position + request.tokens > cache.written) {
    refuse_argument("position", "must lie within what was appended");
  }
  request.scale = static_cast<float>(number_argument(call.Get("scale"), "scale"));
  request.window = size_argument(call.Get("window"), "window", 0, kMostPositions);
  request.chunk = size_argument(call.Get("chunk"), "chunk", 0, kMostPositions);
  request.softcap = static_cast<float>(number_argument(call.Get("softcap"), "softcap"));
  if (const Napi::Value sinks = call.Get("sinks"); !sinks.IsUndefined()) {
    request.sinks = typed_array_argument<float>(sinks, "sinks", request.heads);
  }
  float* out = typed_array_argument<float>(call.Get("out"), "out", queries.length);
  attention(cache.pages.view(layer), request, queries.data, out, isa_argument(call.Get("isa")),
            shared_pool(threads_argument(call.Get("threads"))), cache.scratch);
  return info.Env().Undefined();
}

// attentionBytes(handle): the bytes of all pages
Napi::Value attention_bytes(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), static_cast<double>(cache_of(info[0]).pages.bytes()));
}

}  // namespace

void register_attention(Napi::Env env, Napi::Object exports) {
  add<attention_open>(env, exports, "attentionOpen");
  add<attention_append>(env, exports, "attentionAppend");
  add<attention_run>(env, exports, "attentionRun");
  add<attention_bytes>(env, exports, "attentionBytes");
}

}  // namespace nibble::addon

// Single matrix products for JavaScript: what tests compare and benchmarks time. linear.ts documents the functions.
// They block: a product takes milliseconds at most, and a benchmark wants nothing else in between.

#include "linear.h"

#include <numeric>

#include "addon/arguments.h"
#include "addon/exported.h"
#include "addon/kernel_arguments.h"
#include "addon/promise_worker.h"
#include "addon/shared_pool.h"
#include "codebook.h"
#include "registration.h"

namespace nibble::addon {
namespace {

constexpr double kMostRows = 1 << 24;
constexpr double kMostColumns = 1 << 24;

/// What a product takes beside the weights: { x, bias?, y, mode, isa?, threads? }.
struct Product {
  const float* x;
  std::size_t tokens;
  const float* bias;
  float* y;
  Mode mode;
  Isa isa;
  Parallel parallel;
};

Product product_argument(const Napi::Value& value, const WeightView& w) {
  const Napi::Object call = object_argument(value, "call");
  Product product{};
  const auto x = typed_array_argument<float>(call.Get("x"), "x");
  if (x.length % w.columns != 0) refuse_argument("x", "must hold whole rows of `columns` values");
  product.x = x.data;
  product.tokens = x.length / w.columns;
  const Napi::Value bias = call.Get("bias");
  product.bias = bias.IsUndefined() ? nullptr : typed_array_argument<float>(bias, "bias", w.rows);
  product.y = typed_array_argument<float>(call.Get("y"), "y", product.tokens * w.rows);
  const std::string mode = string_argument(call.Get("mode"), "mode");
  if (mode != "fast" && mode != "exact") refuse_argument("mode", "must be 'fast' or 'exact'");
  product.mode = mode == "fast" ? Mode::fast : Mode::exact;
  product.isa = isa_argument(call.Get("isa"));
  product.parallel = shared_pool(threads_argument(call.Get("threads")));
  return product;
}

std::size_t blocks_of(std::size_t elements, std::size_t block_size) { return (elements + block_size - 1) / block_size; }

/// The elements of an Int8Array or Uint8Array of exactly `bytes` of them.
const void* bytes_argument(const Napi::Value& value, const char* name, std::size_t bytes) {
  const bool is_signed = value.IsTypedArray() && value.As<Napi::TypedArray>().TypedArrayType() == napi_int8_array;
  if (is_signed) return typed_array_argument<std::int8_t>(value, name, bytes);
  return typed_array_argument<std::uint8_t>(value, name, bytes);
}

/// A matrix as linear.ts describes it. The tables that it points to live in `tables`.
struct Tables {
  std::optional<NestedCurve> curve;
};

WeightView view_argument(const Napi::Value& value, Tables& tables) {
  const Napi::Object weights = object_argument(value, "weights");
  const std::string name = string_argument(weights.Get("format"), "format");
  const std::optional<WeightFormat> format = weight_format_from_name(name);
  if (!format) refuse_argument("format", "must be a format of formats.def, not '" + name + "'");
  WeightView w{};
  w.format = *format;
  w.rows = size_argument(weights.Get("rows"), "rows", 1, kMostRows);
  w.columns = size_argument(weights.Get("columns"), "columns", 1, kMostColumns);
  const auto has = [&](const char* key) { return !weights.Get(key).IsUndefined(); };
  if (has("blockSize")) w.block_size = size_argument(weights.Get("blockSize"), "blockSize", 0, kMostColumns);
  w.codes = bytes_argument(weights.Get("codes"), "codes", code_bytes(w));
  const std::size_t blocks = block_count(w);
  if (has("nested")) {
    const Napi::Object nested = object_argument(weights.Get("nested"), "nested");
    w.scale_codes = typed_array_argument<std::uint8_t>(weights.Get("scales"), "scales", blocks);
    w.nested_scales =
        typed_array_argument<float>(nested.Get("scales"), "nested.scales", blocks_of(blocks, kNestedBlockSize));
    w.nested_map = typed_array_argument<float>(nested.Get("map"), "nested.map", 256);
    w.nested_offset = static_cast<float>(number_argument(nested.Get("offset"), "nested.offset"));
    tables.curve = nested_curve(w.nested_map);
    if (tables.curve) w.nested_curve = &*tables.curve;
  } else if (traits_of(w.format).scales == FormatTraits::Scales::e8m0) {
    w.scales = typed_array_argument<std::uint8_t>(weights.Get("scales"), "scales", blocks);
  } else if (blocks > 0) {
    w.scales = typed_array_argument<float>(weights.Get("scales"), "scales", blocks);
  }
  if (has("zeroPoints"))
    w.zero_points = typed_array_argument<std::int8_t>(weights.Get("zeroPoints"), "zeroPoints", blocks);
  if (has("levels")) w.levels = typed_array_argument<float>(weights.Get("levels"), "levels", 16);
  if (has("threshold")) w.threshold = static_cast<float>(number_argument(weights.Get("threshold"), "threshold"));
  return w;
}

// multiply(weights, call)
Napi::Value multiply(const Napi::CallbackInfo& info) {
  Tables tables;
  const WeightView w = view_argument(info[0], tables);
  const Product p = product_argument(info[1], w);
  linear_product(w, p.x, p.tokens, p.bias, p.y, p.mode, p.isa, p.parallel);
  return info.Env().Undefined();
}

// readMemory(bytes, threads | undefined): the sum of the bytes' 64-bit words; a benchmark times it.
Napi::Value read_memory(const Napi::CallbackInfo& info) {
  constexpr std::size_t kTaskWords = 8192;
  const auto bytes = typed_array_argument<std::uint8_t>(info[0], "bytes");
  if (reinterpret_cast<std::uintptr_t>(bytes.data) % 8 != 0) refuse_argument("bytes", "must begin at a multiple of 8");
  struct Context {
    const std::uint64_t* words;
    std::size_t count;
    std::vector<std::uint64_t> sums;
  } context{reinterpret_cast<const std::uint64_t*>(bytes.data), bytes.length / 8, {}};
  const std::size_t tasks = blocks_of(context.count, kTaskWords);
  context.sums.resize(tasks);
  const Parallel parallel = shared_pool(threads_argument(info[1]));
  parallel.run(
      parallel.context, tasks,
      [](void* user, std::size_t index) {
        Context& c = *static_cast<Context*>(user);
        const std::size_t begin = index * kTaskWords;
        const std::size_t end = std::min(c.count, begin + kTaskWords);
        // Four sums: one would be bound by the latency of the addition and not by the memory.
        std::uint64_t sums[4] = {};
        std::size_t i = begin;
        for (; i + 4 <= end; i += 4) {
          for (std::size_t lane = 0; lane < 4; ++lane) sums[lane] += c.words[i + lane];
        }
        for (; i < end; ++i) sums[0] += c.words[i];
        c.sums[index] = sums[0] + sums[1] + sums[2] + sums[3];
      },
      &context);
  const std::uint64_t sum = std::accumulate(context.sums.begin(), context.sums.end(), std::uint64_t{0});
  return Napi::Number::New(info.Env(), static_cast<double>(sum));
}

}  // namespace

void register_linear(Napi::Env env, Napi::Object exports) {
  add<multiply>(env, exports, "multiply");
  add<read_memory>(env, exports, "readMemory");
}

}  // namespace nibble::addon

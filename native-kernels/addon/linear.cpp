// Single matrix products for JavaScript: what tests compare and benchmarks time. linear.ts documents the functions.
// They block: a product takes milliseconds at most, and a benchmark wants nothing else in between.

#include "linear.h"

#include <numeric>

#include "addon/arguments.h"
#include "addon/exported.h"
#include "addon/kernel_arguments.h"
#include "addon/promise_worker.h"
#include "addon/shared_pool.h"
#include "registration.h"

namespace nibble::addon {
namespace {

constexpr double kMostRows = 1 << 24;
constexpr double kMostColumns = 1 << 24;

/// What every product takes: { rows, columns, x, bias?, y, mode, isa?, threads? }.
struct Product {
  std::size_t rows;
  std::size_t columns;
  const float* x;
  std::size_t tokens;
  const float* bias;
  float* y;
  Mode mode;
  Isa isa;
  Parallel parallel;
};

Product product_argument(const Napi::Value& value) {
  const Napi::Object call = object_argument(value, "call");
  Product product{};
  product.rows = size_argument(call.Get("rows"), "rows", 1, kMostRows);
  product.columns = size_argument(call.Get("columns"), "columns", 1, kMostColumns);
  const auto x = typed_array_argument<float>(call.Get("x"), "x");
  if (x.length % product.columns != 0) refuse_argument("x", "must hold whole rows of `columns` values");
  product.x = x.data;
  product.tokens = x.length / product.columns;
  const Napi::Value bias = call.Get("bias");
  product.bias = bias.IsUndefined() ? nullptr : typed_array_argument<float>(bias, "bias", product.rows);
  product.y = typed_array_argument<float>(call.Get("y"), "y", product.tokens * product.rows);
  const std::string mode = string_argument(call.Get("mode"), "mode");
  if (mode != "fast" && mode != "exact") refuse_argument("mode", "must be 'fast' or 'exact'");
  product.mode = mode == "fast" ? Mode::fast : Mode::exact;
  product.isa = isa_argument(call.Get("isa"));
  product.parallel = shared_pool(threads_argument(call.Get("threads")));
  return product;
}

std::size_t blocks_of(std::size_t elements, std::size_t block_size) { return (elements + block_size - 1) / block_size; }

// multiply4bit(codes, absmax, nestedAbsmax | undefined, nestedMap | undefined, nestedOffset | undefined, map,
// blockSize,
//              call)
Napi::Value multiply_4bit(const Napi::CallbackInfo& info) {
  const Product p = product_argument(info[7]);
  const std::size_t elements = p.rows * p.columns;
  Linear4Weights w{};
  w.rows = p.rows;
  w.columns = p.columns;
  w.block_size = size_argument(info[6], "blockSize", 1, kMostColumns);
  const std::size_t blocks = blocks_of(elements, w.block_size);
  w.codes = typed_array_argument<std::uint8_t>(info[0], "codes", (elements + 1) / 2);
  w.map = typed_array_argument<float>(info[5], "map", 16);
  if (info[2].IsUndefined()) {
    w.absmax = typed_array_argument<float>(info[1], "absmax", blocks);
  } else {
    w.absmax_codes = typed_array_argument<std::uint8_t>(info[1], "absmax", blocks);
    w.nested_absmax = typed_array_argument<float>(info[2], "nested.absmax", blocks_of(blocks, 256));
    w.nested_map = typed_array_argument<float>(info[3], "nested map", 256);
    w.nested_offset = static_cast<float>(number_argument(info[4], "nested.offset"));
  }
  const std::optional<NestedCurve> curve = w.nested_map != nullptr ? nested_curve(w.nested_map) : std::nullopt;
  if (curve) w.nested_curve = &*curve;
  linear4(w, p.x, p.tokens, p.bias, p.y, p.mode, p.isa, p.parallel);
  return info.Env().Undefined();
}

// multiplyInt8Rows(codes, rowAbsmax, threshold, call)
Napi::Value multiply_int8_rows(const Napi::CallbackInfo& info) {
  const Product p = product_argument(info[3]);
  const LinearInt8RowsWeights w{typed_array_argument<std::int8_t>(info[0], "codes", p.rows * p.columns),
                                typed_array_argument<float>(info[1], "rowAbsmax", p.rows), p.rows, p.columns,
                                static_cast<float>(number_argument(info[2], "threshold"))};
  linear_int8_rows(w, p.x, p.tokens, p.bias, p.y, p.mode, p.isa, p.parallel);
  return info.Env().Undefined();
}

// multiplyAffine(codes, scales, zeroPoints | undefined, bits, blockSize (0: one scale), call)
Napi::Value multiply_affine(const Napi::CallbackInfo& info) {
  const Product p = product_argument(info[5]);
  LinearAffineWeights w{};
  w.rows = p.rows;
  w.columns = p.columns;
  w.bits = static_cast<int>(size_argument(info[3], "bits", 4, 8));
  w.block_size = size_argument(info[4], "blockSize", 0, kMostColumns);
  w.per_tensor = w.block_size == 0;
  const std::size_t elements = p.rows * p.columns;
  if (w.bits == 8) {
    w.codes = typed_array_argument<std::int8_t>(info[0], "codes", elements);
  } else {
    w.packed = typed_array_argument<std::uint8_t>(info[0], "codes", (elements + 1) / 2);
  }
  const std::size_t blocks = w.per_tensor ? 1 : p.rows * blocks_of(p.columns, w.block_size);
  w.scales = typed_array_argument<float>(info[1], "scales", blocks);
  if (!info[2].IsUndefined()) w.zero_points = typed_array_argument<std::int8_t>(info[2], "zeroPoints", blocks);
  linear_affine(w, p.x, p.tokens, p.bias, p.y, p.mode, p.isa, p.parallel);
  return info.Env().Undefined();
}

// multiply16bit(bytes, type, call)
Napi::Value multiply_16bit(const Napi::CallbackInfo& info) {
  const Product p = product_argument(info[2]);
  const std::string type = string_argument(info[1], "type");
  if (type != "bf16" && type != "f16" && type != "f32") refuse_argument("type", "must be 'bf16', 'f16' or 'f32'");
  const WeightType weight_type = type == "bf16" ? WeightType::bf16 : type == "f16" ? WeightType::f16 : WeightType::f32;
  const std::size_t bytes = p.rows * p.columns * (type == "f32" ? 4 : 2);
  const Linear16Weights w{typed_array_argument<std::uint8_t>(info[0], "bytes", bytes), weight_type, p.rows, p.columns};
  linear16(w, p.x, p.tokens, p.bias, p.y, p.mode, p.isa, p.parallel);
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
  add<multiply_4bit>(env, exports, "multiply4bit");
  add<multiply_int8_rows>(env, exports, "multiplyInt8Rows");
  add<multiply_affine>(env, exports, "multiplyAffine");
  add<multiply_16bit>(env, exports, "multiply16bit");
  add<read_memory>(env, exports, "readMemory");
}

}  // namespace nibble::addon

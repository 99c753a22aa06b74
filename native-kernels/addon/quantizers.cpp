// The quantizers' side of the addon: reads arguments, allocates results on JavaScript's heap, and runs the work on a
// thread of the pool. quantizers.ts documents what each function means.

#include <algorithm>
#include <array>
#include <memory>
#include <thread>

#include "addon/arguments.h"
#include "addon/call_control.h"
#include "addon/exported.h"
#include "addon/promise_worker.h"
#include "addon/quantizer_arguments.h"
#include "base/quantize_kernels.h"
#include "cpu.h"
#include "cuda/quantize_cuda.h"
#include "isa_versions.h"
#include "quantize.h"
#include "registration.h"

namespace nibble::addon {
namespace {

Source source_argument(const Napi::Value& bytes, const Napi::Value& type) {
  const auto elements = typed_array_argument<std::uint8_t>(bytes, "source.bytes");
  const WeightType weight_type = weight_type_argument(type);
  const std::size_t size = weight_size(weight_type);
  if (elements.length % size != 0) {
    refuse_argument("source.bytes", "must hold whole weights of " + std::to_string(size) + " bytes");
  }
  return {elements.data, weight_type, elements.length / size};
}

void check_shape(const Source& source, Shape shape) {
  const std::size_t wanted = shape.rows * shape.columns;
  if (source.numel != wanted) {
    refuse_argument("source.bytes", "must hold " + std::to_string(wanted) + " weights (rows * columns), not " +
                                        std::to_string(source.numel));
  }
}

template <typename Array>
Array allocate(Napi::Env env, std::size_t length) {
  return Array::New(env, length);
}

/// Everything of a call that has to outlive it on the other thread.
template <typename T>
struct Call {
  std::shared_ptr<CallControl> control;
  Source source;
  T target;
  Statistics statistics;
};

// quantize4bit(bytes, sourceType, type, blockSize, doubleQuant, control)
Napi::Value quantize_4bit_call(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const Source source = source_argument(info[0], info[1]);
  const FourBitSpec spec = four_bit_arguments(info[2], info[3]);
  const bool nested = boolean_argument(info[4], "doubleQuant");
  const std::shared_ptr<CallControl> control = control_argument(info[5]);

  const std::size_t blocks = (source.numel + spec.block_size - 1) / spec.block_size;
  const auto codes = allocate<Napi::Uint8Array>(env, (source.numel + 1) / 2);
  const auto absmax = allocate<Napi::Float32Array>(env, nested ? 0 : blocks);
  const auto absmax_codes = allocate<Napi::Uint8Array>(env, nested ? blocks : 0);
  const std::size_t nested_blocks = nested ? (blocks + kNestedBlockSize - 1) / kNestedBlockSize : 0;
  const auto nested_absmax = allocate<Napi::Float32Array>(env, nested_blocks);
  auto state = std::make_shared<Call<FourBitTarget>>();
  state->control = control;
  state->source = source;
  auto offset = std::make_shared<float>(0.0f);
  Napi::Uint8Array codes_view = codes;
  Napi::Float32Array absmax_view = absmax;
  Napi::Uint8Array absmax_codes_view = absmax_codes;
  Napi::Float32Array nested_view = nested_absmax;
  state->target = {codes_view.Data(), nested ? nullptr : absmax_view.Data(), absmax_codes_view.Data(),
                   nested_view.Data(), offset.get()};
  return PromiseWorker::start(
      env,
      {info[0].As<Napi::Object>(), codes, nested ? Napi::Object(absmax_codes) : Napi::Object(absmax), nested_absmax},
      [state, spec] {
        const Control& options = state->control->control;
        state->statistics = state->control->backend.run(
            [&](cuda::Device& device) {
              return cuda::quantize_4bit(device, cuda::origin_of(state->source), spec,
                                         cuda::writer_to(state->target.codes), state->target, options);
            },
            [&] { return quantize_4bit(state->source, spec, state->target, options); });
      },
      [state, offset, nested](Napi::Env result_env, const PromiseWorker& worker) {
        Napi::Object result = Napi::Object::New(result_env);
        result.Set("codes", worker.kept(1));
        result.Set("absmax", worker.kept(2));
        if (nested) {
          result.Set("nestedAbsmax", worker.kept(3));
          result.Set("nestedOffset", static_cast<double>(*offset));
        }
        result.Set("sums", to_javascript(result_env, state->statistics, state->source.numel));
        set_fallback(result, *state->control);
        return result;
      });
}

// dequantize4bit(codes, absmax, nestedAbsmax | undefined, nestedOffset, type, blockSize, numel, control)
Napi::Value dequantize_4bit_call(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const FourBitSpec spec = four_bit_arguments(info[4], info[5]);
  const std::size_t numel = size_argument(info[6], "numel", 0, kMostElements);
  const std::size_t blocks = (numel + spec.block_size - 1) / spec.block_size;
  const bool nested = !info[2].IsUndefined();
  FourBitView view{};
  view.codes = typed_array_argument<std::uint8_t>(info[0], "codes", (numel + 1) / 2);
  if (nested) {
    const std::size_t nested_blocks = (blocks + kNestedBlockSize - 1) / kNestedBlockSize;
    view.absmax_codes = typed_array_argument<std::uint8_t>(info[1], "absmax", blocks);
    view.nested_absmax = typed_array_argument<float>(info[2], "nested.absmax", nested_blocks);
    view.nested_offset = static_cast<float>(number_argument(info[3], "nested.offset"));
  } else {
    view.absmax = typed_array_argument<float>(info[1], "absmax", blocks);
  }
  const std::shared_ptr<CallControl> control = control_argument(info[7]);
  Napi::Float32Array out = allocate<Napi::Float32Array>(env, numel);
  std::vector<Napi::Object> keep{out, info[0].As<Napi::Object>(), info[1].As<Napi::Object>()};
  if (nested) keep.push_back(info[2].As<Napi::Object>());
  return PromiseWorker::start(
      env, keep,
      [=, data = out.Data()] {
        if (numel != 0) dequantize_4bit(view, spec, numel, data, control->control);
      },
      [](Napi::Env, const PromiseWorker& worker) { return worker.kept(0); });
}

// quantizeInt8Rows(bytes, sourceType, rows, columns, control)
Napi::Value quantize_int8_rows_call(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const Source source = source_argument(info[0], info[1]);
  const Shape shape = shape_arguments(info[2], info[3]);
  check_shape(source, shape);
  auto state = std::make_shared<Call<Shape>>();
  state->control = control_argument(info[4]);
  state->source = source;
  state->target = shape;
  Napi::Int8Array codes = allocate<Napi::Int8Array>(env, source.numel);
  Napi::Float32Array absmax = allocate<Napi::Float32Array>(env, shape.rows);
  return PromiseWorker::start(
      env, {info[0].As<Napi::Object>(), codes, absmax},
      [state, to = codes.Data(), scales = absmax.Data()] {
        if (state->source.numel == 0) return;
        const Control& options = state->control->control;
        state->statistics = state->control->backend.run(
            [&](cuda::Device& device) {
              return cuda::quantize_int8_rows(device, cuda::origin_of(state->source), state->target,
                                              cuda::writer_to(to), scales, options);
            },
            [&] { return quantize_int8_rows(state->source, state->target, to, scales, options); });
      },
      [state](Napi::Env result_env, const PromiseWorker& worker) {
        Napi::Object result = Napi::Object::New(result_env);
        result.Set("codes", worker.kept(1));
        result.Set("rowAbsmax", worker.kept(2));
        result.Set("sums", to_javascript(result_env, state->statistics, state->source.numel));
        set_fallback(result, *state->control);
        return result;
      });
}

// dequantizeInt8Rows(codes, rowAbsmax, rows, columns, control)
Napi::Value dequantize_int8_rows_call(const Napi::CallbackInfo& info) {
  const Shape shape = shape_arguments(info[2], info[3]);
  const std::size_t numel = shape.rows * shape.columns;
  const auto* codes = typed_array_argument<std::int8_t>(info[0], "codes", numel);
  const auto* absmax = typed_array_argument<float>(info[1], "rowAbsmax", shape.rows);
  const std::shared_ptr<CallControl> control = control_argument(info[4]);
  Napi::Float32Array out = allocate<Napi::Float32Array>(info.Env(), numel);
  return PromiseWorker::start(
      info.Env(), {out, info[0].As<Napi::Object>(), info[1].As<Napi::Object>()},
      [=, data = out.Data()] { dequantize_int8_rows(codes, absmax, shape, data, control->control); },
      [](Napi::Env, const PromiseWorker& worker) { return worker.kept(0); });
}

// quantizeAffine(bytes, sourceType, rows, columns, symmetric, bits, blockSize | 0 | undefined, control)
Napi::Value quantize_affine_call(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const Source source = source_argument(info[0], info[1]);
  const Shape shape = shape_arguments(info[2], info[3]);
  check_shape(source, shape);
  const AffineSpec spec = affine_arguments(info[4], info[5], info[6], shape);
  auto state = std::make_shared<Call<AffineTarget>>();
  state->control = control_argument(info[7]);
  state->source = source;
  Napi::Int8Array codes = allocate<Napi::Int8Array>(env, spec.bits == 8 ? source.numel : 0);
  Napi::Uint8Array packed = allocate<Napi::Uint8Array>(env, spec.bits == 4 ? (source.numel + 1) / 2 : 0);
  Napi::Float32Array scales = allocate<Napi::Float32Array>(env, affine_groups(shape, spec));
  Napi::Int8Array zeros = allocate<Napi::Int8Array>(env, spec.symmetric ? 0 : scales.ElementLength());
  void* codes_data = spec.bits == 8 ? static_cast<void*>(codes.Data()) : packed.Data();
  state->target = {codes_data, scales.Data(), spec.symmetric ? nullptr : zeros.Data()};
  return PromiseWorker::start(
      env, {info[0].As<Napi::Object>(), spec.bits == 8 ? Napi::Object(codes) : Napi::Object(packed), scales, zeros},
      [state, shape, spec] {
        if (state->source.numel == 0) return;
        const Control& options = state->control->control;
        const auto on_processor = [&] { return quantize_affine(state->source, shape, spec, state->target, options); };
        if (spec.per_tensor) {
          state->statistics = on_processor();
          return;
        }
        state->statistics = state->control->backend.run(
            [&](cuda::Device& device) {
              return cuda::quantize_affine(device, cuda::origin_of(state->source), shape, spec,
                                           cuda::writer_to(state->target.codes), state->target, options);
            },
            on_processor);
      },
      [state](Napi::Env result_env, const PromiseWorker& worker) {
        Napi::Object result = Napi::Object::New(result_env);
        result.Set("codes", worker.kept(1));
        result.Set("scales", worker.kept(2));
        if (state->target.zero_points != nullptr) result.Set("zeroPoints", worker.kept(3));
        result.Set("sums", to_javascript(result_env, state->statistics, state->source.numel));
        set_fallback(result, *state->control);
        return result;
      });
}

// dequantizeAffine(codes, scales, zeroPoints | undefined, rows, columns, bits, blockSize | 0 | undefined, control)
Napi::Value dequantize_affine_call(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const Shape shape = shape_arguments(info[3], info[4]);
  const bool symmetric = info[2].IsUndefined();
  const AffineSpec spec = affine_arguments(Napi::Boolean::New(env, symmetric), info[5], info[6], shape);
  const std::size_t numel = shape.rows * shape.columns;
  const std::size_t groups = affine_groups(shape, spec);
  AffineView view{};
  if (spec.bits == 8) {
    view.codes = typed_array_argument<std::int8_t>(info[0], "codes", numel);
  } else {
    view.codes = typed_array_argument<std::uint8_t>(info[0], "codes", (numel + 1) / 2);
  }
  view.scales = typed_array_argument<float>(info[1], "scales", groups);
  if (!symmetric) view.zero_points = typed_array_argument<std::int8_t>(info[2], "zeroPoints", groups);
  const std::shared_ptr<CallControl> control = control_argument(info[7]);
  Napi::Float32Array out = allocate<Napi::Float32Array>(env, numel);
  std::vector<Napi::Object> keep{out, info[0].As<Napi::Object>(), info[1].As<Napi::Object>()};
  if (!symmetric) keep.push_back(info[2].As<Napi::Object>());
  return PromiseWorker::start(
      env, keep, [=, data = out.Data()] { dequantize_affine(view, shape, spec, data, control->control); },
      [](Napi::Env, const PromiseWorker& worker) { return worker.kept(0); });
}

// histogram(bytes, sourceType, bins, control)
Napi::Value histogram_call(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const Source source = source_argument(info[0], info[1]);
  const std::size_t bins = size_argument(info[2], "bins", 1, 65536);
  const std::shared_ptr<CallControl> control = control_argument(info[3]);
  Napi::Float64Array counts = allocate<Napi::Float64Array>(env, bins);
  auto range = std::make_shared<Range>();
  return PromiseWorker::start(
      env, {info[0].As<Napi::Object>(), counts},
      [=, data = counts.Data()] { *range = weight_histogram(source, bins, data, control->control); },
      [range](Napi::Env result_env, const PromiseWorker& worker) {
        Napi::Object result = Napi::Object::New(result_env);
        result.Set("counts", worker.kept(1));
        result.Set("min", static_cast<double>(range->min));
        result.Set("max", static_cast<double>(range->max));
        return result;
      });
}

// codebook(name)
Napi::Value codebook_call(const Napi::CallbackInfo& info) {
  const std::string name = string_argument(info[0], "name");
  const float* values = nullptr;
  std::size_t count = 16;
  if (name == "nf4") {
    values = four_bit_values(FourBitType::nf4);
  } else if (name == "fp4") {
    values = four_bit_values(FourBitType::fp4);
  } else if (name == "dynamic8") {
    values = dynamic8_values();
    count = 256;
  } else {
    refuse_argument("name", "must be 'nf4', 'fp4' or 'dynamic8'");
  }
  Napi::Float32Array table = Napi::Float32Array::New(info.Env(), count);
  std::copy(values, values + count, table.Data());
  return table;
}

// processorFeatures()
Napi::Value processor_features_call(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const std::vector<std::string> found = cpu_features();
  Napi::Array features = Napi::Array::New(env, found.size());
  for (std::size_t i = 0; i < found.size(); ++i) features.Set(static_cast<std::uint32_t>(i), found[i]);
  Napi::Array instruction_sets = Napi::Array::New(env);
  for (Isa isa : all_isas()) {
    if (isa_available(isa)) instruction_sets.Set(instruction_sets.Length(), isa_name(isa));
  }
  Napi::Object result = Napi::Object::New(env);
  result.Set("isa", isa_name(best_isa()));
  result.Set("available", instruction_sets);
  result.Set("features", features);
  return result;
}

// kernelVersions(): for every instruction set that is built in, available here or not, the set whose version each group
// of functions takes on it
Napi::Value kernel_versions_call(const Napi::CallbackInfo& info) {
  Napi::Object result = Napi::Object::New(info.Env());
  for (const Isa isa : all_isas()) {
    if (!isa_is_built_in(isa)) continue;
    Napi::Object versions = Napi::Object::New(info.Env());
    versions.Set("linear", isa_name(linear_version(isa)));
    versions.Set("vectors", isa_name(vectors_version(isa)));
    versions.Set("quantizers", isa_name(quantizers_version(isa)));
    versions.Set("treeHash", isa_name(tree_hash_version(isa)));
    versions.Set("scores", isa_name(score_version(isa)));
    result.Set(isa_name(isa), versions);
  }
  return result;
}

// createCancellation()
Napi::Value create_cancellation_call(const Napi::CallbackInfo& info) {
  auto* cancellation = new Cancellation(std::make_shared<std::atomic<bool>>(false));
  const auto external =
      Napi::External<Cancellation>::New(info.Env(), cancellation, [](Napi::Env, Cancellation* held) { delete held; });
  external.TypeTag(&kCancellationTag);
  return external;
}

// cancel(cancellation)
Napi::Value cancel_call(const Napi::CallbackInfo& info) {
  cancellation_argument(info[0])->store(true);
  return info.Env().Undefined();
}

}  // namespace

void register_quantizers(Napi::Env env, Napi::Object exports) {
  add<quantize_4bit_call>(env, exports, "quantize4bit");
  add<dequantize_4bit_call>(env, exports, "dequantize4bit");
  add<quantize_int8_rows_call>(env, exports, "quantizeInt8Rows");
  add<dequantize_int8_rows_call>(env, exports, "dequantizeInt8Rows");
  add<quantize_affine_call>(env, exports, "quantizeAffine");
  add<dequantize_affine_call>(env, exports, "dequantizeAffine");
  add<histogram_call>(env, exports, "histogram");
  add<codebook_call>(env, exports, "codebook");
  add<processor_features_call>(env, exports, "processorFeatures");
  add<kernel_versions_call>(env, exports, "kernelVersions");
  add<create_cancellation_call>(env, exports, "createCancellation");
  add<cancel_call>(env, exports, "cancel");
}

}  // namespace nibble::addon

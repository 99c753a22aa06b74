// The side of the addon that quantizes from file to file. quantize-files.ts documents what each function means.

#include <memory>
#include <string>

#include "addon/arguments.h"
#include "addon/call_control.h"
#include "addon/digest_text.h"
#include "addon/exported.h"
#include "addon/promise_worker.h"
#include "addon/quantizer_arguments.h"
#include "buffer_cache.h"
#include "cuda/quantize_cuda.h"
#include "positioned_file.h"
#include "quantize_file.h"
#include "registration.h"

namespace nibble::addon {
namespace {

struct FilePlace {
  std::string path;
  std::size_t offset;
};

/// What every call for a matrix begins with: sourcePath, sourceOffset, sourceType, rows, columns, targetPath,
/// codesOffset.
struct MatrixArguments {
  FilePlace from;
  WeightType type;
  Shape shape;
  FilePlace to;

  explicit MatrixArguments(const Napi::CallbackInfo& info)
      : from{string_argument(info[0], "source.path"), position_argument(info[1], "source.byteOffset")},
        type(weight_type_argument(info[2])),
        shape(shape_arguments(info[3], info[4])),
        to{string_argument(info[5], "target.path"), position_argument(info[6], "target.codes")} {}

  std::size_t numel() const { return shape.rows * shape.columns; }
};

// quantize4bitFile(sourcePath, sourceOffset, sourceType, numel, targetPath, codesOffset, absmaxOffset,
//                  nestedAbsmaxOffset | undefined, type, blockSize, control)
Napi::Value quantize_4bit_file_call(const Napi::CallbackInfo& info) {
  const FilePlace from{string_argument(info[0], "source.path"), position_argument(info[1], "source.byteOffset")};
  const WeightType weight_type = weight_type_argument(info[2]);
  const std::size_t numel = size_argument(info[3], "numel", 0, kMostElements);
  const FilePlace to{string_argument(info[4], "target.path"), position_argument(info[5], "target.codes")};
  const std::size_t absmax = position_argument(info[6], "target.absmax");
  const bool nested = !info[7].IsUndefined();
  const std::size_t nested_absmax = nested ? position_argument(info[7], "target.nestedAbsmax") : 0;
  const FourBitSpec spec = four_bit_arguments(info[8], info[9]);
  const std::shared_ptr<CallControl> control = control_argument(info[10]);
  auto made = std::make_shared<FourBitFileResult>();
  return PromiseWorker::start(
      info.Env(), {},
      [=] {
        const PositionedFile source(from.path, PositionedFile::Access::read);
        const PositionedFile target(to.path, PositionedFile::Access::write);
        const FileSource weights{source, from.offset, weight_type, numel};
        const FourBitFileTarget places{target, nested, to.offset, absmax, nested_absmax};
        *made = control->backend.run(
            [&](cuda::Device& device) {
              const auto on_device = [&](const WeightReader& read, const CodeWriter& codes,
                                         const FourBitTarget& scales) {
                return cuda::quantize_4bit(device, {read, weight_type, numel}, spec, codes, scales, control->control);
              };
              return quantize_4bit_file(weights, spec, places, control->control, on_device);
            },
            [&] { return quantize_4bit_file(weights, spec, places, control->control); });
      },
      [=](Napi::Env env, const PromiseWorker&) {
        Napi::Object result = Napi::Object::New(env);
        result.Set("codes", digest_text(made->codes));
        result.Set("absmax", digest_text(made->absmax));
        if (nested) {
          result.Set("nestedAbsmax", digest_text(made->nested_absmax));
          result.Set("nestedOffset", static_cast<double>(made->nested_offset));
        }
        result.Set("sums", to_javascript(env, made->statistics, numel));
        set_fallback(result, *control);
        return result;
      });
}

// quantizeAffineFile(MatrixArguments, scalesOffset, zeroPointsOffset | undefined, bits, blockSize | undefined, control)
Napi::Value quantize_affine_file_call(const Napi::CallbackInfo& info) {
  const MatrixArguments matrix(info);
  const std::size_t scales = position_argument(info[7], "target.scales");
  const bool symmetric = info[8].IsUndefined();
  const std::size_t zeros = symmetric ? 0 : position_argument(info[8], "target.zeroPoints");
  const AffineSpec spec = affine_arguments(Napi::Boolean::New(info.Env(), symmetric), info[9], info[10], matrix.shape);
  if (spec.per_tensor) refuse_argument("granularity", "must not be 'tensor': that takes two passes over the file");
  const std::shared_ptr<CallControl> control = control_argument(info[11]);
  auto made = std::make_shared<AffineFileResult>();
  return PromiseWorker::start(
      info.Env(), {},
      [=] {
        const PositionedFile source(matrix.from.path, PositionedFile::Access::read);
        const PositionedFile target(matrix.to.path, PositionedFile::Access::write);
        *made = quantize_affine_file({source, matrix.from.offset, matrix.type, matrix.numel()}, matrix.shape, spec,
                                     {target, matrix.to.offset, scales, zeros}, control->control);
      },
      [=](Napi::Env env, const PromiseWorker&) {
        Napi::Object result = Napi::Object::New(env);
        result.Set("codes", digest_text(made->codes));
        result.Set("scales", digest_text(made->scales));
        if (!symmetric) result.Set("zeroPoints", digest_text(made->zero_points));
        result.Set("sums", to_javascript(env, made->statistics, matrix.numel()));
        return result;
      });
}

// quantizeInt8RowsFile(MatrixArguments, rowAbsmaxOffset, control)
Napi::Value quantize_int8_rows_file_call(const Napi::CallbackInfo& info) {
  const MatrixArguments matrix(info);
  const std::size_t row_absmax = position_argument(info[7], "target.rowAbsmax");
  const std::shared_ptr<CallControl> control = control_argument(info[8]);
  auto made = std::make_shared<Int8RowsFileResult>();
  return PromiseWorker::start(
      info.Env(), {},
      [=] {
        const PositionedFile source(matrix.from.path, PositionedFile::Access::read);
        const PositionedFile target(matrix.to.path, PositionedFile::Access::write);
        *made = quantize_int8_rows_file({source, matrix.from.offset, matrix.type, matrix.numel()}, matrix.shape,
                                        {target, matrix.to.offset, row_absmax}, control->control);
      },
      [=](Napi::Env env, const PromiseWorker&) {
        Napi::Object result = Napi::Object::New(env);
        result.Set("codes", digest_text(made->codes));
        result.Set("rowAbsmax", digest_text(made->row_absmax));
        result.Set("sums", to_javascript(env, made->statistics, matrix.numel()));
        return result;
      });
}

// copyHashed(sourcePath, sourceOffset, length, targetPath, targetOffset, control)
Napi::Value copy_hashed_call(const Napi::CallbackInfo& info) {
  const FilePlace from{string_argument(info[0], "source.path"), position_argument(info[1], "source.byteOffset")};
  const std::size_t length = position_argument(info[2], "source.byteLength");
  const FilePlace to{string_argument(info[3], "target.path"), position_argument(info[4], "target.byteOffset")};
  const std::shared_ptr<CallControl> control = control_argument(info[5]);
  auto digest = std::make_shared<Digest>();
  return PromiseWorker::start(
      info.Env(), {},
      [=] {
        const PositionedFile source(from.path, PositionedFile::Access::read);
        const PositionedFile target(to.path, PositionedFile::Access::write);
        *digest = copy_hashed(source, from.offset, length, target, to.offset, control->control);
      },
      [=](Napi::Env env, const PromiseWorker&) { return Napi::String::New(env, digest_text(*digest)); });
}

// releaseMemory()
Napi::Value release_memory_call(const Napi::CallbackInfo& info) {
  CachedBuffer::release();
  return info.Env().Undefined();
}

}  // namespace

void register_quantize_files(Napi::Env env, Napi::Object exports) {
  add<quantize_4bit_file_call>(env, exports, "quantize4bitFile");
  add<quantize_affine_file_call>(env, exports, "quantizeAffineFile");
  add<quantize_int8_rows_file_call>(env, exports, "quantizeInt8RowsFile");
  add<copy_hashed_call>(env, exports, "copyHashed");
  add<release_memory_call>(env, exports, "releaseMemory");
}

}  // namespace nibble::addon

// The Node-API face of runtime/weights_ahead.h.

#include "runtime/weights_ahead.h"

#include <memory>
#include <utility>
#include <vector>

#include "arguments.h"
#include "digest_text.h"
#include "exported.h"
#include "registration.h"

namespace nibble::addon {
namespace {

// Random, and only ours: an external of another addon cannot be taken for one.
constexpr napi_type_tag kTag{0x31d9a06be45f7c28u, 0x9c07f2585be1d46au};

using Handle = std::unique_ptr<WeightsAhead>;

// weightsAhead([{ path, begin, end }]): handle
Napi::Value weights_ahead(const Napi::CallbackInfo& info) {
  if (!info[0].IsArray()) refuse_argument("ranges", "must be an array");
  const auto array = info[0].As<Napi::Array>();
  std::vector<WeightRange> ranges;
  for (std::uint32_t i = 0; i < array.Length(); ++i) {
    const Napi::Object range = object_argument(array.Get(i), "range");
    ranges.push_back({string_argument(range.Get("path"), "path"), position_argument(range.Get("begin"), "begin"),
                      position_argument(range.Get("end"), "end")});
  }
  auto ahead = std::make_unique<Handle>(std::make_unique<WeightsAhead>(ranges));
  const auto external =
      Napi::External<Handle>::New(info.Env(), ahead.release(), [](Napi::Env, Handle* handle) { delete handle; });
  external.TypeTag(&kTag);
  return external;
}

// weightsRelease(handle); a second time does nothing
Napi::Value weights_release(const Napi::CallbackInfo& info) {
  if (!info[0].IsExternal() || !info[0].As<Napi::External<Handle>>().CheckTypeTag(&kTag)) {
    throw Error("invalid-input", "this is not the handle of weights");
  }
  info[0].As<Napi::External<Handle>>().Data()->reset();
  return info.Env().Undefined();
}

}  // namespace

void register_weights(Napi::Env env, Napi::Object exports) {
  add<weights_ahead>(env, exports, "weightsAhead");
  add<weights_release>(env, exports, "weightsRelease");
}

}  // namespace nibble::addon

#pragma once

// What every long call takes last: threads, instruction set, cancellation and progress.

#include <napi.h>

#include <algorithm>
#include <atomic>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include "addon/arguments.h"
#include "addon/promise_worker.h"
#include "cpu.h"
#include "cuda/backend.h"
#include "threads.h"

namespace nibble::addon {

/// A flag that JavaScript sets to stop a call.
using Cancellation = std::shared_ptr<std::atomic<bool>>;

// Random, and only ours: an external of another kind cannot be taken for one.
constexpr napi_type_tag kCancellationTag{0x6b1f0c92d87e4a35u, 0xa94d27e3105bc86fu};

/// @throws Error("invalid-input") when `value` does not come from createCancellation
inline Cancellation& cancellation_argument(const Napi::Value& value) {
  if (!value.IsExternal() || !value.As<Napi::External<Cancellation>>().CheckTypeTag(&kCancellationTag)) {
    refuse_argument("cancellation", "must come from createCancellation");
  }
  return *value.As<Napi::External<Cancellation>>().Data();
}

/// What a call's control object holds; outlives the call.
struct CallControl {
  Control control;
  Cancellation cancellation;
  std::unique_ptr<ProgressReporter> progress;
  cuda::Backend backend;
};

inline std::shared_ptr<CallControl> control_argument(const Napi::Value& value) {
  const Napi::Object object = object_argument(value, "control");
  auto call = std::make_shared<CallControl>();
  const Napi::Value threads = object.Get("threads");
  call->control.threads = threads.IsUndefined() ? std::max(std::thread::hardware_concurrency(), 1u)
                                                : size_argument(threads, "threads", 1, 1024);
  const Napi::Value isa = object.Get("isa");
  call->control.isa = isa.IsUndefined() ? best_isa() : isa_from_name(string_argument(isa, "isa"));
  const Napi::Value cancellation = object.Get("cancellation");
  if (!cancellation.IsUndefined()) {
    call->cancellation = cancellation_argument(cancellation);
    call->control.cancelled = call->cancellation.get();
  }
  const Napi::Value progress = object.Get("onProgress");
  if (!progress.IsUndefined()) {
    if (!progress.IsFunction()) refuse_argument("onProgress", "must be a function");
    call->progress = std::make_unique<ProgressReporter>(value.Env(), progress.As<Napi::Function>());
    call->control.progress = [reporter = call->progress.get()](double fraction) { reporter->report(fraction); };
  }
  const Napi::Value devices = object.Get("devices");
  if (!devices.IsUndefined()) {
    if (!devices.IsArray()) refuse_argument("devices", "must be an array");
    const auto list = devices.As<Napi::Array>();
    std::vector<int> ordinals;
    for (std::uint32_t i = 0; i < list.Length(); ++i) {
      ordinals.push_back(static_cast<int>(size_argument(list.Get(i), "devices", 0, 1023)));
    }
    call->backend = cuda::Backend(std::move(ordinals));
  }
  return call;
}

/// Puts down on a result why no device made it, where one should have.
inline void set_fallback(Napi::Object result, const CallControl& call) {
  if (!call.backend.fallback().empty()) result.Set("fallback", call.backend.fallback());
}

}  // namespace nibble::addon

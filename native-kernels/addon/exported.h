#pragma once

// Puts C++ functions on the addon's exports.

#include <napi.h>

#include "addon/promise_worker.h"

namespace nibble::addon {

/// The one place where an error of a synchronous call becomes a JavaScript exception.
template <Napi::Value (*call)(const Napi::CallbackInfo&)>
Napi::Value guarded(const Napi::CallbackInfo& info) {
  try {
    return call(info);
  } catch (const Napi::Error&) {
    throw;
  } catch (const std::exception& cause) {
    throw to_javascript(info.Env(), cause);
  }
}

template <Napi::Value (*call)(const Napi::CallbackInfo&)>
void add(Napi::Env env, Napi::Object exports, const char* name) {
  exports.Set(name, Napi::Function::New(env, guarded<call>, name));
}

}  // namespace nibble::addon

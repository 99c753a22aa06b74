// The process's side of the addon. process.ts documents what each function means.

#include "addon/arguments.h"
#include "addon/exported.h"
#include "addon/parent_watch.h"
#include "registration.h"

namespace nibble::addon {
namespace {

/// Process ids are positive 32-bit numbers everywhere; 0 is nobody, 1 the system's first process.
constexpr double kLeastParent = 2;
constexpr double kMostParent = 4294967295.0;

/// A minute is longer than anything that ends by itself takes.
constexpr double kMostGraceMs = 60000.0;

// endWithParent(parent, graceMs, forkedByMainThread)
Napi::Value end_with_parent_call(const Napi::CallbackInfo& info) {
  const std::size_t parent = size_argument(info[0], "parent", kLeastParent, kMostParent);
  const std::size_t grace_ms = size_argument(info[1], "graceMs", 0, kMostGraceMs);
  end_with_parent(static_cast<long>(parent), static_cast<unsigned>(grace_ms),
                  boolean_argument(info[2], "forkedByMainThread"));
  return info.Env().Undefined();
}

}  // namespace

void register_process(Napi::Env env, Napi::Object exports) { add<end_with_parent_call>(env, exports, "endWithParent"); }

}  // namespace nibble::addon

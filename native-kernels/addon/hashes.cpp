// The hashes' side of the addon. tree-hash.ts documents what each function means.

#include <memory>
#include <string>

#include "addon/arguments.h"
#include "addon/call_control.h"
#include "addon/digest_text.h"
#include "addon/exported.h"
#include "addon/promise_worker.h"
#include "cpu.h"
#include "positioned_file.h"
#include "registration.h"
#include "tree_hash.h"

namespace nibble::addon {
namespace {

/// Settles with the digest that `compute` gives.
template <typename Compute>
Napi::Promise hashed(Napi::Env env, const std::vector<Napi::Object>& keep, Compute compute) {
  auto digest = std::make_shared<Digest>();
  return PromiseWorker::start(
      env, keep, [=] { *digest = compute(); },
      [digest](Napi::Env result_env, const PromiseWorker&) {
        return Napi::String::New(result_env, digest_text(*digest));
      });
}

// treeHash(bytes, control)
Napi::Value tree_hash_call(const Napi::CallbackInfo& info) {
  const auto bytes = typed_array_argument<std::uint8_t>(info[0], "bytes");
  const std::shared_ptr<CallControl> control = control_argument(info[1]);
  return hashed(info.Env(), {info[0].As<Napi::Object>()},
                [=] { return tree_hash(bytes.data, bytes.length, control->control); });
}

// treeHashNow(bytes)
Napi::Value tree_hash_now_call(const Napi::CallbackInfo& info) {
  const auto bytes = typed_array_argument<std::uint8_t>(info[0], "bytes");
  return Napi::String::New(info.Env(), digest_text(tree_hash(bytes.data, bytes.length, {1, best_isa(), nullptr, {}})));
}

// treeHashFile(path, offset, length, control)
Napi::Value tree_hash_file_call(const Napi::CallbackInfo& info) {
  const std::string path = string_argument(info[0], "path");
  const std::size_t offset = position_argument(info[1], "byteOffset");
  const std::size_t length = position_argument(info[2], "byteLength");
  const std::shared_ptr<CallControl> control = control_argument(info[3]);
  return hashed(info.Env(), {}, [=] {
    const PositionedFile file(path, PositionedFile::Access::read);
    return tree_hash(file, offset, length, control->control);
  });
}

}  // namespace

void register_hashes(Napi::Env env, Napi::Object exports) {
  add<tree_hash_call>(env, exports, "treeHash");
  add<tree_hash_now_call>(env, exports, "treeHashNow");
  add<tree_hash_file_call>(env, exports, "treeHashFile");
}

}  // namespace nibble::addon

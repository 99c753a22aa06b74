// Entry of nibble.node.

#include "registration.h"

namespace {

Napi::Object initialize(Napi::Env env, Napi::Object exports) {
  nibble::addon::register_quantize_files(env, exports);
  nibble::addon::register_process(env, exports);
  nibble::addon::register_quantizers(env, exports);
  nibble::addon::register_hashes(env, exports);
  nibble::addon::register_linear(env, exports);
  nibble::addon::register_attention(env, exports);
  nibble::addon::register_runtime(env, exports);
  nibble::addon::register_weights(env, exports);
  return exports;
}

}  // namespace

NODE_API_MODULE(nibble, initialize)

// The quantizers' side of the addon.

#include "registration.h"

namespace nibble::addon {

void register_quantizers(Napi::Env, Napi::Object) {}

}  // namespace nibble::addon

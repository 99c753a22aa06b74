#pragma once

// Each file of addon/ registers its own functions; addon.cpp only calls them.

#include <napi.h>

namespace nibble::addon {

void register_quantize_files(Napi::Env env, Napi::Object exports);
void register_process(Napi::Env env, Napi::Object exports);
void register_quantizers(Napi::Env env, Napi::Object exports);
void register_hashes(Napi::Env env, Napi::Object exports);
void register_linear(Napi::Env env, Napi::Object exports);
void register_attention(Napi::Env env, Napi::Object exports);
void register_runtime(Napi::Env env, Napi::Object exports);
void register_weights(Napi::Env env, Napi::Object exports);

}  // namespace nibble::addon

#pragma once

// Arguments that choose how kernels run.

#include <algorithm>
#include <string>
#include <thread>

#include "addon/arguments.h"
#include "attention.h"
#include "cpu.h"

namespace nibble::addon {

/// @returns the number of cores where `value` is undefined
inline std::size_t threads_argument(const Napi::Value& value) {
  if (value.IsUndefined()) return std::max(std::thread::hardware_concurrency(), 1u);
  return size_argument(value, "threads", 1, 1024);
}

/// @returns the best instruction set where `value` is undefined
inline Isa isa_argument(const Napi::Value& value) {
  return value.IsUndefined() ? best_isa() : isa_from_name(string_argument(value, "isa"));
}

inline CacheType cache_type_argument(const std::string& name) {
  if (name == "f32") return CacheType::f32;
  if (name == "f16") return CacheType::f16;
  if (name == "int8") return CacheType::int8;
  refuse_argument("cacheType", "must be 'f32', 'f16' or 'int8'");
}

}  // namespace nibble::addon

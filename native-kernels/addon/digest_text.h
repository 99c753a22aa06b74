#pragma once

// How digests and places in files look in JavaScript.

#include <napi.h>

#include <string>

#include "addon/arguments.h"
#include "tree_hash.h"

namespace nibble::addon {

/// 64 hexadecimal digits.
inline std::string digest_text(const Digest& digest) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  for (std::uint8_t byte : digest) {
    text += kDigits[byte >> 4];
    text += kDigits[byte & 15];
  }
  return text;
}

/// A number of bytes within a file: at most the largest whole number that JavaScript holds exactly.
inline std::size_t position_argument(const Napi::Value& value, const char* name) {
  constexpr double kMostBytes = 9007199254740991.0;
  return size_argument(value, name, 0, kMostBytes);
}

}  // namespace nibble::addon

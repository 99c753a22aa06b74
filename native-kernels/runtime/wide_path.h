#pragma once

// Paths as the system wants them: UTF-8 everywhere but on Windows.

#include <string>

#ifdef _WIN32
#include <filesystem>
#endif

namespace nibble {

#ifdef _WIN32
inline std::wstring wide_path(const std::string& utf8) {
  return std::filesystem::path(std::u8string(utf8.begin(), utf8.end())).wstring();
}
inline std::wstring native_path(const std::string& utf8) { return wide_path(utf8); }
#else
inline std::string native_path(const std::string& utf8) { return utf8; }
#endif

}  // namespace nibble

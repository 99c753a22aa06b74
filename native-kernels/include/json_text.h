#pragma once

// Texts in the JSON that the probes print.

#include <string>
#include <string_view>

namespace nibble {

/// `text` as a string of JSON. Names and messages come from drivers: whatever is no text is left out.
inline std::string json_text(std::string_view text) {
  std::string json = "\"";
  for (const char character : text) {
    if (character == '"' || character == '\\') json += '\\';
    if (static_cast<unsigned char>(character) >= 0x20) json += character;
  }
  json += '"';
  return json;
}

}  // namespace nibble

#pragma once

// The one way a kernel or the runtime reports a failure. addon/ alone turns it into a JavaScript error whose
// `code` is `code` and whose message is `what()`. Kernels never print, abort or exit.

#include <stdexcept>
#include <string>
#include <utility>

namespace nibble {

/// Codes are a subset of ErrorCode in app/contract/error.ts.
class Error : public std::runtime_error {
 public:
  Error(std::string code, const std::string& message) : std::runtime_error(message), code_(std::move(code)) {}
  const std::string& code() const noexcept { return code_; }

 private:
  std::string code_;
};

}  // namespace nibble

#pragma once

// The one way a kernel or the runtime reports a failure. addon/ alone turns it into a JavaScript error whose
// `code` is `code`, whose message is `what()` and whose `remedy` is `remedy`, where there is one. Kernels never print,
// abort or exit.

#include <stdexcept>
#include <string>
#include <utility>

namespace nibble {

/// Codes are a subset of ErrorCode in app/contract/error.ts.
class Error : public std::runtime_error {
 public:
  Error(std::string code, const std::string& message, std::string remedy = "")
      : std::runtime_error(message), code_(std::move(code)), remedy_(std::move(remedy)) {}
  const std::string& code() const noexcept { return code_; }
  /// What a person can do about it; may be empty.
  const std::string& remedy() const noexcept { return remedy_; }

 private:
  std::string code_;
  std::string remedy_;
};

}  // namespace nibble

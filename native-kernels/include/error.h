#pragma once

// The one way a kernel or the runtime reports a failure. addon/ alone turns it into a JavaScript error whose
// `code` is `code`, whose message is `what()` and whose `remedy`, `reason` and `facts` are ours, where there are any.
// Kernels never print, abort or exit.

#include <map>
#include <stdexcept>
#include <string>
#include <utility>

namespace nibble {

/// Why, as data: a name of app/contract/error-reasons.ts and its facts.
struct Reason {
  std::string name;  // empty: none
  std::map<std::string, std::string> facts;
};

/// Codes are a subset of ErrorCode in app/contract/error.ts.
class Error : public std::runtime_error {
 public:
  Error(std::string code, const std::string& message, std::string remedy = "", Reason reason = {})
      : std::runtime_error(message), code_(std::move(code)), remedy_(std::move(remedy)), reason_(std::move(reason)) {}
  const std::string& code() const noexcept { return code_; }
  /// What a person can do about it; may be empty.
  const std::string& remedy() const noexcept { return remedy_; }
  const Reason& reason() const noexcept { return reason_; }

 private:
  std::string code_;
  std::string remedy_;
  Reason reason_;
};

}  // namespace nibble

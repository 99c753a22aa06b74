#pragma once

// What an operator of the domain `nibble` is written against: kernels that read tensors and may throw. The crossing of
// ONNX Runtime's C interface, where nothing may throw, is in custom_operator.cpp alone.

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "linear.h"
#include "ort_abi.h"
#include "runtime/session_state.h"

namespace nibble {

/// A tensor. `data` may be unaligned when it lies in a mapped file.
struct Tensor {
  int type;
  std::span<const std::int64_t> dims;
  const void* data;

  /// Product of the dimensions. @throws Error("malformed-file") on negative ones or overflow
  std::size_t count() const;
};

/// A kernel's view of its node while the graph is loaded.
class KernelInfo {
 public:
  /// @param files outlives the kernel
  /// @param inputs how many inputs the operator declares; further ones can only be stored
  /// @throws Error("malformed-file") when the node's attribute `stored` is not as runtime/operators/README.md has it
  KernelInfo(const ort::Api& api, const ort::KernelInfo* info, const char* operator_name, std::size_t inputs,
             WeightFiles& files);

  std::int64_t integer(const char* name) const;
  /// A size: an integer within [minimum, 2^31).
  std::size_t size(const char* name, std::size_t minimum) const;
  std::size_t size(const char* name, std::size_t minimum, std::size_t otherwise) const;
  float real(const char* name) const;
  float real(const char* name, float otherwise) const;
  /// Empty where it is absent.
  std::string text(const char* name) const;

  /// What is stored for input `index`, in a weights file or in the graph. Its dimensions are valid as long as this
  /// object.
  /// @returns nothing when the input is absent or computed by the graph
  std::optional<Tensor> constant(std::size_t index) const;

  /// A stored tensor of exactly `count` elements.
  Tensor weight(std::size_t index, const char* what, std::initializer_list<int> types, std::size_t count) const;

  /// A stored floating-point tensor of exactly `count` elements, copied as float32; empty when absent.
  std::vector<float> floats(std::size_t index, const char* what, std::size_t count) const;

  /// Inputs that `constant` did not find as constants of the graph. They must be absent: a graph may not compute what
  /// has to be stored.
  const std::vector<std::size_t>& not_stored() const { return not_stored_; }

  /// Bytes of everything that `constant` found.
  std::size_t stored_bytes() const;

  std::string node_name() const;

  [[noreturn]] void malformed(const std::string& why) const;

 private:
  /// A tensor in a weights file.
  struct Place {
    int type;
    std::vector<std::int64_t> dims;
    const std::uint8_t* data;
  };

  void read_places(WeightFiles& files);
  Place read_place(std::string_view numbers, std::span<const std::uint8_t> file, std::size_t* index) const;

  const ort::Api& api_;
  const ort::KernelInfo* info_;
  const char* operator_name_;
  std::size_t inputs_;
  std::map<std::size_t, Place> places_;  // by input
  mutable std::vector<std::size_t> not_stored_;
  mutable std::vector<std::size_t> bytes_;  // by input
};

/// A kernel's view of one run.
class KernelContext {
 public:
  KernelContext(const ort::Api& api, ort::KernelContext* context, SessionState& state)
      : api_(api), context_(context), state_(state) {}

  /// @returns nothing when the optional input is absent
  std::optional<Tensor> optional_input(std::size_t index) const;

  /// A float32 input of shape [rows, columns]; returns the rows.
  const float* matrix(std::size_t index, std::size_t columns, std::size_t* rows) const;

  /// The int64 inputs of our operators.
  std::span<const std::int64_t> integers(std::size_t index) const;

  float* output(std::size_t index, std::size_t rows, std::size_t columns) const;

  /// Runs on the session's threads.
  Parallel parallel() const { return state_.threads.parallel(); }

  /// Announces that the operator is about to read `reading`.
  void begin_reading(Reading& reading) const { state_.reading_order.begin(reading, state_.threads); }

 private:
  const ort::Api& api_;
  ort::KernelContext* context_;
  SessionState& state_;
};

class Kernel {
 public:
  virtual ~Kernel() = default;
  virtual void compute(const KernelContext& context) = 0;

  /// Bytes of weights and cache that the last compute() had to read, for the profile.
  /// @returns nothing when it read all that is stored for it, once
  virtual std::optional<std::size_t> bytes_read() const { return std::nullopt; }
};

struct InputSpec {
  int type;  // ort::kAnyType where several are taken; the kernel checks
  bool optional;
};

struct OperatorSpec {
  const char* name;
  std::span<const InputSpec> inputs;
  std::size_t outputs;           // all float32
  std::size_t optional_outputs;  // further ones, behind them
  std::unique_ptr<Kernel> (*create)(const KernelInfo& info, SessionState& state);
};

/// The operators of one session, registered as its domain; must outlive the session.
class OperatorDomain {
 public:
  OperatorDomain(const ort::Api& api, SessionState& state);
  ~OperatorDomain();
  OperatorDomain(const OperatorDomain&) = delete;
  OperatorDomain& operator=(const OperatorDomain&) = delete;

  ort::CustomOpDomain* get() const { return domain_; }

 private:
  struct Operator;
  struct Instance;
  friend struct OperatorFunctions;

  const ort::Api& api_;
  std::vector<std::unique_ptr<Operator>> operators_;
  ort::CustomOpDomain* domain_ = nullptr;
};

/// Every operator of our domain (operators.cpp).
std::span<const OperatorSpec> operator_specs();

}  // namespace nibble

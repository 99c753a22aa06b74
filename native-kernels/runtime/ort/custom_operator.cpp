#include "custom_operator.h"

#include <array>
#include <exception>
#include <limits>
#include <new>

namespace nibble {

struct OperatorDomain::Operator {
  ort::CustomOp functions;  // first: ONNX Runtime hands this address back
  const OperatorSpec* spec;
  const ort::Api* api;
  SessionState* state;
};

struct OperatorDomain::Instance {
  const Operator* op;
  std::unique_ptr<Kernel> kernel;
  std::vector<std::size_t> to_be_absent;  // looked at in the first run, then emptied
  std::string name;
  std::size_t stored_bytes;
  std::optional<std::size_t> profile_node;
};

/// The C functions that ONNX Runtime calls.
struct OperatorFunctions {
  using Operator = OperatorDomain::Operator;
  using Instance = OperatorDomain::Instance;

  static const Operator& of(const ort::CustomOp* op) { return *reinterpret_cast<const Operator*>(op); }

  static ort::Status* failed(const Operator& op, const Error& error) {
    op.state->record(error);
    return op.api->create_status(ort::kCodeFail, error.what());
  }

  /// Runs `body`; whatever it throws becomes a status.
  template <typename Body>
  static ort::Status* guarded(const Operator& op, const Body& body) {
    try {
      body();
      return nullptr;
    } catch (const Error& error) {
      return failed(op, error);
    } catch (const std::bad_alloc&) {
      return failed(op, Error("out-of-memory", std::string(op.spec->name) + ": there is not enough memory"));
    } catch (const std::exception& error) {
      return failed(op, Error("internal", std::string(op.spec->name) + ": " + error.what()));
    }
  }

  static const char* name(const ort::CustomOp* op) { return of(op).spec->name; }
  static const char* provider(const ort::CustomOp*) { return "CPUExecutionProvider"; }
  static std::size_t input_count(const ort::CustomOp* op) { return of(op).spec->inputs.size(); }
  static int input_type(const ort::CustomOp* op, std::size_t index) { return of(op).spec->inputs[index].type; }
  static int input_characteristic(const ort::CustomOp* op, std::size_t index) {
    return of(op).spec->inputs[index].optional ? 1 : 0;
  }
  static std::size_t output_count(const ort::CustomOp* op) {
    return of(op).spec->outputs + of(op).spec->optional_outputs;
  }
  static int output_characteristic(const ort::CustomOp* op, std::size_t index) {
    return index >= of(op).spec->outputs ? 1 : 0;
  }
  static int output_type(const ort::CustomOp*, std::size_t) { return ort::kFloat; }
  static int zero_for_index(const ort::CustomOp*, std::size_t) { return 0; }
  static int zero(const ort::CustomOp*) { return 0; }
  static int first_version(const ort::CustomOp*) { return 1; }
  static int last_version(const ort::CustomOp*) { return std::numeric_limits<int>::max(); }

  static ort::Status* create(const ort::CustomOp* op, const void*, const ort::KernelInfo* info, void** kernel) {
    const Operator& self = of(op);
    return guarded(self, [&] {
      const KernelInfo view(*self.api, info, self.spec->name, self.spec->inputs.size(), self.state->weight_files);
      auto instance = std::make_unique<Instance>();
      instance->op = &self;
      instance->kernel = self.spec->create(view, *self.state);
      instance->to_be_absent = view.not_stored();
      instance->name = view.node_name();
      instance->stored_bytes = view.stored_bytes();
      *kernel = instance.release();
    });
  }

  static ort::Status* compute(void* kernel, ort::KernelContext* context) {
    Instance& instance = *static_cast<Instance*>(kernel);
    return guarded(*instance.op, [&] {
      const KernelContext view(*instance.op->api, context, *instance.op->state);
      for (const std::size_t index : instance.to_be_absent) {
        if (view.optional_input(index)) {
          throw Error("malformed-file", std::string("operator ") + instance.op->spec->name + ": input " +
                                            std::to_string(index) + " is computed, it has to be stored");
        }
      }
      instance.to_be_absent.clear();
      Profile* const profile = instance.op->state->profile.get();
      if (profile == nullptr) {
        instance.kernel->compute(view);
      } else {
        compute_measured(instance, view, *profile);
      }
    });
  }

  static void compute_measured(Instance& instance, const KernelContext& context, Profile& profile) {
    if (!instance.profile_node) instance.profile_node = profile.add_node(instance.op->spec->name, instance.name);
    const Profile::Clock::time_point start = Profile::Clock::now();
    instance.kernel->compute(context);
    const Profile::Clock::duration duration = Profile::Clock::now() - start;
    profile.add_call(*instance.profile_node, duration, instance.kernel->bytes_read().value_or(instance.stored_bytes));
  }

  static void destroy(void* kernel) { delete static_cast<Instance*>(kernel); }
};

OperatorDomain::OperatorDomain(const ort::Api& api, SessionState& state) : api_(api) {
  using F = OperatorFunctions;
  api_.create_domain("nibble", &domain_);
  for (const OperatorSpec& spec : operator_specs()) {
    ort::CustomOp functions{};
    functions.version = ort::kApiVersion;
    functions.name = F::name;
    functions.provider = F::provider;
    functions.input_type = F::input_type;
    functions.input_count = F::input_count;
    functions.output_type = F::output_type;
    functions.output_count = F::output_count;
    functions.destroy = F::destroy;
    functions.input_characteristic = F::input_characteristic;
    functions.output_characteristic = F::output_characteristic;
    functions.input_memory_type = F::zero_for_index;
    functions.variadic_input_minimum = F::zero;
    functions.variadic_input_homogeneous = F::zero;
    functions.variadic_output_minimum = F::zero;
    functions.variadic_output_homogeneous = F::zero;
    functions.create_kernel_v2 = F::create;
    functions.compute_v2 = F::compute;
    functions.start_version = F::first_version;
    functions.end_version = F::last_version;
    operators_.push_back(std::make_unique<Operator>(Operator{functions, &spec, &api, &state}));
    api_.domain_add(domain_, &operators_.back()->functions);
  }
}

OperatorDomain::~OperatorDomain() { api_.release(domain_); }

namespace {

Tensor read_tensor(const ort::Api& api, const ort::Value* value) {
  int type = 0;
  const std::int64_t* dims = nullptr;
  std::size_t rank = 0;
  api.tensor_type_and_shape(value, &type, &dims, &rank);
  return {type, {dims, rank}, api.tensor_data(value)};
}

}  // namespace

std::size_t Tensor::count() const {
  std::size_t result = 1;
  for (const std::int64_t dim : dims) {
    if (dim < 0) throw Error("malformed-file", "a tensor has a negative dimension");
    const auto size = static_cast<std::size_t>(dim);
    if (size != 0 && result > std::numeric_limits<std::size_t>::max() / size) {
      throw Error("malformed-file", "a tensor is too large");
    }
    result *= size;
  }
  return result;
}

std::optional<Tensor> KernelContext::optional_input(std::size_t index) const {
  if (index >= api_.context_input_count(context_)) return std::nullopt;
  const ort::Value* value = api_.context_input(context_, index);
  if (value == nullptr) return std::nullopt;
  return read_tensor(api_, value);
}

const float* KernelContext::matrix(std::size_t index, std::size_t columns, std::size_t* rows) const {
  const Tensor tensor = read_tensor(api_, api_.context_input(context_, index));
  if (tensor.type != ort::kFloat || tensor.dims.size() != 2 || tensor.dims[0] < 0 ||
      tensor.dims[1] != static_cast<std::int64_t>(columns)) {
    throw Error("malformed-file", "the graph passes activations of a wrong shape to input " + std::to_string(index) +
                                      ", which takes [tokens, " + std::to_string(columns) + "]");
  }
  *rows = static_cast<std::size_t>(tensor.dims[0]);
  return static_cast<const float*>(tensor.data);
}

std::span<const std::int64_t> KernelContext::integers(std::size_t index) const {
  const Tensor tensor = read_tensor(api_, api_.context_input(context_, index));
  if (tensor.type != ort::kInt64 || tensor.dims.size() != 1) {
    throw Error("malformed-file",
                "the graph passes input " + std::to_string(index) + ", which takes int64 [n], another");
  }
  return {static_cast<const std::int64_t*>(tensor.data), tensor.count()};
}

float* KernelContext::output(std::size_t index, std::size_t rows, std::size_t columns) const {
  const std::array<std::int64_t, 2> dims{static_cast<std::int64_t>(rows), static_cast<std::int64_t>(columns)};
  return static_cast<float*>(api_.tensor_data(api_.context_output(context_, index, dims.data(), dims.size())));
}

}  // namespace nibble

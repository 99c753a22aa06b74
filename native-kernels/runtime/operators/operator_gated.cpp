#include "elementwise.h"
#include "for_rows.h"
#include "operators.h"

namespace nibble {
namespace {

constexpr std::size_t kElementsPerTask = 4096;

using Multiply = void (*)(const float* gate, const float* up, float* out, std::size_t count, Isa isa);

/// An activated gate times another product.
class Gated final : public Kernel {
 public:
  Gated(const char* name, Multiply multiply, Isa isa) : name_(name), multiply_(multiply), isa_(isa) {}

  void compute(const KernelContext& context) override {
    const std::optional<Tensor> gate = context.optional_input(0);
    const std::optional<Tensor> up = context.optional_input(1);
    if (!gate || !up || gate->dims.size() != 2 || up->dims.size() != 2 || gate->dims[0] != up->dims[0] ||
        gate->dims[1] != up->dims[1]) {
      throw Error("malformed-file",
                  std::string("operator ") + name_ + ": its inputs are not two matrices of the same shape");
    }
    const std::size_t count = gate->count();
    float* out = context.output(0, static_cast<std::size_t>(gate->dims[0]), static_cast<std::size_t>(gate->dims[1]));
    const auto* g = static_cast<const float*>(gate->data);
    const auto* u = static_cast<const float*>(up->data);
    for_rows(context.parallel(), count, kElementsPerTask, [&](std::size_t begin, std::size_t end) {
      multiply_(g + begin, u + begin, out + begin, end - begin, isa_);
    });
  }

 private:
  const char* name_;
  Multiply multiply_;
  Isa isa_;
};

/// x times one stored number, or every column of it times one of its own.
class ScaleStored final : public Kernel {
 public:
  explicit ScaleStored(const KernelInfo& info) {
    const std::optional<Tensor> stored = info.constant(1);
    if (!stored || stored->count() == 0) info.malformed("the factor is not stored");
    factor_ = info.floats(1, "the factor", stored->count());
  }

  void compute(const KernelContext& context) override {
    const std::optional<Tensor> x = context.optional_input(0);
    if (!x || x->dims.size() != 2) throw Error("malformed-file", "operator ScaleStored: its input is no matrix");
    const auto rows = static_cast<std::size_t>(x->dims[0]);
    const auto width = static_cast<std::size_t>(x->dims[1]);
    if (factor_.size() != 1 && factor_.size() != width) {
      throw Error("malformed-file", "operator ScaleStored: its factors do not fit its input");
    }
    float* out = context.output(0, rows, width);
    const auto* values = static_cast<const float*>(x->data);
    const std::size_t step = factor_.size() == 1 ? 0 : 1;
    for (std::size_t row = 0; row < rows; ++row) {
      for (std::size_t i = 0; i < width; ++i) out[row * width + i] = values[row * width + i] * factor_[i * step];
    }
  }

 private:
  std::vector<float> factor_;
};

}  // namespace

std::unique_ptr<Kernel> create_scale_stored(const KernelInfo& info, SessionState&) {
  return std::make_unique<ScaleStored>(info);
}

std::unique_ptr<Kernel> create_silu_mul(const KernelInfo&, SessionState& state) {
  return std::make_unique<Gated>("SiluMul", silu_multiply, state.isa);
}

std::unique_ptr<Kernel> create_gelu_mul(const KernelInfo&, SessionState& state) {
  return std::make_unique<Gated>("GeluMul", gelu_multiply, state.isa);
}

}  // namespace nibble

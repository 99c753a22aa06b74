// The matrix products. Every size of the stored weights is checked while the graph is loaded; a run only checks that
// the activations have the right width.

#include <cstring>

#include "float_convert.h"
#include "linear.h"
#include "operators.h"

namespace nibble {
namespace {

constexpr std::size_t kNestedBlock = 256;

std::size_t ceil_divide(std::size_t a, std::size_t b) { return (a + b - 1) / b; }

/// Common to the four: the bias, the shape of the product and the call.
class LinearKernel : public Kernel {
 public:
  void compute(const KernelContext& context) final {
    std::size_t tokens = 0;
    const float* x = context.matrix(0, columns_, &tokens);
    float* y = context.output(0, tokens, rows_);
    if (tokens != 0) multiply(x, tokens, bias_.empty() ? nullptr : bias_.data(), y, context.parallel());
  }

 protected:
  explicit LinearKernel(const SessionState& state) : mode_(state.mode), isa_(state.isa) {}

  virtual void multiply(const float* x, std::size_t tokens, const float* bias, float* y,
                        const Parallel& parallel) const = 0;

  void set_shape(const KernelInfo& info, std::size_t rows, std::size_t columns, std::size_t bias_index) {
    rows_ = rows;
    columns_ = columns;
    bias_ = info.floats(bias_index, "the bias", rows);
  }

  Mode mode_;
  Isa isa_;

 private:
  std::size_t rows_ = 0;
  std::size_t columns_ = 0;
  std::vector<float> bias_;
};

/// A small table of float32 numbers, copied because mapped data may be unaligned.
std::vector<float> read_table(const KernelInfo& info, std::size_t index, const char* what, std::size_t count) {
  const Tensor tensor = info.weight(index, what, {ort::kFloat}, count);
  std::vector<float> table(count);
  std::memcpy(table.data(), tensor.data, count * sizeof(float));
  return table;
}

class Linear4 final : public LinearKernel {
 public:
  Linear4(const KernelInfo& info, const SessionState& state) : LinearKernel(state) {
    w_.rows = info.size("out_features", 1);
    w_.columns = info.size("in_features", 1);
    w_.block_size = info.size("block_size", 1);
    const std::size_t count = w_.rows * w_.columns;
    const std::size_t blocks = ceil_divide(count, w_.block_size);
    w_.codes = static_cast<const std::uint8_t*>(info.weight(1, "the codes", {ort::kUint8}, ceil_divide(count, 2)).data);
    const Tensor absmax = info.weight(2, "absmax", {ort::kFloat, ort::kUint8}, blocks);
    map_ = read_table(info, 3, "the quantization map", 16);
    w_.map = map_.data();
    if (absmax.type == ort::kFloat) {
      w_.absmax = static_cast<const float*>(absmax.data);
    } else {
      w_.absmax_codes = static_cast<const std::uint8_t*>(absmax.data);
      w_.nested_absmax = static_cast<const float*>(
          info.weight(4, "the nested absmax", {ort::kFloat}, ceil_divide(blocks, kNestedBlock)).data);
      nested_map_ = read_table(info, 5, "the nested quantization map", 256);
      w_.nested_map = nested_map_.data();
      curve_ = nested_curve(nested_map_.data());
      if (curve_) w_.nested_curve = &*curve_;
      w_.nested_offset = info.real("nested_offset");
    }
    set_shape(info, w_.rows, w_.columns, 6);
  }

 private:
  void multiply(const float* x, std::size_t tokens, const float* bias, float* y,
                const Parallel& parallel) const override {
    linear4(w_, x, tokens, bias, y, mode_, isa_, parallel);
  }

  Linear4Weights w_{};
  std::vector<float> map_;
  std::vector<float> nested_map_;
  std::optional<NestedCurve> curve_;
};

class LinearInt8Rows final : public LinearKernel {
 public:
  LinearInt8Rows(const KernelInfo& info, const SessionState& state) : LinearKernel(state) {
    const std::optional<Tensor> codes = info.constant(1);
    if (!codes || codes->type != ort::kInt8 || codes->dims.size() != 2 || codes->count() == 0) {
      info.malformed("the weight is not a stored int8 matrix");
    }
    w_.codes = static_cast<const std::int8_t*>(codes->data);
    w_.rows = static_cast<std::size_t>(codes->dims[0]);
    w_.columns = static_cast<std::size_t>(codes->dims[1]);
    w_.row_absmax = static_cast<const float*>(info.weight(2, "the row absmax", {ort::kFloat}, w_.rows).data);
    w_.threshold = info.real("threshold", 6.0f);
    set_shape(info, w_.rows, w_.columns, 3);
  }

 private:
  void multiply(const float* x, std::size_t tokens, const float* bias, float* y,
                const Parallel& parallel) const override {
    linear_int8_rows(w_, x, tokens, bias, y, mode_, isa_, parallel);
  }

  LinearInt8RowsWeights w_{};
};

class LinearAffine final : public LinearKernel {
 public:
  LinearAffine(const KernelInfo& info, const SessionState& state) : LinearKernel(state) {
    w_.rows = info.size("out_features", 1);
    w_.columns = info.size("in_features", 1);
    const std::size_t block_size = info.size("block_size", 0);
    w_.per_tensor = block_size == 0;
    w_.block_size = w_.per_tensor ? w_.columns : block_size;
    w_.bits = static_cast<int>(info.integer("bits"));
    const std::size_t count = w_.rows * w_.columns;
    if (w_.bits == 8) {
      w_.codes = static_cast<const std::int8_t*>(info.weight(1, "the codes", {ort::kInt8}, count).data);
    } else if (w_.bits == 4) {
      w_.packed =
          static_cast<const std::uint8_t*>(info.weight(1, "the codes", {ort::kUint8}, ceil_divide(count, 2)).data);
    } else {
      info.malformed("bits is neither 4 nor 8");
    }
    const std::size_t scales = w_.per_tensor ? 1 : w_.rows * ceil_divide(w_.columns, w_.block_size);
    w_.scales = static_cast<const float*>(info.weight(2, "the scales", {ort::kFloat}, scales).data);
    if (info.constant(3)) {
      w_.zero_points = static_cast<const std::int8_t*>(info.weight(3, "the zero points", {ort::kInt8}, scales).data);
    }
    set_shape(info, w_.rows, w_.columns, 4);
  }

 private:
  void multiply(const float* x, std::size_t tokens, const float* bias, float* y,
                const Parallel& parallel) const override {
    linear_affine(w_, x, tokens, bias, y, mode_, isa_, parallel);
  }

  LinearAffineWeights w_{};
};

class Linear16 final : public LinearKernel {
 public:
  Linear16(const KernelInfo& info, const SessionState& state) : LinearKernel(state) {
    const std::optional<Tensor> weight = info.constant(1);
    if (!weight || weight->dims.size() != 2 || weight->count() == 0)
      info.malformed("the weight is not a stored matrix");
    w_.weight = weight->data;
    w_.type = weight_type(weight->type);
    w_.rows = static_cast<std::size_t>(weight->dims[0]);
    w_.columns = static_cast<std::size_t>(weight->dims[1]);
    set_shape(info, w_.rows, w_.columns, 2);
  }

 private:
  void multiply(const float* x, std::size_t tokens, const float* bias, float* y,
                const Parallel& parallel) const override {
    linear16(w_, x, tokens, bias, y, mode_, isa_, parallel);
  }

  Linear16Weights w_{};
};

}  // namespace

std::unique_ptr<Kernel> create_linear4(const KernelInfo& info, SessionState& state) {
  return std::make_unique<Linear4>(info, state);
}

std::unique_ptr<Kernel> create_linear_int8_rows(const KernelInfo& info, SessionState& state) {
  return std::make_unique<LinearInt8Rows>(info, state);
}

std::unique_ptr<Kernel> create_linear_affine(const KernelInfo& info, SessionState& state) {
  return std::make_unique<LinearAffine>(info, state);
}

std::unique_ptr<Kernel> create_linear16(const KernelInfo& info, SessionState& state) {
  return std::make_unique<Linear16>(info, state);
}

}  // namespace nibble

#include <algorithm>

#include "float_convert.h"
#include "operators.h"

namespace nibble {
namespace {

class Embedding final : public Kernel {
 public:
  Embedding(const KernelInfo& info, SessionState& state) : scale_(info.real("scale", 1.0f)) {
    const std::optional<Tensor> weight = info.constant(1);
    if (!weight || weight->dims.size() != 2) info.malformed("the weight is not a stored matrix");
    type_ = weight_type(weight->type);
    weight->count();
    vocabulary_ = weight->dims[0];
    width_ = static_cast<std::size_t>(weight->dims[1]);
    data_ = weight->data;
    // Of several tables the shortest decides.
    const auto rows = static_cast<std::size_t>(vocabulary_);
    state.embedding_rows = state.embedding_rows == 0 ? rows : std::min(state.embedding_rows, rows);
  }

  void compute(const KernelContext& context) override {
    const std::span<const std::int64_t> ids = context.integers(0);
    float* out = context.output(0, ids.size(), width_);
    for (const std::int64_t id : ids) {
      if (id < 0 || id >= vocabulary_) {
        throw Error("invalid-input",
                    "token id " + std::to_string(id) + " is outside the vocabulary of " + std::to_string(vocabulary_));
      }
      convert_to_float(data_, type_, static_cast<std::size_t>(id) * width_, width_, out);
      if (scale_ != 1.0f) {
        for (std::size_t i = 0; i < width_; ++i) out[i] *= scale_;
      }
      out += width_;
    }
    bytes_read_ = ids.size() * width_ * (type_ == WeightType::f32 ? 4 : 2);
  }

  /// The rows of the tokens alone.
  std::optional<std::size_t> bytes_read() const override { return bytes_read_; }

 private:
  float scale_;
  WeightType type_{};
  std::int64_t vocabulary_ = 0;
  std::size_t width_ = 0;
  const void* data_ = nullptr;
  std::size_t bytes_read_ = 0;
};

}  // namespace

std::unique_ptr<Kernel> create_embedding(const KernelInfo& info, SessionState& state) {
  return std::make_unique<Embedding>(info, state);
}

}  // namespace nibble

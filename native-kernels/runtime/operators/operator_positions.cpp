#include "float_convert.h"
#include "for_rows.h"
#include "operators.h"

namespace nibble {
namespace {

constexpr std::size_t kRowsPerTask = 8;

/// Adds the rows of a table that belong to the positions of the tokens.
class AddPositions final : public Kernel {
 public:
  explicit AddPositions(const KernelInfo& info) {
    const std::optional<Tensor> weight = info.constant(2);
    if (!weight || weight->dims.size() != 2) info.malformed("the weight is not a stored matrix");
    type_ = weight_type(weight->type);
    weight->count();
    positions_ = static_cast<std::size_t>(weight->dims[0]);
    width_ = static_cast<std::size_t>(weight->dims[1]);
    data_ = weight->data;
  }

  void compute(const KernelContext& context) override {
    std::size_t tokens = 0;
    const float* x = context.matrix(0, width_, &tokens);
    const std::span<const std::int64_t> position = context.integers(1);
    if (position.size() != 1 || position[0] < 0) {
      throw Error("malformed-file", "operator AddPositions: position is not one number");
    }
    const auto first = static_cast<std::size_t>(position[0]);
    if (first + tokens > positions_) {
      throw Error("invalid-input", "the model has learned " + std::to_string(positions_) + " positions, not " +
                                       std::to_string(first + tokens));
    }
    float* out = context.output(0, tokens, width_);
    for_rows(context.parallel(), tokens, kRowsPerTask, [&](std::size_t begin, std::size_t end) {
      for (std::size_t token = begin; token < end; ++token) {
        float* row = out + token * width_;
        convert_to_float(data_, type_, (first + token) * width_, width_, row);
        for (std::size_t i = 0; i < width_; ++i) row[i] += x[token * width_ + i];
      }
    });
    bytes_read_ = tokens * width_ * (type_ == WeightType::f32 ? 4 : 2);
  }

  /// The rows of the tokens alone.
  std::optional<std::size_t> bytes_read() const override { return bytes_read_; }

 private:
  WeightType type_{};
  std::size_t positions_ = 0;
  std::size_t width_ = 0;
  const void* data_ = nullptr;
  std::size_t bytes_read_ = 0;
};

}  // namespace

std::unique_ptr<Kernel> create_add_positions(const KernelInfo& info, SessionState&) {
  return std::make_unique<AddPositions>(info);
}

}  // namespace nibble

// A norm of groups of a row that a gate opens or closes.

#include "elementwise.h"
#include "for_rows.h"
#include "operators.h"

namespace nibble {
namespace {

constexpr std::size_t kRowsPerTask = 4;

class GatedRmsNorm final : public Kernel {
 public:
  GatedRmsNorm(const KernelInfo& info, const SessionState& state)
      : isa_(state.isa),
        group_(info.size("group", 1)),
        gate_first_(info.integer("gate_first") != 0),
        epsilon_(info.real("epsilon")) {
    const std::optional<Tensor> stored = info.constant(2);
    if (!stored || stored->count() == 0 || stored->count() % group_ != 0) {
      info.malformed("its weight is not a stored vector of whole groups");
    }
    weight_ = info.floats(2, "the weight", stored->count());
  }

  void compute(const KernelContext& context) override {
    const std::optional<Tensor> given = context.optional_input(0);
    if (!given || given->dims.size() != 2 || given->dims[1] < 1) {
      throw Error("malformed-file", "operator GatedRmsNorm: its input is no matrix");
    }
    const auto width = static_cast<std::size_t>(given->dims[1]);
    // One weight for all groups, or one for each element.
    if (width % group_ != 0 || (weight_.size() != group_ && weight_.size() != width)) {
      throw Error("malformed-file", "operator GatedRmsNorm: its groups do not fit its input");
    }
    std::size_t rows = 0;
    std::size_t gate_rows = 0;
    const float* x = context.matrix(0, width, &rows);
    const float* gate = context.matrix(1, width, &gate_rows);
    if (gate_rows != rows) throw Error("malformed-file", "operator GatedRmsNorm: its inputs differ in length");
    float* out = context.output(0, rows, width);
    for_rows(context.parallel(), rows, kRowsPerTask, [&](std::size_t begin, std::size_t end) {
      for (std::size_t row = begin; row < end; ++row) {
        const std::size_t at = row * width;
        if (gate_first_) {
          silu_multiply(gate + at, x + at, out + at, width, isa_);
          normalize(out + at, out + at, width);
        } else {
          normalize(x + at, out + at, width);
          silu_multiply(gate + at, out + at, out + at, width, isa_);
        }
      }
    });
  }

 private:
  void normalize(const float* from, float* to, std::size_t width) const {
    for (std::size_t i = 0; i < width; i += group_) {
      rms_normalize(from + i, weight_.data() + (weight_.size() == group_ ? 0 : i), group_, epsilon_, to + i);
    }
  }

  Isa isa_;
  std::size_t group_;
  bool gate_first_;
  float epsilon_;
  std::vector<float> weight_;
};

}  // namespace

std::unique_ptr<Kernel> create_gated_rms_norm(const KernelInfo& info, SessionState& state) {
  return std::make_unique<GatedRmsNorm>(info, state);
}

}  // namespace nibble

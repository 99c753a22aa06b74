#include "recurrence.h"

#include "base/vector_functions.h"

namespace nibble {
namespace {

struct Work {
  const kernels::VectorFunctions* functions;
  const RecurrenceShape* shape;
  const RecurrenceCall* call;
};

}  // namespace

std::size_t recurrence_state_elements(const RecurrenceShape& shape) {
  return shape.heads * kernels::state_blocks(shape) * shape.key_dim * kStateColumns;
}

void recurrence(const RecurrenceShape& shape, const RecurrenceCall& call, Isa isa, const Parallel& parallel) {
  Work work{&kernels::vector_functions(isa), &shape, &call};
  parallel.run(
      parallel.context, shape.heads * kernels::state_blocks(shape),
      [](void* user, std::size_t block) {
        const Work& w = *static_cast<const Work*>(user);
        w.functions->recur(*w.shape, *w.call, block);
      },
      &work);
}

std::size_t convolution_stride(std::size_t channels) {
  return (channels + kStateColumns - 1) / kStateColumns * kStateColumns;
}

void convolve(const Convolution& convolution, const float* const* rows, float* out, Isa isa) {
  kernels::vector_functions(isa).convolve(convolution, rows, out);
}

}  // namespace nibble

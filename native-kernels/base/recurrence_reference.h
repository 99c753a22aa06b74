#pragma once

// The scalar versions of recurrence.h, which define it.

#include "recurrence.h"

namespace nibble::kernels {

void recur_plainly(const RecurrenceShape& shape, const RecurrenceCall& call, std::size_t block);
void convolve_plainly(const Convolution& convolution, const float* const* rows, float* out);

}  // namespace nibble::kernels

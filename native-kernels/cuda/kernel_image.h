#pragma once

namespace nibble::cuda {

/// The compiled kernels of kernels/kernels.cu for all architectures (a fatbin), or null in a build without nvcc.
const void* kernel_image();

}  // namespace nibble::cuda

#pragma once

namespace nibble::cuda {

/// The compiled kernels of decoder/kernels/decoder_kernels.cu for all architectures, or null in a build without nvcc.
const void* decoder_image();

}  // namespace nibble::cuda

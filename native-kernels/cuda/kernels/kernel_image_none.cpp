// Stands in for the generated file of kernel_image.h where there is no CUDA compiler.

#include "cuda/kernel_image.h"

namespace nibble::cuda {

const void* kernel_image() { return nullptr; }

}  // namespace nibble::cuda

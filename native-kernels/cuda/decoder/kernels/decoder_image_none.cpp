// Stands in for the generated file of decoder_image.h where there is no CUDA compiler.

#include "cuda/decoder/decoder_image.h"

namespace nibble::cuda {

const void* decoder_image() { return nullptr; }

}  // namespace nibble::cuda

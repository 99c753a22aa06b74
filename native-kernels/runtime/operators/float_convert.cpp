#include "float_convert.h"

#include <bit>
#include <cstdint>
#include <cstring>

#include "error.h"
#include "half.h"
#include "runtime/ort/ort_abi.h"

namespace nibble {

WeightType weight_type(int onnx_type) {
  switch (onnx_type) {
    case ort::kFloat:
      return WeightType::f32;
    case ort::kFloat16:
      return WeightType::f16;
    case ort::kBfloat16:
      return WeightType::bf16;
    default:
      throw Error("malformed-file", "a weight is neither float32, float16 nor bfloat16");
  }
}

void convert_to_float(const void* data, WeightType type, std::size_t begin, std::size_t count, float* out) {
  if (type == WeightType::f32) {
    std::memcpy(out, static_cast<const unsigned char*>(data) + begin * 4, count * 4);
    return;
  }
  const unsigned char* source = static_cast<const unsigned char*>(data) + begin * 2;
  for (std::size_t i = 0; i < count; ++i) {
    std::uint16_t bits;
    std::memcpy(&bits, source + 2 * i, 2);
    out[i] = type == WeightType::bf16 ? std::bit_cast<float>(std::uint32_t{bits} << 16) : float_from_half(bits);
  }
}

}  // namespace nibble

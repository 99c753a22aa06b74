// Activations to int8: the same roundings as rounding::quantize_activations.

#include "cpu/neon/linear_neon.h"
#include "cpu/neon/linear_table.h"

namespace nibble::linear::neon {
namespace {

/// Largest magnitude by its bits: as integers magnitudes order like floats, and NaN lies above infinity.
std::uint32_t absmax_bits(const float* x, std::size_t count) {
  constexpr std::uint32_t kMagnitude = 0x7fffffffu;
  uint32x4_t largest = vdupq_n_u32(0);
  std::size_t i = 0;
  for (; i + 4 <= count; i += 4) {
    largest = vmaxq_u32(largest, vandq_u32(vreinterpretq_u32_f32(vld1q_f32(x + i)), vdupq_n_u32(kMagnitude)));
  }
  std::uint32_t result = vmaxvq_u32(largest);
  for (; i < count; ++i) {
    const std::uint32_t bits = static_cast<std::uint32_t>(load_dword(x + i)) & kMagnitude;
    result = bits > result ? bits : result;
  }
  return result;
}

/// 16 activations as codes; they lie within -127 and 127.
int8x16_t round16(const float* x, float inverse) {
  const int32x4_t a = vcvtnq_s32_f32(vmulq_n_f32(vld1q_f32(x), inverse));
  const int32x4_t b = vcvtnq_s32_f32(vmulq_n_f32(vld1q_f32(x + 4), inverse));
  const int32x4_t c = vcvtnq_s32_f32(vmulq_n_f32(vld1q_f32(x + 8), inverse));
  const int32x4_t d = vcvtnq_s32_f32(vmulq_n_f32(vld1q_f32(x + 12), inverse));
  const int16x8_t ab = vcombine_s16(vmovn_s32(a), vmovn_s32(b));
  const int16x8_t cd = vcombine_s16(vmovn_s32(c), vmovn_s32(d));
  return vcombine_s8(vmovn_s16(ab), vmovn_s16(cd));
}

/// Writes `count` codes. @returns their sum
std::int32_t write_codes(const float* x, std::size_t count, float inverse, std::int8_t* codes) {
  if (inverse == 0) {
    std::memset(codes, 0, count);
    return 0;
  }
  std::int32_t sum = 0;
  std::size_t i = 0;
  for (; i + 16 <= count; i += 16) {
    const int8x16_t sixteen = round16(x + i, inverse);
    sum += vaddlvq_s8(sixteen);
    vst1q_s8(codes + i, sixteen);
  }
  if (i < count) {
    float values[16] = {};
    std::int8_t last[16];
    std::memcpy(values, x + i, (count - i) * sizeof(float));
    const int8x16_t sixteen = round16(values, inverse);
    sum += vaddlvq_s8(sixteen);
    vst1q_s8(last, sixteen);
    std::memcpy(codes + i, last, count - i);
  }
  return sum;
}

/// Puts every 128 codes in Order::even_odd.
void part_even_and_odd(std::int8_t* codes, std::size_t count) {
  for (std::size_t at = 0; at < count; at += kActivationPad) {
    int8x16x2_t pairs[4];
    for (std::size_t i = 0; i < 4; ++i) pairs[i] = vld2q_s8(codes + at + 32 * i);
    for (std::size_t i = 0; i < 4; ++i) {
      vst1q_s8(codes + at + 16 * i, pairs[i].val[0]);
      vst1q_s8(codes + at + kActivationPad / 2 + 16 * i, pairs[i].val[1]);
    }
  }
}

}  // namespace

void quantize(const QuantizeJob& job) {
  const std::size_t padded = (job.columns + kActivationPad - 1) / kActivationPad * kActivationPad;
  const std::size_t groups = (job.columns + job.group - 1) / job.group;
  for (std::size_t g = groups; g < job.scale_stride; ++g) {
    job.scales[g] = 0;
    job.offsets[g] = 0;
  }
  for (std::size_t g = 0; g < groups; ++g) {
    const std::size_t at = g * job.group;
    const std::size_t count = smaller(job.group, job.columns - at);
    const Scaling scaling = scaling_of(absmax_bits(job.x + at, count));
    job.scales[g] = scaling.scale;
    job.offsets[g] = job.offset_factor * write_codes(job.x + at, count, scaling.inverse, job.codes + at);
  }
  std::memset(job.codes + job.columns, 0, padded - job.columns);
  if (job.order == Order::even_odd) part_even_and_odd(job.codes, padded);
}

}  // namespace nibble::linear::neon

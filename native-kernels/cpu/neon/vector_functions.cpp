#include <arm_neon.h>
#include <string.h>

#include "cpu/elementwise_kernel.h"

namespace nibble::kernels {
namespace {

struct Neon {
  using F = float32x4_t;
  static constexpr std::size_t kWidth = 4;
  static constexpr std::size_t kScoreVectors = 4;
  static constexpr std::size_t kValueVectors = 4;

  static F zero() { return vdupq_n_f32(0); }
  static F set(float x) { return vdupq_n_f32(x); }
  static F load(const float* p) { return vld1q_f32(p); }
  static F load_half(const std::uint16_t* p) { return vcvt_f32_f16(vreinterpret_f16_u16(vld1_u16(p))); }
  static F load_codes(const std::int8_t* p) {
    std::uint32_t four;
    memcpy(&four, p, sizeof four);
    const int8x8_t codes = vreinterpret_s8_u32(vdup_n_u32(four));
    return vcvtq_f32_s32(vmovl_s16(vget_low_s16(vmovl_s8(codes))));
  }
  static void prefetch(const void* p) { __builtin_prefetch(p); }
  static void store(float* p, F x) { vst1q_f32(p, x); }
  static void store_half(std::uint16_t* p, F x) { vst1_u16(p, vreinterpret_u16_f16(vcvt_f16_f32(x))); }
  static F add(F a, F b) { return vaddq_f32(a, b); }
  static F sub(F a, F b) { return vsubq_f32(a, b); }
  static F mul(F a, F b) { return vmulq_f32(a, b); }
  static F div(F a, F b) { return vdivq_f32(a, b); }
  static F fma(F a, F b, F c) { return vfmaq_f32(c, a, b); }
  static F min(F a, F b) { return vminnmq_f32(a, b); }
  static F max(F a, F b) { return vmaxnmq_f32(a, b); }
  static F scale_by_low_bits(F x, F bits) {
    return vreinterpretq_f32_s32(vaddq_s32(vreinterpretq_s32_f32(x), vshlq_n_s32(vreinterpretq_s32_f32(bits), 23)));
  }
  static F zero_where_below(F x, F test, float bound) {
    return vreinterpretq_f32_u32(vbicq_u32(vreinterpretq_u32_f32(x), vcltq_f32(test, vdupq_n_f32(bound))));
  }
  static float reduce_max(F x) { return vmaxnmvq_f32(x); }
  static float reduce_add(F x) { return vaddvq_f32(x); }
};

}  // namespace

const VectorFunctions kNeonFunctions = functions_of<Neon>();

}  // namespace nibble::kernels

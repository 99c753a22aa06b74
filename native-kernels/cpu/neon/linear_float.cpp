// Float32 products: decoding to float32, and dots of decoded or 16-bit rows.

#include "cpu/linear/linear_dots.h"
#include "cpu/neon/linear_neon.h"
#include "cpu/neon/linear_table.h"

namespace nibble::linear::neon {
namespace {

constexpr std::size_t kPrefetchAhead = 1024;

/// 4 stored weights as float32; the address need not be aligned.
template <WeightType kType>
float32x4_t load4(const unsigned char* p) {
  if constexpr (kType == WeightType::f32) {
    return vreinterpretq_f32_u8(vld1q_u8(p));
  } else {
    const uint16x4_t v = vreinterpret_u16_u8(vld1_u8(p));
    if constexpr (kType == WeightType::f16) return vcvt_f32_f16(vreinterpret_f16_u16(v));
    return vreinterpretq_f32_u32(vshll_n_u16(v, 16));
  }
}

/// The last `count` < 4 weights, zeros behind.
template <WeightType kType>
float32x4_t load_tail(const unsigned char* p, std::size_t count) {
  unsigned char bytes[16] = {};
  std::memcpy(bytes, p, count * kBytes<kType>);
  return load4<kType>(bytes);
}

/// See cpu/linear_dots.h.
struct Set {
  static constexpr std::size_t kDotRows = 4;

  /// kRows rows (row_stride bytes apart) times kTokens tokens. With few of both, kChains independent sums hide the
  /// latency of the FMA.
  template <WeightType kType, int kRows, int kTokens>
  static void block(const unsigned char* w, std::size_t row_stride, std::size_t columns, const float* x,
                    std::size_t x_stride, const float* bias, float* y, std::size_t y_stride) {
    constexpr int kChains = kRows * kTokens >= 8 ? 1 : 8 / (kRows * kTokens);
    float32x4_t sums[kChains][kRows][kTokens];
    NIBBLE_UNROLL for (int c = 0; c < kChains; ++c) {
      NIBBLE_UNROLL for (int r = 0; r < kRows; ++r) {
        NIBBLE_UNROLL for (int t = 0; t < kTokens; ++t) sums[c][r][t] = vdupq_n_f32(0);
      }
    }
    std::size_t k = 0;
    for (; k + 4 * kChains <= columns; k += 4 * kChains) {
      NIBBLE_UNROLL for (int r = 0; r < kRows && kRows == 1; ++r) prefetch(w + k * kBytes<kType> + kPrefetchAhead);
      NIBBLE_UNROLL for (int c = 0; c < kChains; ++c) {
        const std::size_t at = k + 4 * static_cast<std::size_t>(c);
        float32x4_t activations[kTokens];
        NIBBLE_UNROLL for (int t = 0; t < kTokens; ++t) {
          activations[t] = vld1q_f32(x + static_cast<std::size_t>(t) * x_stride + at);
        }
        NIBBLE_UNROLL for (int r = 0; r < kRows; ++r) {
          const float32x4_t weights = load4<kType>(w + static_cast<std::size_t>(r) * row_stride + at * kBytes<kType>);
          NIBBLE_UNROLL for (int t = 0; t < kTokens; ++t) {
            sums[c][r][t] = vfmaq_f32(sums[c][r][t], weights, activations[t]);
          }
        }
      }
    }
    for (; k < columns; k += 4) {
      const std::size_t left = smaller(4, columns - k);
      NIBBLE_UNROLL for (int r = 0; r < kRows; ++r) {
        const float32x4_t weights =
            load_tail<kType>(w + static_cast<std::size_t>(r) * row_stride + k * kBytes<kType>, left);
        NIBBLE_UNROLL for (int t = 0; t < kTokens; ++t) {
          const auto* at = reinterpret_cast<const unsigned char*>(x + static_cast<std::size_t>(t) * x_stride + k);
          sums[0][r][t] = vfmaq_f32(sums[0][r][t], weights, load_tail<WeightType::f32>(at, left));
        }
      }
    }
    NIBBLE_UNROLL for (int r = 0; r < kRows; ++r) {
      const float start = bias != nullptr ? load_unaligned(bias, static_cast<std::size_t>(r)) : 0;
      NIBBLE_UNROLL for (int t = 0; t < kTokens; ++t) {
        float32x4_t sum = sums[0][r][t];
        NIBBLE_UNROLL for (int c = 1; c < kChains; ++c) sum = vaddq_f32(sum, sums[c][r][t]);
        y[static_cast<std::size_t>(t) * y_stride + static_cast<std::size_t>(r)] = vaddvq_f32(sum) + start;
      }
    }
  }

  template <WeightType kType>
  static void widen_all(const unsigned char* source, std::size_t count, float* out) {
    std::size_t i = 0;
    for (; i + 4 <= count; i += 4) vst1q_f32(out + i, load4<kType>(source + i * kBytes<kType>));
    float four[4];
    vst1q_f32(four, load_tail<kType>(source + i * kBytes<kType>, count - i));
    std::memcpy(out + i, four, (count - i) * sizeof(float));
  }
};

/// Writes 16 dwords whose bytes 0 to 3 come from four registers, as float32 times factor.
void store_floats(const uint8x16_t (&bytes)[4], float factor, float* out) {
  const uint16x8_t low[2] = {vreinterpretq_u16_u8(vzip1q_u8(bytes[0], bytes[1])),
                             vreinterpretq_u16_u8(vzip2q_u8(bytes[0], bytes[1]))};
  const uint16x8_t high[2] = {vreinterpretq_u16_u8(vzip1q_u8(bytes[2], bytes[3])),
                              vreinterpretq_u16_u8(vzip2q_u8(bytes[2], bytes[3]))};
  for (std::size_t i = 0; i < 2; ++i) {
    const float32x4_t first = vreinterpretq_f32_u16(vzip1q_u16(low[i], high[i]));
    const float32x4_t second = vreinterpretq_f32_u16(vzip2q_u16(low[i], high[i]));
    vst1q_f32(out + 8 * i, vmulq_n_f32(first, factor));
    vst1q_f32(out + 8 * i + 4, vmulq_n_f32(second, factor));
  }
}

}  // namespace

void expand4(const std::uint8_t* codes, std::size_t first, std::size_t count, const float* map, float scale,
             float* out) {
  std::size_t i = 0;
  if (first % 2 != 0 && count > 0) out[i++] = map[codes[first / 2] & 15] * scale;
  const std::uint8_t* bytes = codes + (first + i) / 2;
  // The map's bytes 0, 1, 2 and 3 apart: each can then be looked up for 16 codes at once.
  const uint8x16x4_t planes = vld4q_u8(reinterpret_cast<const std::uint8_t*>(map));
  for (; i + 16 <= count; i += 16, bytes += 8) {
    const uint8x8_t pairs = vld1_u8(bytes);
    const uint8x16_t high = vcombine_u8(vshr_n_u8(pairs, 4), vdup_n_u8(0));
    const uint8x16_t low = vcombine_u8(vand_u8(pairs, vdup_n_u8(15)), vdup_n_u8(0));
    const uint8x16_t code = vzip1q_u8(high, low);
    store_floats({vqtbl1q_u8(planes.val[0], code), vqtbl1q_u8(planes.val[1], code), vqtbl1q_u8(planes.val[2], code),
                  vqtbl1q_u8(planes.val[3], code)},
                 scale, out + i);
  }
  for (; i < count; i += 2, ++bytes) {
    out[i] = map[*bytes >> 4] * scale;
    if (i + 1 < count) out[i + 1] = map[*bytes & 15] * scale;
  }
}

void expand8(const std::int8_t* codes, std::size_t count, int zero, float scale, float* out) {
  const int16x8_t offset = vdupq_n_s16(static_cast<std::int16_t>(zero));
  std::size_t i = 0;
  for (; i + 8 <= count; i += 8) {
    const int16x8_t v = vsubq_s16(vmovl_s8(vld1_s8(codes + i)), offset);
    vst1q_f32(out + i, vmulq_n_f32(vcvtq_f32_s32(vmovl_s16(vget_low_s16(v))), scale));
    vst1q_f32(out + i + 4, vmulq_n_f32(vcvtq_f32_s32(vmovl_s16(vget_high_s16(v))), scale));
  }
  for (; i < count; ++i) out[i] = static_cast<float>(codes[i] - zero) * scale;
}

void widen(const void* source, WeightType type, std::size_t count, float* out) {
  widen_of<Set>(source, type, count, out);
}

void dots(const float* w, std::size_t rows, std::size_t columns, const float* x, std::size_t tokens, const float* bias,
          float* y, std::size_t y_stride) {
  dots_of<Set>(w, rows, columns, x, tokens, bias, y, y_stride);
}

void dots16(const void* rows_data, WeightType type, std::size_t rows, std::size_t columns, const float* x,
            std::size_t tokens, const float* bias, float* y, std::size_t y_stride) {
  dots16_of<Set>(rows_data, type, rows, columns, x, tokens, bias, y, y_stride);
}

}  // namespace nibble::linear::neon

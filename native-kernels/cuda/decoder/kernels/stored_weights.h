#pragma once

// From stored bytes to pairs of float16.

#include "arguments.h"
#include "tensor_core.h"

namespace nibble::cuda {

__device__ __forceinline__ constexpr bool is_four_bit(Format format) {
  return format == Format::levels4 || format == Format::levels4_nested || format == Format::mxfp4 ||
         format == Format::int4;
}
__device__ __forceinline__ constexpr bool is_affine(Format format) {
  return format == Format::int4 || format == Format::int8;
}
__device__ __forceinline__ constexpr bool is_float(Format format) {
  return format == Format::bf16 || format == Format::f16 || format == Format::f32;
}

/// Whether the low half of a byte has the first of its two columns.
__device__ __forceinline__ constexpr bool is_low_first(Format format) { return format == Format::mxfp4; }
/// Whether scales are exponents of powers of two.
__device__ __forceinline__ constexpr bool has_exponents(Format format) { return format == Format::mxfp4; }

/// 256 pairs of values, one for each byte of two codes, the first column's in the low half of the pair, each `copies`
/// times side by side: with a copy for every bank of shared memory lookups never collide. Entry (byte, lane) lies at
/// byte * copies + lane % copies.
template <Format format, unsigned copies>
__device__ __forceinline__ void fill_pair_table(unsigned* pairs, const float* table, unsigned threads) {
  for (unsigned i = threadIdx.x; i < 256 * copies / 4; i += threads) {
    const unsigned byte = i / (copies / 4);
    const float high = __ldg(table + (byte >> 4));
    const float low = __ldg(table + (byte & 15));
    const unsigned pair = bits_of(is_low_first(format) ? __floats2half2_rn(low, high) : __floats2half2_rn(high, low));
    reinterpret_cast<uint4*>(pairs)[i] = make_uint4(pair, pair, pair, pair);
  }
}

/// The pair of byte `index` of `word`. `lane_offset` is 4 * (lane % copies).
template <unsigned copies, unsigned index>
__device__ __forceinline__ unsigned look_up(const unsigned char* pairs, unsigned word, unsigned lane_offset) {
  constexpr unsigned shift = copies == 32 ? 7 : 5;  // log2 of the bytes of an entry
  static_assert(copies == 32 || copies == 8);
  constexpr int right = static_cast<int>(index * 8) - static_cast<int>(shift);
  const unsigned moved = right < 0 ? word << (-right & 31) : word >> (right & 31);
  return *reinterpret_cast<const unsigned*>(pairs + ((moved & (255u << shift)) | lane_offset));
}

/// Two of the four int8 of `word` (with the sign bits flipped: code + 128) as float16, less `magic` - 1024.
/// 0x6400 + n is the float16 1024 + n.
template <unsigned half>
__device__ __forceinline__ unsigned integer_pair(unsigned flipped, __half2 magic) {
  const unsigned raised = __byte_perm(flipped, 0x64646464u, half == 0 ? 0x4140 : 0x4342);
  return bits_of(__hsub2(pair_of(raised), magic));
}

/// Takes zero points off: 1024 + 128 + zero point, an exact float16.
__device__ __forceinline__ __half2 integer_magic(int zero_point) {
  return __half2half2(__int2half_rn(1152 + zero_point));
}

__device__ __forceinline__ float low_bf16(unsigned word) { return __uint_as_float(word << 16); }
__device__ __forceinline__ float high_bf16(unsigned word) { return __uint_as_float(word & 0xffff0000u); }

/// Float weights reach 65,504 / 256: more than any model has, and small ones keep their bits.
constexpr float kWeightLift = 256.0f;
constexpr float kLargestHalf = 65504.0f;

__device__ __forceinline__ float limit(float value) { return fminf(fmaxf(value, -kLargestHalf), kLargestHalf); }

/// A pair of float weights times kWeightLift; `second` is the second word of f32 weights.
template <Format format>
__device__ __forceinline__ unsigned float_pair(unsigned word, unsigned second) {
  float a;
  float b;
  if constexpr (format == Format::bf16) {
    a = low_bf16(word);
    b = high_bf16(word);
  } else if constexpr (format == Format::f16) {
    const float2 pair = __half22float2(pair_of(word));
    a = pair.x;
    b = pair.y;
  } else {
    a = __uint_as_float(word);
    b = __uint_as_float(second);
  }
  return bits_of(__floats2half2_rn(limit(a * kWeightLift), limit(b * kWeightLift)));
}

/// A row of a matrix, with what must be known to read any part of it.
struct RowView {
  const std::uint8_t* codes;  // of the row
  const float* scales;        // of the matrix; levels4_nested: the nested ones
  const std::uint8_t* scale_codes;
  const std::int8_t* zero_points;
  unsigned index;  // of the row's first weight, or the row where every row is a block
  unsigned block_shift;
};

/// Where row `row` of a matrix lies.
__device__ __forceinline__ unsigned stored_row(const Matrix& m, unsigned row) { return m.first_row + row * m.row_step; }

/// The bias of row `row`.
__device__ __forceinline__ float bias_of(const Matrix& m, unsigned row) {
  return m.bias == nullptr ? 0.0f : m.bias[stored_row(m, row)];
}

template <Format format>
__device__ __forceinline__ RowView row_view(const Matrix& m, unsigned number) {
  const unsigned row = stored_row(m, number);
  RowView view{};
  const std::uint64_t first = std::uint64_t{row} * m.columns;
  view.codes = m.codes + (is_four_bit(format)      ? first / 2
                          : format == Format::int8 ? first
                          : format == Format::f32  ? first * 4
                                                   : first * 2);
  if constexpr (!is_float(format)) {
    view.scales = format == Format::levels4_nested ? m.nested_scales : m.scales;
    view.scale_codes = format == Format::levels4_nested || has_exponents(format) ? m.scale_codes : nullptr;
    view.zero_points = is_affine(format) ? m.zero_points : nullptr;
    view.index = m.block_shift == kRowBlocks ? row : static_cast<unsigned>(first);
    view.block_shift = m.block_shift;
  }
  return view;
}

/// A scale on its way: what must be read for it, before it is needed.
struct RawScale {
  float scale;  // of the block, or of its nested block
  unsigned code;
  int zero_point;
};

template <Format format>
__device__ __forceinline__ RawScale read_scale(const RowView& row, unsigned column) {
  RawScale raw{1.0f, 0, 0};
  if constexpr (!is_float(format)) {
    const unsigned block = row.block_shift == kRowBlocks ? row.index : (row.index + column) >> row.block_shift;
    if constexpr (format == Format::levels4_nested) {
      raw.code = __ldg(row.scale_codes + block);
      raw.scale = __ldg(row.scales + (block >> 8));
    } else if constexpr (has_exponents(format)) {
      raw.code = __ldg(row.scale_codes + block);
    } else {
      raw.scale = __ldg(row.scales + block);
    }
    if constexpr (is_affine(format)) {
      if (row.zero_points != nullptr) raw.zero_point = __ldg(row.zero_points + block);
    }
  }
  return raw;
}

/// What all scales of a matrix share, in registers.
struct ScaleRule {
  const float* nested_map;  // in shared memory
  float nested_offset;
  float factor;
};

template <Format format>
__device__ __forceinline__ float finish_scale(const ScaleRule& rule, const RawScale& raw) {
  if constexpr (is_float(format)) return 1.0f / kWeightLift;
  if constexpr (format == Format::levels4_nested) return rule.nested_map[raw.code] * raw.scale + rule.nested_offset;
  if constexpr (has_exponents(format)) {
    return __uint_as_float(raw.code == 0 ? 0x00400000u : raw.code == 255 ? 0x7fc00000u : raw.code << 23);
  }
  return raw.scale * rule.factor;
}

}  // namespace nibble::cuda

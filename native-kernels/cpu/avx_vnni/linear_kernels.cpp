// The table for processors with AVX-VNNI, the byte products of AVX-512 in 256 bits (Alder Lake, Zen 5 and later). All
// else is that of AVX2, which these processors have.

#include "cpu/linear/linear_kernels.h"

#include "cpu/avx2/linear_lanes.h"
#include "cpu/avx2/linear_many.h"
#include "cpu/avx2/linear_table.h"

namespace nibble::linear {
namespace {

/// The instruction multiplies unsigned by signed bytes and adds four products without rounding or saturation.
inline __m256i unsigned_products(__m256i sums, __m256i w, __m256i x) {
#if defined(NIBBLE_AVX_VNNI_BY_AVX512)
  return _mm256_dpbusd_epi32(sums, w, x);
#else
  return _mm256_dpbusd_avx_epi32(sums, w, x);
#endif
}

struct QuadProducts {
  static constexpr int kRegisters = 2;
  static constexpr bool kUnroll = true;
  static constexpr bool kUnsigned = true;

  /// The weight's sign is moved to the activation.
  static inline __m256i signed_products(__m256i sums, __m256i w, __m256i x) {
    return unsigned_products(sums, _mm256_abs_epi8(w), _mm256_sign_epi8(x, w));
  }
  static inline __m256i products(__m256i sums, __m256i w, __m256i x) { return unsigned_products(sums, w, x); }
};

}  // namespace

const LinearKernels kAvxVnniKernels = {
    avx2::quantize,
    avx2::pack,
    /*round_lanes=*/nullptr,
    lanes<QuadProducts>,
    grouped_many<QuadProducts>,
    avx2::expand4,
    avx2::expand8,
    avx2::widen,
    avx2::dots,
    avx2::dots16,
};

}  // namespace nibble::linear

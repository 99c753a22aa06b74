// The table of AVX2 kernels; needs AVX2, FMA and F16C.

#include "cpu/linear/linear_kernels.h"

#include "cpu/avx2/linear_lanes.h"
#include "cpu/avx2/linear_many.h"
#include "cpu/avx2/linear_table.h"

namespace nibble::linear {
namespace {

/// vpmaddubsw adds two products in 16 bits and would saturate for unsigned weights up to 255. Here the weight's sign is
/// moved to the activation: |w| <= 128 and |x| <= 127 make pairs of at most 32512, so every product is exact.
struct PairProducts {
  static constexpr int kRegisters = 1;
  static constexpr bool kUnroll = false;
  static constexpr bool kUnsigned = false;

  static inline __m256i signed_products(__m256i sums, __m256i w, __m256i x) {
    const __m256i pairs = _mm256_maddubs_epi16(_mm256_abs_epi8(w), _mm256_sign_epi8(x, w));
    return _mm256_add_epi32(sums, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)));
  }
  static inline __m256i products(__m256i sums, __m256i w, __m256i x) { return signed_products(sums, w, x); }
};

}  // namespace

const LinearKernels kAvx2Kernels = {
    avx2::quantize,
    avx2::pack,
    /*round_lanes=*/nullptr,
    lanes<PairProducts>,
    grouped_many<PairProducts>,
    avx2::expand4,
    avx2::expand8,
    avx2::widen,
    avx2::dots,
    avx2::dots16,
};

}  // namespace nibble::linear

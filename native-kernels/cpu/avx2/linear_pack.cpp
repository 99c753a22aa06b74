// Puts a block of tokens into the order of the prefill kernels: [dword of columns][8 tokens], dwords in the order in
// which decoded weights have them.

#include "cpu/avx2/linear_many.h"
#include "cpu/avx2/linear_table.h"

namespace nibble::linear::avx2 {
namespace {

/// 32 bytes of each of 8 tokens, zeros for tokens that are not there: they are multiplied, too.
void pack_columns(const PackJob& job, std::size_t from, std::int8_t* to) {
  __m256i tokens[8];
  for (std::size_t t = 0; t < kTokenBlock; ++t) {
    tokens[t] = t < job.x.tokens ? load32(job.x.codes + t * job.x.code_stride + from) : _mm256_setzero_si256();
  }
  store_transposed(tokens, reinterpret_cast<std::uint8_t*>(to), kBlockDword);
}

}  // namespace

void pack(const PackJob& job) {
  static_assert(kTokenBlock == 8);
  for (std::size_t half = 0; half < job.x.code_stride / 64; ++half) {
    const bool even_odd = job.order == Order::even_odd;
    const std::size_t first = even_odd ? half_offset<4>(half) : half_offset<8>(half);
    std::int8_t* to = job.codes + half * kBlockChunk;
    pack_columns(job, first, to);
    pack_columns(job, first + (even_odd ? kSecond<4> : kSecond<8>), to + kBlockChunk / 2);
  }
  for (std::size_t g = 0; g < job.x.scale_stride; ++g) {
    for (std::size_t t = 0; t < kTokenBlock; ++t) {
      const bool exists = t < job.x.tokens;
      job.scales[g * kTokenBlock + t] = exists ? job.x.scales[t * job.x.scale_stride + g] : 0;
      job.offsets[g * kTokenBlock + t] = exists ? job.x.offsets[t * job.x.scale_stride + g] : 0;
    }
  }
}

}  // namespace nibble::linear::avx2

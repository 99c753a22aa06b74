// The public entry points of linear.h: check the shape, then hand over to the kernels of the instruction set.

#include "linear.h"

#include "error.h"
#include "reference/linear_reference.h"

namespace nibble {
namespace {

/// Shapes come from files; an impossible one must be an error and not a read beyond the mapping.
void require(bool condition, const char* message) {
  if (!condition) throw Error("invalid-input", message);
}

void check(const Linear4Weights& w) {
  require(w.block_size > 0, "linear4: the block size is 0");
  require(w.absmax != nullptr || (w.absmax_codes != nullptr && w.nested_absmax != nullptr && w.nested_map != nullptr),
          "linear4: neither absmax nor a complete double quantization is given");
}

void check(const LinearAffineWeights& w) {
  require(w.bits == 8 || w.bits == 4, "linear_affine: bits is neither 8 nor 4");
  require(w.per_tensor || w.block_size > 0, "linear_affine: the block size is 0");
  require(w.bits == 8 ? w.codes != nullptr : w.packed != nullptr, "linear_affine: the codes are missing");
}

}  // namespace

void linear4(const Linear4Weights& w, const float* x, std::size_t tokens, const float* bias, float* y, Mode mode, Isa,
             const Parallel&) {
  check(w);
  reference::linear4(w, x, tokens, bias, y, mode);
}

void linear_int8_rows(const LinearInt8RowsWeights& w, const float* x, std::size_t tokens, const float* bias, float* y,
                      Mode mode, Isa, const Parallel&) {
  reference::linear_int8_rows(w, x, tokens, bias, y, mode);
}

void linear_affine(const LinearAffineWeights& w, const float* x, std::size_t tokens, const float* bias, float* y,
                   Mode mode, Isa, const Parallel&) {
  check(w);
  reference::linear_affine(w, x, tokens, bias, y, mode);
}

void linear16(const Linear16Weights& w, const float* x, std::size_t tokens, const float* bias, float* y, Mode, Isa,
              const Parallel&) {
  reference::linear16(w, x, tokens, bias, y);
}

}  // namespace nibble

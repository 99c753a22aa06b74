// Driver of the float32 products: every format in exact mode, and what has no int8 path. A tile of a few rows is
// decoded to float32, used for all tokens, and overwritten by the next: the matrix never exists in float32 as a whole.

#include <algorithm>
#include <cstring>

#include "base/weights.h"
#include "linear_drivers.h"
#include "linear_work.h"

namespace nibble::linear {
namespace {

/// Weights per task: as in the int8 drivers, counted in elements.
constexpr std::size_t kStripElements = 32 * 1024;
/// Rows decoded at once: few tokens want the tile in L1, many want it used by several register blocks.
constexpr std::size_t kFewTokensTile = 4;
constexpr std::size_t kManyTokensTile = 16;
constexpr std::size_t kManyTokens = 8;

/// `decode(row, out)` writes one row [columns] as float32.
template <typename Decode>
void decoded_product(std::size_t rows, std::size_t columns, const Call& call, const Decode& decode) {
  const std::size_t tile = call.tokens < kManyTokens ? kFewTokensTile : kManyTokensTile;
  const std::size_t strip = round_up(std::max<std::size_t>(kStripElements / (columns + 1), 1), kManyTokensTile);
  for_strips(call.parallel, rows, strip, [&](std::size_t begin, std::size_t end) {
    thread_local Scratch scratch;
    auto* values = static_cast<float*>(scratch.reserve(tile * columns * sizeof(float)));
    for (std::size_t first = begin; first < end; first += tile) {
      const std::size_t count = std::min(tile, end - first);
      for (std::size_t r = 0; r < count; ++r) decode(first + r, values + r * columns);
      float bias[kManyTokensTile] = {};
      if (call.bias != nullptr) {
        for (std::size_t r = 0; r < count; ++r) bias[r] = load_float(call.bias, first + r);
      }
      call.kernels.dots(values, count, columns, call.x, call.tokens, bias, call.y + first, rows);
    }
  });
}

/// Weights of codes: block by block.
void coded_product(const WeightView& w, const FormatTraits& traits, const Call& call) {
  const auto* codes = static_cast<const std::uint8_t*>(w.codes);
  const bool by_levels = has_levels(traits);
  float levels[16] = {};
  if (by_levels) std::memcpy(levels, levels_of(w), sizeof levels);
  decoded_product(w.rows, w.columns, call, [&](std::size_t row, float* out) {
    std::size_t block = block_of(w, row, 0);
    std::size_t end = block_end(w, row, 0);
    for (std::size_t at = 0; at < w.columns;) {
      const int zero = zero_point(w, block);
      const float scale = block_scale(w, block);
      if (traits.bits == 8) {
        call.kernels.expand8(reinterpret_cast<const std::int8_t*>(codes) + row * w.columns + at, end - at, zero, scale,
                             out + at);
      } else {
        float map[16];
        for (int code = 0; code < 16; ++code)
          map[code] = by_levels ? levels[code] : static_cast<float>(code - 8 - zero);
        call.kernels.expand4(codes, row * w.columns + at, end - at, map, scale, out + at);
      }
      at = end;
      end = std::min(w.columns, at + w.block_size);
      ++block;
    }
  });
}

WeightType float_type(WeightFormat format) {
  return format == WeightFormat::bf16  ? WeightType::bf16
         : format == WeightFormat::f16 ? WeightType::f16
                                       : WeightType::f32;
}

}  // namespace

void float_product(const WeightView& w, const Call& call) {
  const FormatTraits& traits = traits_of(w.format);
  if (traits.values != FormatTraits::Values::floats) return coded_product(w, traits, call);
  const WeightType type = float_type(w.format);
  const std::size_t row_bytes = w.columns * static_cast<std::size_t>(traits.bits) / 8;
  const auto* bytes = static_cast<const unsigned char*>(w.codes);
  if (call.tokens >= kManyTokens) {
    decoded_product(w.rows, w.columns, call, [&](std::size_t row, float* out) {
      call.kernels.widen(bytes + row * row_bytes, type, w.columns, out);
    });
    return;
  }
  const std::size_t strip = round_up(std::max<std::size_t>(kStripElements / (w.columns + 1), 1), kManyTokensTile);
  for_strips(call.parallel, w.rows, strip, [&](std::size_t begin, std::size_t end) {
    call.kernels.dots16(bytes + begin * row_bytes, type, end - begin, w.columns, call.x, call.tokens,
                        call.bias != nullptr ? call.bias + begin : nullptr, call.y + begin, w.rows);
  });
}

}  // namespace nibble::linear

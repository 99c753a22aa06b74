// Driver of the float32 products: exact mode of every kind, and 16-bit weights in both modes. A tile of a few rows is
// decoded to float32, used for all tokens, and overwritten by the next: the matrix never exists in float32 as a whole.

#include <algorithm>
#include <cstring>

#include "cpu/linear_drivers.h"
#include "cpu/linear_work.h"
#include "reference/linear_reference.h"

namespace nibble::linear {
namespace {

/// Weights per task: as in the int8 drivers, counted in elements.
constexpr std::size_t kStripElements = 32 * 1024;
/// Rows decoded at once: few tokens want the tile in L1, many want it used by several register blocks.
constexpr std::size_t kFewTokensTile = 4;
constexpr std::size_t kManyTokensTile = 16;
constexpr std::size_t kManyTokens = 8;

float load_float(const float* p, std::size_t index) {
  float value;
  std::memcpy(&value, reinterpret_cast<const unsigned char*>(p) + index * sizeof value, sizeof value);
  return value;
}

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

}  // namespace

void exact_product(const Linear4Weights& w, const Call& call) {
  float map[16];
  std::memcpy(map, w.map, sizeof map);
  decoded_product(w.rows, w.columns, call, [&](std::size_t row, float* out) {
    const std::size_t begin = row * w.columns;
    const std::size_t end = begin + w.columns;
    for (std::size_t at = begin; at < end;) {
      const std::size_t block = at / w.block_size;
      const std::size_t stop = std::min(end, (block + 1) * w.block_size);
      call.kernels.expand4(w.codes, at, stop - at, map, reference::block_absmax(w, block), out + (at - begin));
      at = stop;
    }
  });
}

void exact_product(const LinearInt8RowsWeights& w, const Call& call) {
  decoded_product(w.rows, w.columns, call, [&](std::size_t row, float* out) {
    call.kernels.expand8(w.codes + row * w.columns, w.columns, 0, load_float(w.row_absmax, row) / 127.0f, out);
  });
}

void exact_product(const LinearAffineWeights& w, const Call& call) {
  const std::size_t block_size = w.per_tensor ? w.columns : std::min(w.block_size, w.columns);
  const std::size_t blocks = w.per_tensor ? 0 : (w.columns + block_size - 1) / block_size;
  decoded_product(w.rows, w.columns, call, [&](std::size_t row, float* out) {
    for (std::size_t at = 0; at < w.columns; at += block_size) {
      const std::size_t count = std::min(block_size, w.columns - at);
      const std::size_t index = w.per_tensor ? 0 : row * blocks + at / block_size;
      const int zero = w.zero_points != nullptr ? w.zero_points[index] : 0;
      const float scale = load_float(w.scales, index);
      if (w.bits == 8) {
        call.kernels.expand8(w.codes + row * w.columns + at, count, zero, scale, out + at);
      } else {
        float map[16];
        for (int code = 0; code < 16; ++code) map[code] = static_cast<float>(code - 8 - zero);
        call.kernels.expand4(w.packed, row * w.columns + at, count, map, scale, out + at);
      }
    }
  });
}

void exact_product(const Linear16Weights& w, const Call& call) {
  const std::size_t element = w.type == WeightType::f32 ? 4 : 2;
  const auto* bytes = static_cast<const unsigned char*>(w.weight);
  if (call.tokens >= kManyTokens) {
    decoded_product(w.rows, w.columns, call, [&](std::size_t row, float* out) {
      call.kernels.widen(bytes + row * w.columns * element, w.type, w.columns, out);
    });
    return;
  }
  const std::size_t strip = round_up(std::max<std::size_t>(kStripElements / (w.columns + 1), 1), kManyTokensTile);
  for_strips(call.parallel, w.rows, strip, [&](std::size_t begin, std::size_t end) {
    call.kernels.dots16(bytes + begin * w.columns * element, w.type, end - begin, w.columns, call.x, call.tokens,
                        call.bias != nullptr ? call.bias + begin : nullptr, call.y + begin, w.rows);
  });
}

}  // namespace nibble::linear

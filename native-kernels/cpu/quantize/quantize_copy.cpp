// Tensors that stay as they are.

#include <algorithm>

#include "quantize_file.h"
#include "quantize_streams.h"

namespace nibble {

Digest copy_hashed(const PositionedFile& from, std::uint64_t from_offset, std::uint64_t length,
                   const PositionedFile& to, std::uint64_t to_offset, const Control& control) {
  // Bytes of one task: they are read, hashed and written while they lie in a core's second-level cache.
  constexpr std::size_t kTaskBytes = 64 * kTreePiece;
  TreeHash hash(length, control.isa);
  PieceWriter pieces(to, to_offset, length, kTaskBytes, control.cancelled);
  const CodeOutput output{nullptr, &pieces, &hash};
  const auto tasks = static_cast<std::size_t>((length + kTaskBytes - 1) / kTaskBytes);
  const auto copy = [&](std::size_t task) {
    const std::size_t start = task * kTaskBytes;
    const auto count = static_cast<std::size_t>(std::min<std::uint64_t>(kTaskBytes, length - start));
    std::uint8_t* bytes = output.room(start);
    from.read(from_offset + start, bytes, count);
    output.take(start, count, bytes);
  };
  for_each_task(tasks, control, {0, 1}, output.guarded(copy));
  pieces.finish();
  return hash.finish();
}

}  // namespace nibble

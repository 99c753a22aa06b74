#pragma once

// One digest for a run of bytes of any length, made of sha256 over small pieces, so that many pieces can be hashed side
// by side, on several cores, in any order, and while they are still in cache.
//
// Definition ("sha256-tree", version 1). The bytes are cut into pieces of 4096, the last one shorter; no bytes are one
// empty piece. Each piece becomes its sha256 (FIPS 180-4). While there is more than one digest, their concatenation is
// cut into pieces of 4096 bytes in the same way, each of which becomes its sha256. The result is
//
//   sha256("nibble sha256-tree 1\n" || length as 8 bytes, little-endian || the digest that is left)
//
// The length is part of it, so that a list of digests is never taken for the bytes that it was made from.

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "linear.h"
#include "positioned_file.h"
#include "threads.h"

namespace nibble {

/// Bytes of a piece: 128 digests, and small enough that the pieces of one task of a quantizer fill all lanes.
constexpr std::size_t kTreePiece = 4096;
constexpr std::size_t kDigestBytes = 32;

using Digest = std::array<std::uint8_t, kDigestBytes>;

/// sha256 of one message of any length (plain code).
Digest sha256(const std::uint8_t* data, std::size_t length);

/// Collects the digests of pieces, which may come in any order and from any thread, one thread per piece.
class TreeHash {
 public:
  TreeHash(std::uint64_t length, Isa isa);

  /// Takes bytes [offset, offset + count). Both are multiples of kTreePiece, but the count of what ends with the last
  /// byte.
  void add(std::uint64_t offset, const std::uint8_t* data, std::size_t count);

  /// Bytes in all.
  std::uint64_t length() const { return length_; }

  /// The digest, once every byte has been added.
  Digest finish() const;

 private:
  std::uint64_t length_;
  Isa isa_;
  std::vector<std::uint8_t> digests_;
};

/// The digest of bytes in memory.
/// @throws Error("aborted")
Digest tree_hash(const std::uint8_t* data, std::size_t length, const Control& control);

/// The digest of bytes [offset, offset + length) of a file, a small part of it in memory at a time.
/// @throws Error("aborted"), and what reading throws
Digest tree_hash(const PositionedFile& file, std::uint64_t offset, std::uint64_t length, const Control& control);

}  // namespace nibble

#pragma once

// sha256 of many messages of the same length at once, one function per instruction set.

#include <cstddef>
#include <cstdint>

#include "linear.h"

namespace nibble {

/// Digests of `pieces` messages of kTreePiece bytes each that lie one after another.
/// @param digests [pieces * 32]
using Sha256Pieces = void (*)(const std::uint8_t* data, std::size_t pieces, std::uint8_t* digests);

void sha256_pieces_reference(const std::uint8_t* data, std::size_t pieces, std::uint8_t* digests);
void sha256_pieces_avx2(const std::uint8_t* data, std::size_t pieces, std::uint8_t* digests);
void sha256_pieces_avx512(const std::uint8_t* data, std::size_t pieces, std::uint8_t* digests);

/// @param isa available here (cpu.h)
Sha256Pieces sha256_pieces(Isa isa);

/// FIPS 180-4, section 4.2.2: the first 32 bits of the fractional parts of the cube roots of the first 64 primes.
extern const std::uint32_t kSha256Constants[64];

/// FIPS 180-4, section 5.3.3: the same of the square roots of the first 8 primes.
extern const std::uint32_t kSha256Start[8];

}  // namespace nibble

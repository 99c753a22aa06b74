#pragma once

// sha256 of as many messages at once as a vector has 32-bit lanes. Each instruction set brings a `Lanes` with its
// vector and a way to load one block of each message.
//
// Included by files that are compiled for one instruction set each: everything here has internal linkage.

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "base/sha256_kernels.h"
#include "tree_hash.h"

namespace nibble {
namespace {

constexpr std::size_t kBlockBytes = 64;

/// The block after a piece: a one bit, zeros, and the number of bits, 32768, in the last four bytes.
constexpr std::uint8_t kPieceEnd[kBlockBytes] = {0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,    0, 0, 0,
                                                 0,    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,    0, 0, 0,
                                                 0,    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x80, 0};

/// One round; instead of moving the eight words on, callers rotate their names.
template <typename Lanes, typename Word = typename Lanes::Word>
inline void round(Word a, Word b, Word c, Word& d, Word e, Word f, Word g, Word& h, Word input) {
  const Word sum1 =
      Lanes::xor3(Lanes::template rotate<6>(e), Lanes::template rotate<11>(e), Lanes::template rotate<25>(e));
  const Word first = Lanes::add(Lanes::add(h, input), Lanes::add(sum1, Lanes::choose(e, f, g)));
  const Word sum0 =
      Lanes::xor3(Lanes::template rotate<2>(a), Lanes::template rotate<13>(a), Lanes::template rotate<22>(a));
  d = Lanes::add(d, first);
  h = Lanes::add(first, Lanes::add(sum0, Lanes::majority(a, b, c)));
}

/// The word 16 places on in the message schedule.
template <typename Lanes, typename Word = typename Lanes::Word>
inline Word next_word(Word word, Word far, Word middle, Word near) {
  const Word sigma0 =
      Lanes::xor3(Lanes::template rotate<7>(far), Lanes::template rotate<18>(far), Lanes::template shift<3>(far));
  const Word sigma1 =
      Lanes::xor3(Lanes::template rotate<17>(near), Lanes::template rotate<19>(near), Lanes::template shift<10>(near));
  return Lanes::add(Lanes::add(word, sigma0), Lanes::add(middle, sigma1));
}

template <typename Lanes, typename Word = typename Lanes::Word>
inline void compress(Word state[8], Word words[16]) {
  Word a = state[0], b = state[1], c = state[2], d = state[3];
  Word e = state[4], f = state[5], g = state[6], h = state[7];
  for (std::size_t i = 0;; i += 16) {
    const auto input = [&](std::size_t k) { return Lanes::add(words[k], Lanes::all(kSha256Constants[i + k])); };
    round<Lanes>(a, b, c, d, e, f, g, h, input(0));
    round<Lanes>(h, a, b, c, d, e, f, g, input(1));
    round<Lanes>(g, h, a, b, c, d, e, f, input(2));
    round<Lanes>(f, g, h, a, b, c, d, e, input(3));
    round<Lanes>(e, f, g, h, a, b, c, d, input(4));
    round<Lanes>(d, e, f, g, h, a, b, c, input(5));
    round<Lanes>(c, d, e, f, g, h, a, b, input(6));
    round<Lanes>(b, c, d, e, f, g, h, a, input(7));
    round<Lanes>(a, b, c, d, e, f, g, h, input(8));
    round<Lanes>(h, a, b, c, d, e, f, g, input(9));
    round<Lanes>(g, h, a, b, c, d, e, f, input(10));
    round<Lanes>(f, g, h, a, b, c, d, e, input(11));
    round<Lanes>(e, f, g, h, a, b, c, d, input(12));
    round<Lanes>(d, e, f, g, h, a, b, c, input(13));
    round<Lanes>(c, d, e, f, g, h, a, b, input(14));
    round<Lanes>(b, c, d, e, f, g, h, a, input(15));
    if (i == 48) break;
#if defined(__GNUC__)
#pragma GCC unroll 16
#endif
    for (std::size_t k = 0; k < 16; ++k) {
      words[k] = next_word<Lanes>(words[k], words[(k + 1) & 15], words[(k + 9) & 15], words[(k + 14) & 15]);
    }
  }
  const Word added[8] = {a, b, c, d, e, f, g, h};
  for (std::size_t i = 0; i < 8; ++i) state[i] = Lanes::add(state[i], added[i]);
}

/// Digests of kLanes pieces that lie `stride` bytes apart.
template <typename Lanes>
void hash_group(const std::uint8_t* data, std::size_t stride, std::uint8_t* digests) {
  using Word = typename Lanes::Word;
  Word state[8];
  for (std::size_t i = 0; i < 8; ++i) state[i] = Lanes::all(kSha256Start[i]);
  Word words[16];
  for (std::size_t at = 0; at < kTreePiece; at += kBlockBytes) {
    Lanes::load_blocks(data + at, stride, words);
    compress<Lanes>(state, words);
  }
  Lanes::load_blocks(kPieceEnd, 0, words);
  compress<Lanes>(state, words);
  alignas(64) std::uint32_t out[8][Lanes::kLanes];
  for (std::size_t i = 0; i < 8; ++i) Lanes::store(state[i], out[i]);
  for (std::size_t lane = 0; lane < Lanes::kLanes; ++lane) {
    for (std::size_t i = 0; i < 8; ++i) {
      // One reversed word at a time: byte by byte, compilers make thousands of shuffles of these loops.
      std::uint32_t word = out[i][lane];
      word = word >> 24 | (word >> 8 & 0xff00) | (word << 8 & 0xff0000) | word << 24;
      std::memcpy(digests + lane * kDigestBytes + i * 4, &word, sizeof(word));
    }
  }
}

/// Groups of kLanes; what is left over goes through the lanes too where that is faster than one after another.
template <typename Lanes>
void hash_pieces(const std::uint8_t* data, std::size_t pieces, std::uint8_t* digests) {
  constexpr std::size_t kLanes = Lanes::kLanes;
  std::size_t done = 0;
  for (; done + kLanes <= pieces; done += kLanes) {
    hash_group<Lanes>(data + done * kTreePiece, kTreePiece, digests + done * kDigestBytes);
  }
  if (pieces >= kLanes && pieces - done > Lanes::kWorthwhile) {
    // The last kLanes pieces, some of them for the second time.
    done = pieces - kLanes;
    hash_group<Lanes>(data + done * kTreePiece, kTreePiece, digests + done * kDigestBytes);
    return;
  }
  sha256_pieces_reference(data + done * kTreePiece, pieces - done, digests + done * kDigestBytes);
}

}  // namespace
}  // namespace nibble

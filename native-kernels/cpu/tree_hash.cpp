#include "tree_hash.h"

#include <algorithm>
#include <cstring>

#include "base/sha256_kernels.h"
#include "error.h"
#include "isa_versions.h"

namespace nibble {
namespace {

/// Bytes of one task, a multiple of what all lanes take at once.
constexpr std::size_t kTaskBytes = 64 * kTreePiece;

constexpr char kName[] = "nibble sha256-tree 1\n";

std::size_t pieces_of(std::uint64_t length) {
  return length == 0 ? 1 : static_cast<std::size_t>((length + kTreePiece - 1) / kTreePiece);
}

/// Digests of all pieces of `length` bytes, the last of which may be short.
void hash_run(const std::uint8_t* data, std::size_t length, Isa isa, std::uint8_t* digests) {
  const std::size_t whole = length / kTreePiece;
  sha256_pieces(isa)(data, whole, digests);
  if (whole * kTreePiece == length && length != 0) return;
  const Digest last = sha256(data + whole * kTreePiece, length - whole * kTreePiece);
  std::memcpy(digests + whole * kDigestBytes, last.data(), kDigestBytes);
}

constexpr IsaVersion<Sha256Pieces> kVersions[] = {
    {Isa::reference, sha256_pieces_reference},
#if defined(NIBBLE_X86)
    {Isa::avx2, sha256_pieces_avx2},
    {Isa::avx512, sha256_pieces_avx512},
#endif
};

}  // namespace

Sha256Pieces sha256_pieces(Isa isa) { return version_for(isa, kVersions).version; }

Isa tree_hash_version(Isa isa) { return version_for(isa, kVersions).isa; }

TreeHash::TreeHash(std::uint64_t length, Isa isa)
    : length_(length), isa_(isa), digests_(pieces_of(length) * kDigestBytes) {
  if (length == 0) hash_run(nullptr, 0, isa, digests_.data());
}

void TreeHash::add(std::uint64_t offset, const std::uint8_t* data, std::size_t count) {
  if (count == 0) return;
  const bool ends_well = count % kTreePiece == 0 || offset + count == length_;
  if (offset % kTreePiece != 0 || offset > length_ || count > length_ - offset || !ends_well) {
    throw Error("internal", "bytes that are no whole pieces were to be hashed");
  }
  hash_run(data, count, isa_, digests_.data() + offset / kTreePiece * kDigestBytes);
}

Digest TreeHash::finish() const {
  std::vector<std::uint8_t> level = digests_;
  while (level.size() > kDigestBytes) {
    std::vector<std::uint8_t> above(pieces_of(level.size()) * kDigestBytes);
    hash_run(level.data(), level.size(), isa_, above.data());
    level = std::move(above);
  }
  std::vector<std::uint8_t> last(kName, kName + sizeof(kName) - 1);
  for (int byte = 0; byte < 8; ++byte) last.push_back(static_cast<std::uint8_t>(length_ >> (8 * byte)));
  last.insert(last.end(), level.begin(), level.end());
  return sha256(last.data(), last.size());
}

Digest tree_hash(const std::uint8_t* data, std::size_t length, const Control& control) {
  TreeHash hash(length, control.isa);
  for_each_task((length + kTaskBytes - 1) / kTaskBytes, control, {0, 1}, [&](std::size_t task) {
    const std::size_t start = task * kTaskBytes;
    hash.add(start, data + start, std::min(kTaskBytes, length - start));
  });
  return hash.finish();
}

Digest tree_hash(const PositionedFile& file, std::uint64_t offset, std::uint64_t length, const Control& control) {
  TreeHash hash(length, control.isa);
  const auto tasks = static_cast<std::size_t>((length + kTaskBytes - 1) / kTaskBytes);
  for_each_task(tasks, control, {0, 1}, [&](std::size_t task) {
    // One per thread, so that it stays in that core's cache.
    thread_local std::vector<std::uint8_t> buffer(kTaskBytes);
    const std::uint64_t start = std::uint64_t{task} * kTaskBytes;
    const auto count = static_cast<std::size_t>(std::min<std::uint64_t>(kTaskBytes, length - start));
    file.read(offset + start, buffer.data(), count);
    hash.add(start, buffer.data(), count);
  });
  return hash.finish();
}

}  // namespace nibble

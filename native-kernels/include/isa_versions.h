#pragma once

// The versions of a function that were written for some of the instruction sets, and the choice among them. A set for
// which none was written takes its parent's (cpu.h), so that a new set is never slower than the one that it extends.

#include <cstddef>

#include "cpu.h"
#include "error.h"

namespace nibble {

template <class T>
struct IsaVersion {
  Isa isa;
  T version;
};

/// @param versions one of them is the reference's
/// @returns the version for `isa`, or else for its nearest ancestor that has one
template <class T, std::size_t N>
const IsaVersion<T>& version_for(Isa isa, const IsaVersion<T> (&versions)[N]) {
  for (Isa each = isa;; each = isa_parent(each)) {
    for (const IsaVersion<T>& version : versions) {
      if (version.isa == each) return version;
    }
    if (each == Isa::reference) throw Error("internal", "a function has no reference version");
  }
}

// The set whose version each group of functions takes on `isa`: matrix products, attention with the elementwise
// functions, quantizers, hashes, scores of rows.
Isa linear_version(Isa isa);
Isa vectors_version(Isa isa);
Isa quantizers_version(Isa isa);
Isa tree_hash_version(Isa isa);
Isa score_version(Isa isa);

}  // namespace nibble

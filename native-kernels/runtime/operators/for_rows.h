#pragma once

// Splits the rows of an activation over threads; a single row is worked on at once, without a dispatch.

#include <algorithm>
#include <cstddef>

#include "linear.h"

namespace nibble {

/// Calls body(begin, end) for consecutive ranges of at most `grain` rows that together are [0, rows).
template <typename Body>
void for_rows(const Parallel& parallel, std::size_t rows, std::size_t grain, const Body& body) {
  if (rows <= grain) {
    if (rows != 0) body(std::size_t{0}, rows);
    return;
  }
  struct Work {
    const Body* body;
    std::size_t rows;
    std::size_t grain;
  } work{&body, rows, grain};
  parallel.run(
      parallel.context, (rows + grain - 1) / grain,
      [](void* user, std::size_t index) {
        const Work& w = *static_cast<const Work*>(user);
        const std::size_t begin = index * w.grain;
        (*w.body)(begin, std::min(w.rows, begin + w.grain));
      },
      &work);
}

}  // namespace nibble

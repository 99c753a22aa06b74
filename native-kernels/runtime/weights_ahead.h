#pragma once

// Weights whose pages are mapped before a model is opened on them, by a thread of its own: mapping those of a model of
// a billion parameters takes a tenth of a second, in which whoever opens a model is busy with other things.

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "weight_files.h"

namespace nibble {

/// A run of bytes of a file.
struct WeightRange {
  std::string path;  // UTF-8
  std::size_t begin;
  std::size_t end;  // what lies behind the file's end is left out
};

/// Holds the files open until it is destroyed, so that a session that is opened meanwhile has the same mappings. Its
/// thread goes on behind that, to the end: what it has not mapped yet is mapped by the session's own threads otherwise.
/// Pages that are not in memory yet are left alone: reading them here would hold up whoever reads with intent. Where
/// the system does not say what is in memory (Linux alone does), only the files are held.
class WeightsAhead {
 public:
  /// @throws what WeightFile::open throws
  explicit WeightsAhead(const std::vector<WeightRange>& ranges);

 private:
  std::vector<std::shared_ptr<const WeightFile>> files_;
};

}  // namespace nibble

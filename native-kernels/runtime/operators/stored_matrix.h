#pragma once

// A stored matrix of the operators Linear and Experts, checked while the graph is loaded.

#include <optional>
#include <vector>

#include "linear.h"
#include "runtime/ort/custom_operator.h"

namespace nibble {

/// Stored inputs of each matrix.
inline constexpr std::size_t kMatrixInputs = 7;

/// Floats that lie by columns in a larger matrix, row-major [columns of this one, width]: row r of this matrix is
/// column first + r * step there.
struct TransposedBlock {
  std::size_t width = 0;  // 0: it lies by rows
  std::size_t first = 0;
  std::size_t step = 1;
};

/// One matrix, with the tables that its view points to.
class StoredMatrix {
 public:
  /// @param part the number behind the names of its attributes; the first matrix's have none
  /// @param first its first input
  /// @throws Error("malformed-file") where something that its format needs is missing or of another size
  StoredMatrix(const KernelInfo& info, std::size_t part, std::size_t first);

  // w points into this object.
  StoredMatrix(const StoredMatrix&) = delete;
  StoredMatrix& operator=(const StoredMatrix&) = delete;

  LinearOutput output(float* y) const { return {bias.empty() ? nullptr : bias.data(), y}; }

  /// Copies a matrix that lies by columns, row by row: products of rows are what is fast.
  void turn();

  /// The same as linear_product for a matrix that lies by columns.
  /// @param x [tokens, columns]
  void transposed_product(const float* x, std::size_t tokens, float* y, const Parallel& parallel) const;

  WeightView w{};
  TransposedBlock transposed;
  std::vector<float> bias;  // [rows] or empty

 private:
  void read_scales(const KernelInfo& info, std::size_t part, std::size_t first);
  void read_transposed(const KernelInfo& info, std::size_t part);

  std::vector<std::uint8_t> turned_;
  std::vector<float> levels_;
  std::vector<float> nested_map_;
  std::optional<NestedCurve> curve_;
};

}  // namespace nibble

#pragma once

// What the checks share: random numbers, and the list of what failed.

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "linear.h"

namespace nibble::check {

/// Seeded random numbers: xorshift, good enough to fill matrices.
class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed * 0x9e3779b97f4a7c15u + 1) {}

  std::uint32_t bits() {
    state_ ^= state_ << 13;
    state_ ^= state_ >> 7;
    state_ ^= state_ << 17;
    return static_cast<std::uint32_t>(state_ >> 32);
  }
  /// In [0, 1).
  double uniform() { return bits() / 4294967296.0; }
  std::size_t below(std::size_t limit) { return bits() % limit; }
  float gaussian() {
    return static_cast<float>(std::sqrt(-2 * std::log(1 - uniform())) * std::cos(6.283185307179586 * uniform()));
  }
  float positive() { return std::exp(gaussian()); }

 private:
  std::uint64_t state_;
};

/// What was compared, what was wrong, and how near to its bound the worst value came.
class Report {
 public:
  /// |actual - wanted| <= bound, both finite; equal values pass a bound of 0.
  void near(const std::string& what, double actual, double wanted, double bound);
  void equal(const std::string& what, const void* actual, const void* wanted, std::size_t bytes);
  void holds(const std::string& what, bool condition);

  std::size_t comparisons() const { return comparisons_; }
  std::size_t failures() const { return failures_; }
  double worst() const { return worst_; }

 private:
  void fail(const std::string& message);

  std::size_t comparisons_ = 0;
  std::size_t failures_ = 0;
  double worst_ = 0;
};

/// Bytes behind an odd address, as they may lie in a mapped file. Nothing behind them may be read.
class Misaligned {
 public:
  Misaligned() = default;
  explicit Misaligned(std::size_t size) : bytes_(size + 1) {}
  template <typename T>
  explicit Misaligned(const std::vector<T>& values);

  unsigned char* data() { return bytes_.data() + 1; }
  const float* floats() const { return reinterpret_cast<const float*>(bytes_.data() + 1); }
  const std::int8_t* codes() const { return reinterpret_cast<const std::int8_t*>(bytes_.data() + 1); }
  const std::uint8_t* bytes() const { return bytes_.data() + 1; }

 private:
  std::vector<unsigned char> bytes_;
};

template <typename T>
Misaligned::Misaligned(const std::vector<T>& values) : bytes_(values.size() * sizeof(T) + 1) {
  const auto* from = reinterpret_cast<const unsigned char*>(values.data());
  for (std::size_t i = 0; i < values.size() * sizeof(T); ++i) bytes_[i + 1] = from[i];
}

/// Float32 sums of `count` products err by at most about count * 2^-24 of the sum of magnitudes, in any order; half of
/// it is ample because errors do not all point one way. The few roundings of scales come on top. (As in
/// linear-parity.test.ts.)
inline double float_bound(std::size_t count) { return (static_cast<double>(count) / 2 + 16) / 16777216.0; }

/// Runs tasks one after the other, the last first: no result may depend on the order.
extern const Parallel kBackwards;

/// Matrix products of every kind of weights, in both modes, against the reference.
void check_linear(Isa isa, std::uint64_t seed, Report& report);
/// Every entry of the set's LinearKernels table by itself.
void check_table(Isa isa, std::uint64_t seed, Report& report);
/// Attention and the elementwise functions against the scalar ones.
void check_vectors(Isa isa, std::uint64_t seed, Report& report);
/// Scores of rows of logits.
void check_scores(Isa isa, std::uint64_t seed, Report& report);
/// The threads that run a model.
void check_threads(std::uint64_t seed, Report& report);

}  // namespace nibble::check

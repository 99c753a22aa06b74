#pragma once

// The sums of score_rows.h, in the order that defines their bits. Element i of a row goes to sum i % 8; the eight sums
// fold l + (l + 4), l + (l + 2), l + (l + 1). No a * b + c is rounded once: not every processor can. Blocks of a row
// are computed stage by stage in plain loops over arrays, of which compilers make vectors.
//
// Included by files that are compiled for one instruction set each: everything here but the table has internal linkage.

#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>

#include "score_rows.h"

namespace nibble {

struct ScoreKernels {
  double (*log_sum)(const float* logits, std::size_t count);
  RowDivergence (*divergence)(const float* reference, const float* row, std::size_t count);
};

extern const ScoreKernels kScoreReference;
#ifdef NIBBLE_X86
extern const ScoreKernels kScoreAvx2;
extern const ScoreKernels kScoreAvx512;
#endif
#ifdef NIBBLE_NEON
extern const ScoreKernels kScoreNeon;
#endif

namespace {

/// Elements of a block: its arrays stay in the first cache.
constexpr std::size_t kScoreBlock = 256;
constexpr std::size_t kScoreSums = 8;

/// e^x for x <= 0; 0 below -708, where the result would be denormal; NaN for NaN.
inline double exponential(double x) {
  constexpr double kRound = 6755399441055744.0;  // 1.5 * 2^52: adding it leaves the rounded number in the low bits
  constexpr double kLog2E = 1.4426950408889634;
  constexpr double kLn2High = 6.93147180369123816490e-01;  // 33 bits: its multiples by up to 2^11 are exact
  constexpr double kLn2Low = 1.90821492927058770002e-10;
  constexpr std::uint64_t kDeepest = 0x4086200000000000;   // the bits of 708.0
  constexpr std::uint64_t kInfinity = 0x7ff0000000000000;  // those above are NaN
  const double shifted = x * kLog2E + kRound;
  const double n = shifted - kRound;
  const double r = (x - n * kLn2High) - n * kLn2Low;
  // The Taylor series of e^r, |r| <= ln 2 / 2, whose next term is below 2e-16.
  double p = 1.0 / 479001600;
  p = p * r + 1.0 / 39916800;
  p = p * r + 1.0 / 3628800;
  p = p * r + 1.0 / 362880;
  p = p * r + 1.0 / 40320;
  p = p * r + 1.0 / 5040;
  p = p * r + 1.0 / 720;
  p = p * r + 1.0 / 120;
  p = p * r + 1.0 / 24;
  p = p * r + 1.0 / 6;
  p = p * r + 0.5;
  p = p * r + 1.0;
  p = p * r + 1.0;
  const std::uint64_t power = std::bit_cast<std::uint64_t>(p) + (std::bit_cast<std::uint64_t>(shifted) << 52);
  // Masks of signs instead of comparisons, of which compilers make branches: all ones where `magnitude` is larger.
  const std::uint64_t magnitude = std::bit_cast<std::uint64_t>(x) & 0x7fffffffffffffffu;
  const std::uint64_t below = 0 - ((kDeepest - magnitude) >> 63);
  const std::uint64_t no_number = 0 - ((kInfinity - magnitude) >> 63);
  return std::bit_cast<double>((power & ~below) | (magnitude & no_number));
}

struct Peak {
  float value;
  std::size_t index;
};

/// The largest of a row and the first place that has it; NaN is never the largest.
inline Peak peak_of(const float* row, std::size_t count) {
  constexpr float kLowest = -std::numeric_limits<float>::infinity();
  float best = kLowest;
  std::size_t begin = 0;
  for (std::size_t at = 0; at < count; at += kScoreBlock) {
    const std::size_t length = count - at < kScoreBlock ? count - at : kScoreBlock;
    float lanes[16];
    for (float& lane : lanes) lane = kLowest;
    std::size_t i = 0;
    for (; i + 16 <= length; i += 16) {
      for (std::size_t l = 0; l < 16; ++l) lanes[l] = row[at + i + l] > lanes[l] ? row[at + i + l] : lanes[l];
    }
    for (std::size_t l = 0; i < length; ++i, ++l) lanes[l] = row[at + i] > lanes[l] ? row[at + i] : lanes[l];
    float largest = kLowest;
    for (const float lane : lanes) largest = lane > largest ? lane : largest;
    if (largest > best) {
      best = largest;
      begin = at;
    }
  }
  if (best == kLowest) return {row[0], 0};
  std::size_t index = begin;
  while (row[index] != best) ++index;
  return {best, index};
}

/// x = row - peak and e^x of a block. Beyond `length` both are such that they add nothing.
inline void exponentials_of(const float* row, std::size_t length, double peak, double* x, double* e) {
  if (length == kScoreBlock) {
    for (std::size_t i = 0; i < kScoreBlock; ++i) x[i] = static_cast<double>(row[i]) - peak;
  } else {
    for (std::size_t i = 0; i < kScoreBlock; ++i) x[i] = i < length ? static_cast<double>(row[i]) - peak : 0.0;
  }
  for (std::size_t i = 0; i < kScoreBlock; ++i) e[i] = exponential(x[i]);
  for (std::size_t i = length; i < kScoreBlock; ++i) e[i] = 0;
}

inline void add_block(const double* values, double* sums) {
  double added[kScoreSums];
  for (std::size_t l = 0; l < kScoreSums; ++l) added[l] = sums[l];
  for (std::size_t i = 0; i < kScoreBlock; i += kScoreSums) {
    for (std::size_t l = 0; l < kScoreSums; ++l) added[l] += values[i + l];
  }
  for (std::size_t l = 0; l < kScoreSums; ++l) sums[l] = added[l];
}

inline double folded(const double* sums) {
  return ((sums[0] + sums[4]) + (sums[2] + sums[6])) + ((sums[1] + sums[5]) + (sums[3] + sums[7]));
}

inline double score_log_sum(const float* logits, std::size_t count) {
  alignas(64) double x[kScoreBlock], e[kScoreBlock];
  const double peak = peak_of(logits, count).value;
  double sums[kScoreSums] = {};
  for (std::size_t at = 0; at < count; at += kScoreBlock) {
    exponentials_of(logits + at, count - at < kScoreBlock ? count - at : kScoreBlock, peak, x, e);
    add_block(e, sums);
  }
  return peak + std::log(folded(sums));
}

inline RowDivergence score_divergence(const float* reference, const float* row, std::size_t count) {
  alignas(64) double x[kScoreBlock], weights[kScoreBlock], y[kScoreBlock], e[kScoreBlock];
  const Peak top_p = peak_of(reference, count);
  const Peak top_q = peak_of(row, count);
  double sums_p[kScoreSums] = {};
  double sums_q[kScoreSums] = {};
  double weighted[kScoreSums] = {};
  for (std::size_t at = 0; at < count; at += kScoreBlock) {
    const std::size_t length = count - at < kScoreBlock ? count - at : kScoreBlock;
    // Shifted by their peaks, which cancels in the logarithms below.
    exponentials_of(reference + at, length, top_p.value, x, weights);
    exponentials_of(row + at, length, top_q.value, y, e);
    add_block(weights, sums_p);
    add_block(e, sums_q);
    for (std::size_t i = 0; i < kScoreBlock; ++i) e[i] = weights[i] * (x[i] - y[i]);
    add_block(e, weighted);
  }
  const double sum_p = folded(sums_p);
  const double log_sum_q = std::log(folded(sums_q));
  const double kl = folded(weighted) / sum_p - std::log(sum_p) + log_sum_q;
  // Rounding leaves equal rows some 1e-17 below zero, where a divergence cannot be. NaN stays.
  return {kl < 0 ? 0 : kl, top_p.index == top_q.index, top_q.value + log_sum_q};
}

}  // namespace
}  // namespace nibble

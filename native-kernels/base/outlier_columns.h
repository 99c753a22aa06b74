#pragma once

// Outlier channels: a few columns of activations that are many times larger than their neighbours, in nearly every
// token (Dettmers et al. 2022, LLM.int8, section 3). In a group that is rounded to int8 with one scale they leave the
// other columns a few levels. The fast mode multiplies such columns in float32, whatever the format of the weights.

#include <cstddef>
#include <cstdint>

namespace nibble::rounding {

/// An element stands out when it is larger than this many times the mean magnitude of its group: about 4.8 standard
/// deviations, which one of 10,000 groups of 64 normally distributed numbers has by chance. The mean magnitude and not
/// the mean square, because two outliers in one group would lift that so far that neither stood out.
inline constexpr float kOutlierRatio = 6.0f;

/// Most columns that are taken out: their float32 products must stay cheap beside the int8 ones.
inline constexpr std::size_t kMostOutlierColumns = 32;

/// A column is taken out when it stands out in one of this many tokens: a value that is large once costs that token
/// little, a channel that is large always costs every token.
inline constexpr std::size_t kOutlierTokens = 8;

struct OutlierColumns {
  std::uint32_t columns[kMostOutlierColumns];  // ascending
  std::size_t count;
};

/// scores[c] for the columns [begin, end) of x [tokens, columns]: the sum of |x| / (mean magnitude of its group without
/// the largest elements) over the tokens in which c stands out. `begin` is a multiple of `group`. Groups with NaN or
/// infinity have no outliers.
void score_outliers(const float* x, std::size_t tokens, std::size_t columns, std::size_t group, std::size_t begin,
                    std::size_t end, float* scores);

/// The columns with the highest scores among those that stand out often enough.
OutlierColumns choose_outliers(const float* scores, std::size_t columns, std::size_t tokens);

}  // namespace nibble::rounding

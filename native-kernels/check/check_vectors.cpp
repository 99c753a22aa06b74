// Attention and the elementwise functions of one instruction set against the scalar ones.

#include <limits>

#include "attention.h"
#include "check/checks.h"
#include "elementwise.h"
#include "recurrence.h"

namespace nibble::check {
namespace {

struct Shape {
  std::size_t tokens, heads, kv_heads, head_dim, window;
  float softcap;
  std::size_t past;
  std::size_t chunk = 0;
};

/// Pages of one layer, aligned and zeroed as the header asks.
class Cache {
 public:
  Cache(CacheType type, const Shape& shape)
      : layout_(attention_layout(type, shape.kv_heads, shape.head_dim, shape.head_dim)) {
    const std::size_t pages = (shape.past + shape.tokens + kPagePositions - 1) / kPagePositions;
    const std::size_t bytes = attention_page_bytes(layout_);
    for (std::size_t i = 0; i < pages; ++i) {
      memory_.emplace_back(bytes + 64);
      const auto address = reinterpret_cast<std::uintptr_t>(memory_.back().data());
      pages_.push_back(memory_.back().data() + (64 - address % 64) % 64);
    }
    layout_.pages = pages_.data();
  }
  const AttentionCache& layout() const { return layout_; }

 private:
  AttentionCache layout_;
  std::vector<std::vector<unsigned char>> memory_;
  std::vector<void*> pages_;
};

std::vector<float> gaussians(std::size_t count, Random& random) {
  std::vector<float> values(count);
  for (float& value : values) value = random.gaussian();
  return values;
}

void check_attention(const Shape& s, CacheType type, Isa isa, Random& random, Report& report) {
  const std::size_t total = s.past + s.tokens;
  const std::vector<float> keys = gaussians(total * s.kv_heads * s.head_dim, random);
  const std::vector<float> values = gaussians(total * s.kv_heads * s.head_dim, random);
  const std::vector<float> queries = gaussians(s.tokens * s.heads * s.head_dim, random);
  // With sinks in some shapes and without in others.
  const std::vector<float> sinks = gaussians(s.heads, random);
  const AttentionRequest request{s.tokens,
                                 s.heads,
                                 s.past,
                                 1 / std::sqrt(static_cast<float>(s.head_dim)),
                                 s.window,
                                 s.softcap,
                                 s.tokens % 2 == 0 ? sinks.data() : nullptr,
                                 s.chunk};
  const auto run = [&](Isa set) {
    const Cache cache(type, s);
    const std::size_t past = s.past * s.kv_heads * s.head_dim;
    attention_append(cache.layout(), keys.data(), values.data(), s.past, 0, set, kBackwards);
    attention_append(cache.layout(), keys.data() + past, values.data() + past, s.tokens, s.past, set, kBackwards);
    std::vector<float> out(queries.size());
    std::vector<float> scratch;
    attention(cache.layout(), request, queries.data(), out.data(), set, kBackwards, scratch);
    return out;
  };
  const std::vector<float> actual = run(isa);
  const std::vector<float> wanted = run(Isa::reference);
  // Averages of values near 1: float32 sums of up to a page, and an exponential with an error of 2e-7.
  constexpr double kBound = 2e-5;
  for (std::size_t i = 0; i < actual.size(); ++i) report.near("attention", actual[i], wanted[i], kBound);
}

void check_elementwise(Isa isa, Random& random, Report& report) {
  for (const std::size_t count : {1u, 3u, 4u, 15u, 16u, 17u, 100u, 4099u}) {
    std::vector<float> gate = gaussians(count, random);
    for (float& value : gate) value *= 8;
    const std::vector<float> up = gaussians(count, random);
    std::vector<float> actual(count), wanted(count);
    silu_multiply(gate.data(), up.data(), actual.data(), count, isa);
    silu_multiply(gate.data(), up.data(), wanted.data(), count, Isa::reference);
    for (std::size_t i = 0; i < count; ++i) {
      report.near("silu_multiply", actual[i], wanted[i], 2e-6 * std::fabs(wanted[i]) + 1e-30);
    }
    gelu_multiply(gate.data(), up.data(), actual.data(), count, isa);
    gelu_multiply(gate.data(), up.data(), wanted.data(), count, Isa::reference);
    for (std::size_t i = 0; i < count; ++i) {
      // The argument of the exponential grows with the third power of the gate, and its rounding with it.
      const double argument = std::fabs(static_cast<double>(gate[i]) * gate[i] * gate[i]) + 8;
      report.near("gelu_multiply", actual[i], wanted[i], 1e-6 * argument * std::fabs(wanted[i]) + 1e-30);
    }
    const float largest = maximum(gate.data(), count, Isa::reference);
    report.holds("maximum", maximum(gate.data(), count, isa) == largest);
    const double sum = sum_of_exponentials(gate.data(), count, largest, Isa::reference);
    report.near("sum_of_exponentials", sum_of_exponentials(gate.data(), count, largest, isa), sum, 2e-6 * sum);
    gate[count / 2] = std::numeric_limits<float>::quiet_NaN();
    if (count > 1) {
      report.holds("maximum without NaN",
                   maximum(gate.data(), count, isa) == maximum(gate.data(), count, Isa::reference));
    }
  }
}

/// Two calls, so that the second one begins with the state of the first. Equal to the bit: every version adds in one
/// order.
void check_recurrence(const RecurrenceShape& shape, std::size_t tokens, Isa isa, Random& random, Report& report) {
  const std::size_t key_stride = shape.key_heads * shape.key_dim + 3;
  const std::size_t value_stride = shape.heads * shape.value_dim + 5;
  const std::vector<float> queries = gaussians(tokens * key_stride, random);
  const std::vector<float> keys = gaussians(tokens * key_stride, random);
  const std::vector<float> values = gaussians(tokens * value_stride, random);
  std::vector<float> decays(tokens * shape.heads), strengths(tokens * shape.heads);
  for (float& decay : decays) decay = static_cast<float>(random.uniform());
  for (float& strength : strengths) strength = static_cast<float>(random.uniform()) / static_cast<float>(shape.key_dim);
  const std::size_t elements = recurrence_state_elements(shape);
  const auto run = [&](Isa set, std::size_t first, std::vector<float>& state) {
    std::vector<float> out(tokens * shape.heads * shape.value_dim);
    state.assign(elements, 0.0f);
    for (const auto& [begin, end] : {std::pair(std::size_t{0}, first), std::pair(first, tokens)}) {
      if (begin == end) continue;
      std::vector<float> after(elements);
      const RecurrenceCall call{end - begin,
                                queries.data() + begin * key_stride,
                                keys.data() + begin * key_stride,
                                key_stride,
                                values.data() + begin * value_stride,
                                value_stride,
                                decays.data() + begin * shape.heads,
                                strengths.data() + begin * shape.heads,
                                state.data(),
                                after.data(),
                                out.data() + begin * shape.heads * shape.value_dim};
      recurrence(shape, call, set, kBackwards);
      state = after;
    }
    return out;
  };
  std::vector<float> state, wanted_state;
  const std::vector<float> wanted = run(Isa::reference, tokens, wanted_state);
  for (const std::size_t first : {std::size_t{1}, tokens / 2, tokens}) {
    const std::vector<float> actual = run(isa, first, state);
    report.equal("recurrence", actual.data(), wanted.data(), wanted.size() * sizeof(float));
    report.equal("its state", state.data(), wanted_state.data(), state.size() * sizeof(float));
  }
}

void check_convolution(std::size_t channels, std::size_t taps, bool has_bias, Isa isa, Random& random, Report& report) {
  const std::vector<float> weights = gaussians(taps * convolution_stride(channels), random);
  const std::vector<float> bias = gaussians(convolution_stride(channels), random);
  const std::vector<float> inputs = gaussians(taps * channels, random);
  std::vector<const float*> rows;
  for (std::size_t tap = 0; tap < taps; ++tap) rows.push_back(inputs.data() + tap * channels);
  std::vector<float> actual(channels), wanted(channels);
  for (const bool silu : {false, true}) {
    const Convolution convolution{channels, taps, weights.data(), has_bias ? bias.data() : nullptr, silu};
    convolve(convolution, rows.data(), actual.data(), isa);
    convolve(convolution, rows.data(), wanted.data(), Isa::reference);
    for (std::size_t i = 0; i < channels; ++i) {
      // The sums are the same; what differs is the exponential.
      report.near("convolution", actual[i], wanted[i], silu ? 2e-6 * std::fabs(wanted[i]) + 1e-30 : 0);
    }
  }
}

}  // namespace

void check_vectors(Isa isa, std::uint64_t seed, Report& report) {
  Random random(seed);
  constexpr Shape kShapes[] = {
      {9, 1, 1, 16, 0, 0, 0},      {5, 6, 2, 64, 0, 0, 30},        {7, 4, 2, 24, 0, 0, 255},
      {6, 5, 1, 13, 0, 0, 3},      {3, 3, 3, 160, 0, 0, 260},      {40, 4, 2, 16, 7, 0, 50},
      {1, 2, 1, 8, 300, 0, 699},   {12, 2, 1, 32, 0, 1.5f, 18},    {2, 2, 1, 16, 0, 0, 2200},
      {30, 4, 2, 16, 0, 0, 50, 9}, {3, 2, 1, 16, 0, 0, 1599, 400},
  };
  for (const Shape& shape : kShapes) {
    for (const CacheType type : {CacheType::f32, CacheType::f16, CacheType::int8}) {
      check_attention(shape, type, isa, random, report);
    }
  }
  check_elementwise(isa, random, report);
  for (const bool delta : {false, true}) {
    check_recurrence({4, 2, 16, 16, delta}, 9, isa, random, report);
    check_recurrence({3, 3, 7, 33, delta}, 5, isa, random, report);
    check_recurrence({2, 1, 128, 128, delta}, 6, isa, random, report);
    check_recurrence({1, 1, 1, 1, delta}, 3, isa, random, report);
  }
  check_convolution(1, 1, false, isa, random, report);
  check_convolution(67, 4, true, isa, random, report);
  check_convolution(96, 3, false, isa, random, report);
}

}  // namespace nibble::check

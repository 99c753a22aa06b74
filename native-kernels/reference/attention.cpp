// Attention and the elementwise operations in plain scalar code: what every vector kernel is compared with.

#include "attention.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include "base/attention_codes.h"
#include "base/recurrence_reference.h"
#include "base/vector_functions.h"
#include "half.h"

namespace nibble::kernels {
namespace {

/// Where an int8 cache keeps the scale of a position: of its key, or of its value.
float* scale_of(const AttentionCache& cache, std::size_t kv_head, std::size_t position, bool of_value) {
  unsigned char* page = static_cast<unsigned char*>(cache.pages[position / kPagePositions]);
  float* scales = reinterpret_cast<float*>(page + kv_head * cache.head_elements + cache.scale_elements);
  return scales + (of_value ? kPagePositions : 0) + position % kPagePositions;
}

/// The element as it is stored: of an int8 cache the code.
float read(const AttentionCache& cache, std::size_t position, std::size_t element) {
  const void* page = cache.pages[position / kPagePositions];
  switch (cache.type) {
    case CacheType::f32:
      return static_cast<const float*>(page)[element];
    case CacheType::f16:
      return float_from_half(static_cast<const std::uint16_t*>(page)[element]);
    default:
      return static_cast<const std::int8_t*>(page)[element];
  }
}

void write(const AttentionCache& cache, std::size_t position, std::size_t element, float value) {
  void* page = cache.pages[position / kPagePositions];
  switch (cache.type) {
    case CacheType::f32:
      static_cast<float*>(page)[element] = value;
      break;
    case CacheType::f16:
      static_cast<std::uint16_t*>(page)[element] = half_from_float(value);
      break;
    default:
      static_cast<std::int8_t*>(page)[element] = static_cast<std::int8_t>(value);
  }
}

/// What is stored of a head: itself, or its codes, whose scale is kept.
std::vector<float> stored(const AttentionCache& cache, const float* head, std::size_t count, float* scale) {
  std::vector<float> result(head, head + count);
  if (cache.type != CacheType::int8) return result;
  std::vector<std::int8_t> codes(count);
  *scale = encode_codes(head, codes.data(), codes.size());
  result.assign(codes.begin(), codes.end());
  return result;
}

std::size_t key_element(const AttentionCache& cache, std::size_t kv_head, std::size_t position, std::size_t i) {
  const std::size_t p = position % kPagePositions;
  return kv_head * cache.head_elements + (p / kTilePositions * cache.head_dim + i) * kTilePositions +
         p % kTilePositions;
}

std::size_t value_element(const AttentionCache& cache, std::size_t kv_head, std::size_t position, std::size_t i) {
  return kv_head * cache.head_elements + cache.key_elements + position % kPagePositions * cache.value_stride + i;
}

void append(const AttentionCache& cache, const float* keys, const float* values, std::size_t tokens,
            std::size_t position, std::size_t kv_head) {
  for (std::size_t token = 0; token < tokens; ++token) {
    const std::size_t head = token * cache.kv_heads + kv_head;
    const std::size_t at = position + token;
    float unused = 0;
    const bool scaled = cache.type == CacheType::int8;
    const auto put = [&](const float* from, std::size_t count, bool of_value, auto element) {
      float* const scale = scaled ? scale_of(cache, kv_head, at, of_value) : &unused;
      const std::vector<float> codes = stored(cache, from + head * count, count, scale);
      for (std::size_t i = 0; i < count; ++i) write(cache, at, element(cache, kv_head, at, i), codes[i]);
    };
    put(keys, cache.head_dim, false, key_element);
    put(values, cache.value_dim, true, value_element);
  }
}

void attend_row(const AttentionCache& cache, const AttentionRequest& request, const float* query, float* out,
                std::size_t kv_head, const float* sink, std::size_t end) {
  const std::size_t begin = attention_begin(request, end);
  std::vector<float> weights(end - begin);
  float largest = -std::numeric_limits<float>::infinity();
  for (std::size_t p = begin; p < end; ++p) {
    float score = 0;
    for (std::size_t i = 0; i < cache.head_dim; ++i)
      score += query[i] * read(cache, p, key_element(cache, kv_head, p, i));
    if (cache.type == CacheType::int8) score *= *scale_of(cache, kv_head, p, false);
    score *= request.scale;
    if (request.softcap != 0) score = request.softcap * std::tanh(score / request.softcap);
    weights[p - begin] = score;
    largest = std::max(largest, score);
  }
  if (sink != nullptr) largest = std::max(largest, *sink);
  float sum = sink == nullptr ? 0.0f : std::exp(*sink - largest);
  for (std::size_t p = begin; p < end; ++p) {
    float& weight = weights[p - begin];
    weight = std::exp(weight - largest);
    sum += weight;
    if (cache.type == CacheType::int8) weight *= *scale_of(cache, kv_head, p, true);
  }
  for (std::size_t i = 0; i < cache.value_dim; ++i) {
    float value = 0;
    for (std::size_t p = begin; p < end; ++p) {
      value += weights[p - begin] * read(cache, p, value_element(cache, kv_head, p, i));
    }
    out[i] = value / sum;
  }
}

void attend(const AttentionCache& cache, const AttentionRequest& request, const float* queries, float* out,
            std::size_t kv_head, std::size_t first_row, std::size_t rows) {
  const std::size_t group = request.heads / cache.kv_heads;
  for (std::size_t row = first_row; row < first_row + rows; ++row) {
    const std::size_t token = row / group;
    const std::size_t head = kv_head * group + row % group;
    const std::size_t index = token * request.heads + head;
    const float* const sink = request.sinks == nullptr ? nullptr : request.sinks + head;
    attend_row(cache, request, queries + index * cache.head_dim, out + index * cache.value_dim, kv_head, sink,
               request.position + token + 1);
  }
}

void silu_multiply(const float* gate, const float* up, float* out, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) out[i] = gate[i] / (1.0f + std::exp(-gate[i])) * up[i];
}

void gelu_multiply(const float* gate, const float* up, float* out, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) {
    const float x = gate[i];
    out[i] = x / (1.0f + std::exp(-x * (kGeluLinear + kGeluCubic * x * x))) * up[i];
  }
}

float maximum(const float* values, std::size_t count) {
  float result = -std::numeric_limits<float>::infinity();
  for (std::size_t i = 0; i < count; ++i) {
    if (values[i] > result) result = values[i];
  }
  return result;
}

double sum_of_exponentials(const float* values, std::size_t count, float shift) {
  double sum = 0;
  for (std::size_t i = 0; i < count; ++i) sum += std::exp(static_cast<double>(values[i] - shift));
  return sum;
}

}  // namespace

const VectorFunctions kReferenceFunctions = {attend,        nullptr,         nullptr, append,
                                             silu_multiply, gelu_multiply,   maximum, sum_of_exponentials,
                                             recur_plainly, convolve_plainly};

}  // namespace nibble::kernels

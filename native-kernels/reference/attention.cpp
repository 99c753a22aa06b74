// Attention and the elementwise operations in plain scalar code: what every vector kernel is compared with.

#include "attention.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include "cpu/vector_functions.h"
#include "half.h"

namespace nibble::kernels {
namespace {

float read(const AttentionCache& cache, std::size_t position, std::size_t element) {
  const void* page = cache.pages[position / kPagePositions];
  return cache.type == CacheType::f16 ? float_from_half(static_cast<const std::uint16_t*>(page)[element])
                                      : static_cast<const float*>(page)[element];
}

void write(const AttentionCache& cache, std::size_t position, std::size_t element, float value) {
  void* page = cache.pages[position / kPagePositions];
  if (cache.type == CacheType::f16) {
    static_cast<std::uint16_t*>(page)[element] = half_from_float(value);
  } else {
    static_cast<float*>(page)[element] = value;
  }
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
    const std::size_t offset = (token * cache.kv_heads + kv_head) * cache.head_dim;
    for (std::size_t i = 0; i < cache.head_dim; ++i) {
      write(cache, position + token, key_element(cache, kv_head, position + token, i), keys[offset + i]);
      write(cache, position + token, value_element(cache, kv_head, position + token, i), values[offset + i]);
    }
  }
}

void attend_row(const AttentionCache& cache, const AttentionRequest& request, const float* query, float* out,
                std::size_t kv_head, std::size_t end) {
  const std::size_t begin = request.window != 0 && end > request.window ? end - request.window : 0;
  std::vector<float> weights(end - begin);
  float largest = -std::numeric_limits<float>::infinity();
  for (std::size_t p = begin; p < end; ++p) {
    float score = 0;
    for (std::size_t i = 0; i < cache.head_dim; ++i)
      score += query[i] * read(cache, p, key_element(cache, kv_head, p, i));
    score *= request.scale;
    if (request.softcap != 0) score = request.softcap * std::tanh(score / request.softcap);
    weights[p - begin] = score;
    largest = std::max(largest, score);
  }
  float sum = 0;
  for (float& weight : weights) {
    weight = std::exp(weight - largest);
    sum += weight;
  }
  for (std::size_t i = 0; i < cache.head_dim; ++i) {
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
    const std::size_t offset = (token * request.heads + kv_head * group + row % group) * cache.head_dim;
    attend_row(cache, request, queries + offset, out + offset, kv_head, request.position + token + 1);
  }
}

void silu_multiply(const float* gate, const float* up, float* out, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) out[i] = gate[i] / (1.0f + std::exp(-gate[i])) * up[i];
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

const VectorFunctions kReferenceFunctions = {attend, append, silu_multiply, maximum, sum_of_exponentials};

}  // namespace nibble::kernels

#pragma once

// The same decoder on the processor: its exact matrix products, everything else in double precision.

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "cuda/decoder/plan.h"

namespace nibble::check {

class DecoderReference {
 public:
  DecoderReference(const cuda::DecoderPlan& plan, const std::string& directory);

  /// Appends a token. @returns its logits
  std::vector<float> append(std::int64_t id);

  /// Forgets everything.
  void clear();

  /// One product.
  std::vector<float> multiply(const cuda::LinearPlan& plan, const std::vector<float>& x) const;

 private:
  std::vector<float> attend(std::size_t layer, const std::vector<float>& normed);
  std::vector<float> floats(const cuda::FloatsPlan& plan) const;
  const std::uint8_t* data(const cuda::StoredTensor& tensor) const;

  const cuda::DecoderPlan& plan_;
  std::vector<std::vector<std::uint8_t>> files_;
  struct Cache {
    std::vector<float> keys;  // [position, kv_heads * head_dim], rounded to float16
    std::vector<float> values;
  };
  std::vector<Cache> caches_;
  std::size_t position_ = 0;
};

}  // namespace nibble::check

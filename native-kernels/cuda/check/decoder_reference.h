#pragma once

// The same decoder on the processor: its exact matrix products, everything else in double precision.

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "cuda/decoder/decoder_plan.h"

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
  using Numbers = std::vector<float>;

  void run(const cuda::LinearStep& step);
  void run(const cuda::EmbedStep& step);
  void run(const cuda::RegroupStep& step);
  void run(const cuda::NormStep& step);
  void run(const cuda::AddStep& step);
  void run(const cuda::GatedStep& step);
  void run(const cuda::ActivateStep& step);
  void run(const cuda::SigmoidGateStep& step);
  void run(const cuda::ScaleStep& step);
  void run(const cuda::ExpertsStep& step);
  void run(const cuda::AttentionStep& step);

  Numbers value(const cuda::ValuePlan& place) const;
  void set(const cuda::ValuePlan& place, const Numbers& numbers);
  Numbers normalized(const Numbers& x, const cuda::NormPlan& norm) const;
  void prepare(float* head, const cuda::AttentionStep& step, std::size_t norm) const;
  Numbers floats(const cuda::FloatsPlan& plan) const;
  const std::uint8_t* data(const cuda::StoredTensor& tensor) const;
  /// The codes of a matrix that lies by columns, by rows; empty where they lie so.
  std::vector<std::uint8_t> rows_of(const cuda::LinearPlan& plan) const;

  const cuda::DecoderPlan& plan_;
  std::vector<std::vector<std::uint8_t>> files_;
  struct Cache {
    std::vector<float> keys;  // [position, kv_heads * head_dim], rounded to float16
    std::vector<float> values;
  };
  std::vector<Cache> caches_;
  std::vector<std::vector<float>> buffers_;  // one row each
  std::size_t position_ = 0;
  std::int64_t id_ = 0;  // the token that is appended
};

}  // namespace nibble::check

#include "gguf_model.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <fstream>
#include <vector>

#include "cuda/check/data.h"
#include "error.h"
#include "half.h"

namespace nibble::baseline {
namespace {

using check::Shape;

// From the GGUF specification.
constexpr char kMagic[] = "GGUF";
constexpr std::uint32_t kVersion = 3;
constexpr std::uint32_t kUint32 = 4;
constexpr std::uint32_t kFloat32 = 6;
constexpr std::uint32_t kString = 8;
constexpr std::uint64_t kAlignment = 32;

/// How a run of weights is stored: codes, and one float16 that all of them are multiplied by.
struct BlockType {
  const char* name;
  std::uint32_t number;
  std::uint64_t weights;
  std::uint64_t bytes;
  std::size_t factor_offset;
  double deviation;  // of the weights that random codes stand for, where the factor is 1
};

constexpr BlockType kF32{"f32", 0, 1, 4, 0, 0};
constexpr BlockType kBlockTypes[] = {
    {"q4_0", 2, 32, 18, 0, 4.61},      // 4-bit codes less 8
    {"q8_0", 8, 32, 34, 0, 73.9},      // signed bytes
    {"q6_k", 14, 256, 210, 208, 1365}  // 6-bit codes less 32, times signed bytes
};

const BlockType& block_type(const std::string& name) {
  for (const BlockType& type : kBlockTypes) {
    if (name == type.name) return type;
  }
  throw Error("invalid-input", "no such type of weights: " + name);
}

struct Tensor {
  std::string name;
  std::vector<std::uint64_t> dims;  // columns first
  const BlockType* type;
  std::uint64_t offset = 0;

  std::uint64_t bytes() const {
    std::uint64_t count = 1;
    for (const std::uint64_t dim : dims) count *= dim;
    return count / type->weights * type->bytes;
  }
};

class Header {
 public:
  explicit Header(const char* start = "") : bytes_(start) {}
  void append(const Header& other) { bytes_ += other.bytes_; }
  template <typename Number>
  void number(Number value) {
    bytes_.append(reinterpret_cast<const char*>(&value), sizeof value);
  }
  void text(const std::string& value) {
    number(std::uint64_t{value.size()});
    bytes_ += value;
  }
  void entry(const std::string& key, std::uint32_t value) {
    text(key);
    number(kUint32);
    number(value);
  }
  void entry(const std::string& key, float value) {
    text(key);
    number(kFloat32);
    number(value);
  }
  void entry(const std::string& key, const char* value) {
    text(key);
    number(kString);
    text(value);
  }
  const std::string& bytes() const { return bytes_; }

 private:
  std::string bytes_;
};

std::vector<Tensor> tensors_of(const Shape& shape, const BlockType& layers, const BlockType& head) {
  std::vector<Tensor> tensors;
  const auto add = [&](const std::string& name, std::uint64_t columns, std::uint64_t rows, const BlockType& type) {
    tensors.push_back({name + ".weight", {columns, rows}, &type});
  };
  const auto add_vector = [&](const std::string& name, std::uint64_t count) {
    tensors.push_back({name + ".weight", {count}, &kF32});
  };
  const auto add_experts = [&](const std::string& name, std::uint64_t columns, std::uint64_t rows) {
    tensors.push_back({name + ".weight", {columns, rows, shape.experts}, &layers});
  };
  const std::uint64_t wide = shape.heads * shape.head_dim;
  const std::uint64_t narrow = shape.kv_heads * shape.head_dim;
  add("token_embd", shape.hidden, shape.vocabulary, head);
  for (std::size_t i = 0; i < shape.layers; ++i) {
    const std::string layer = "blk." + std::to_string(i) + ".";
    add_vector(layer + "attn_norm", shape.hidden);
    add(layer + "attn_q", shape.hidden, wide, layers);
    add(layer + "attn_k", shape.hidden, narrow, layers);
    add(layer + "attn_v", shape.hidden, narrow, layers);
    if (shape.has_qk_norm) {
      add_vector(layer + "attn_q_norm", shape.head_dim);
      add_vector(layer + "attn_k_norm", shape.head_dim);
    }
    add(layer + "attn_output", wide, shape.hidden, layers);
    if (shape.has_post_norms) add_vector(layer + "post_attention_norm", shape.hidden);
    add_vector(layer + "ffn_norm", shape.hidden);
    if (shape.experts > 0) {
      add(layer + "ffn_gate_inp", shape.hidden, shape.experts, kF32);
      add_experts(layer + "ffn_gate_exps", shape.hidden, shape.intermediate);
      add_experts(layer + "ffn_up_exps", shape.hidden, shape.intermediate);
      add_experts(layer + "ffn_down_exps", shape.intermediate, shape.hidden);
    } else {
      add(layer + "ffn_gate", shape.hidden, shape.intermediate, layers);
      add(layer + "ffn_up", shape.hidden, shape.intermediate, layers);
      add(layer + "ffn_down", shape.intermediate, shape.hidden, layers);
    }
    if (shape.has_post_norms) add_vector(layer + "post_ffw_norm", shape.hidden);
  }
  add_vector("output_norm", shape.hidden);
  if (std::string(shape.architecture) == "llama") add_vector("rope_freqs", shape.head_dim / 2);
  std::uint64_t offset = 0;
  for (Tensor& tensor : tensors) {
    tensor.offset = offset;
    offset += (tensor.bytes() + kAlignment - 1) / kAlignment * kAlignment;
  }
  return tensors;
}

Header header_of(const Shape& shape, const std::vector<Tensor>& tensors) {
  Header entries;
  std::uint64_t count = 0;
  const std::string prefix = std::string(shape.architecture) + ".";
  const auto put = [&](const std::string& key, const auto& value) {
    entries.entry(key, value);
    ++count;
  };
  const auto put_size = [&](const std::string& key, std::size_t value) {
    put(prefix + key, static_cast<std::uint32_t>(value));
  };
  put("general.architecture", shape.architecture);
  put("general.name", "random weights");
  put_size("vocab_size", shape.vocabulary);
  put_size("context_length", 131072);
  put_size("embedding_length", shape.hidden);
  put_size("block_count", shape.layers);
  put_size("feed_forward_length", shape.intermediate);
  put_size("attention.head_count", shape.heads);
  put_size("attention.head_count_kv", shape.kv_heads);
  put_size("attention.key_length", shape.head_dim);
  put_size("attention.value_length", shape.head_dim);
  put_size("rope.dimension_count", shape.head_dim);
  put(prefix + "rope.freq_base", shape.rotary_base);
  put(prefix + "attention.layer_norm_rms_epsilon", 1e-5f);
  if (shape.window > 0) put_size("attention.sliding_window", shape.window);
  if (shape.experts > 0) {
    put_size("expert_count", shape.experts);
    put_size("expert_used_count", shape.experts_per_token);
    put_size("expert_feed_forward_length", shape.intermediate);
  }
  put("tokenizer.ggml.model", "none");
  Header header(kMagic);
  header.number(kVersion);
  header.number(std::uint64_t{tensors.size()});
  header.number(count);
  header.append(entries);
  for (const Tensor& tensor : tensors) {
    header.text(tensor.name);
    header.number(static_cast<std::uint32_t>(tensor.dims.size()));
    for (const std::uint64_t dim : tensor.dims) header.number(dim);
    header.number(tensor.type->number);
    header.number(tensor.offset);
  }
  return header;
}

std::vector<char> random_data(const Tensor& tensor, std::uint64_t seed) {
  std::vector<char> data(tensor.bytes());
  if (tensor.type == &kF32) {
    constexpr float kOne = 1;
    for (std::size_t i = 0; i < data.size(); i += sizeof kOne) std::memcpy(data.data() + i, &kOne, sizeof kOne);
    return data;
  }
  for (std::size_t i = 0; i < data.size(); i += sizeof(std::uint64_t)) {
    const std::uint64_t bits = check::random_bits(seed, i);
    std::memcpy(data.data() + i, &bits, std::min(sizeof bits, data.size() - i));
  }
  // Products then are about as large as their inputs, and no logit is infinite.
  const double deviation = 1 / std::sqrt(static_cast<double>(tensor.dims[0]));
  const std::uint16_t factor = half_from_float(static_cast<float>(deviation / tensor.type->deviation));
  for (std::size_t i = 0; i < data.size(); i += tensor.type->bytes) {
    std::memcpy(data.data() + i + tensor.type->factor_offset, &factor, sizeof factor);
  }
  return data;
}

}  // namespace

void write_gguf_model(const std::string& path, const check::Shape& shape, const std::string& layers,
                      const std::string& head, std::uint64_t seed) {
  const std::vector<Tensor> tensors = tensors_of(shape, block_type(layers), block_type(head));
  std::ofstream file(path, std::ios::binary);
  const auto pad = [&](std::uint64_t written) {
    for (; written % kAlignment != 0; ++written) file.put(0);
  };
  const Header header = header_of(shape, tensors);
  file.write(header.bytes().data(), static_cast<std::streamsize>(header.bytes().size()));
  pad(header.bytes().size());
  for (const Tensor& tensor : tensors) {
    const std::vector<char> data = random_data(tensor, seed++);
    file.write(data.data(), static_cast<std::streamsize>(data.size()));
    pad(data.size());
  }
  file.flush();
  if (!file) throw Error("disk-full", path + " could not be written");
}

}  // namespace nibble::baseline

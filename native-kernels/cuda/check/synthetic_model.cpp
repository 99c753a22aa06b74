#include "cuda/check/synthetic_model.h"

#include <cmath>
#include <cstring>
#include <fstream>
#include <sstream>
#include <thread>
#include <vector>

#include "codebook.h"
#include "cuda/check/data.h"
#include "error.h"
#include "threads.h"

namespace nibble::check {
namespace {

/// About the standard deviation of uniformly drawn codes, relative to the largest value: of the tables, and of
/// integers.
constexpr double kCodeDeviation = 0.57;

class Writer {
 public:
  Writer(const SyntheticModel& model, const std::string& directory, std::uint64_t seed)
      : model_(model), seed_(seed), file_(directory + "/" + model.name + ".safetensors", std::ios::binary) {
    plan_ << "file " << model.name << ".safetensors\n";
  }

  std::string finish() {
    file_.flush();
    if (!file_) throw Error("disk-full", "the synthetic model could not be written");
    return plan_.str();
  }

  void node(const std::string& op, const std::string& name, const std::string& items) {
    plan_ << "node " << op << ' ' << name << (items.empty() ? "" : " ") << items << '\n';
  }

  std::string store(const char* type, const std::vector<std::uint8_t>& bytes) {
    std::ostringstream text;
    text << type << "@0:" << offset_ << ':' << bytes.size();
    file_.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
    // One byte between tensors: nothing in a real file is aligned either.
    file_.put(0);
    offset_ += bytes.size() + 1;
    return text.str();
  }

  std::string floats(const char* type, std::size_t count, double mean, double deviation) {
    const WeightType kind = std::string(type) == "BF16"  ? WeightType::bf16
                            : std::string(type) == "F16" ? WeightType::f16
                                                         : WeightType::f32;
    const std::size_t size = kind == WeightType::f32 ? 4 : 2;
    std::vector<std::uint8_t> bytes(count * size);
    const std::uint64_t seed = next_seed();
    each(count, [&](std::size_t i) {
      // The sum of four uniform numbers has a variance of a third.
      const std::uint64_t bits = random_bits(seed, i);
      double sum = -2;
      for (int part = 0; part < 4; ++part) sum += static_cast<double>(bits >> (part * 16) & 0xffffu) / 65536.0;
      set_weight(bytes, kind, i, static_cast<float>(mean + deviation * std::sqrt(3.0) * sum));
    });
    return store(type, bytes);
  }

  std::string random_bytes(const char* type, std::size_t count) {
    std::vector<std::uint8_t> bytes(count);
    const std::uint64_t seed = next_seed();
    each((count + 7) / 8, [&](std::size_t i) {
      const std::uint64_t bits = random_bits(seed, i);
      std::memcpy(bytes.data() + i * 8, &bits, std::min<std::size_t>(8, count - i * 8));
    });
    return store(type, bytes);
  }

  std::string table(const float* values, std::size_t count) {
    std::vector<std::uint8_t> bytes(count * sizeof(float));
    std::memcpy(bytes.data(), values, bytes.size());
    return store("F32", bytes);
  }

  void linear(const std::string& name, const std::string& input, std::size_t rows, std::size_t columns,
              const std::string& format, bool bias, double gain = 1) {
    node("Linear", name, "0=$" + input + matrix("", 1, rows, columns, format, bias, gain));
  }

  /// A matrix of a node. @param number behind the names of its attributes @param first its first stored input
  std::string matrix(const std::string& number, unsigned first, std::size_t rows, std::size_t columns,
                     const std::string& format, bool bias, double gain = 1) {
    const double deviation = gain / std::sqrt(static_cast<double>(columns));
    const double largest = deviation / kCodeDeviation;
    const std::size_t count = rows * columns;
    std::ostringstream items;
    const auto put = [&](const std::string& key, const auto& value) { items << ' ' << key << number << '=' << value; };
    // Inputs as a Linear numbers them, from 1.
    const auto put_stored = [&](unsigned index, const std::string& stored) {
      items << ' ' << first + index - 1 << '=' << stored;
    };
    put("in_features", columns);
    put("out_features", rows);
    if (format == "nf4" || format == "nf4-dq" || format == "fp4") {
      const std::size_t blocks = (count + model_.block_size - 1) / model_.block_size;
      put("format", "levels4");
      put("block_size", model_.block_size);
      put_stored(1, random_bytes("U8", (count + 1) / 2));
      const bool nested = format == "nf4-dq";
      if (nested) put("nested_offset", static_cast<float>(largest));
      put_stored(2, nested ? random_bytes("U8", blocks) : floats("F32", blocks, largest, largest * 0.15));
      put_stored(4, table(four_bit_values(format == "fp4" ? FourBitType::fp4 : FourBitType::nf4), 16));
      if (nested) {
        put_stored(5, floats("F32", (blocks + 255) / 256, largest * 0.4, largest * 0.05));
        put_stored(6, table(dynamic8_values(), 256));
      }
    } else if (format == "mxfp4") {
      put("format", "mxfp4");
      put("block_size", 32);
      put_stored(1, random_bytes("U8", count / 2));
      put_stored(2, exponents(count / 32, std::ilogb(largest / 6) + 127));
    } else if (format == "llm-int8") {
      put("format", "int8_rows");
      put("block_size", columns);
      put("threshold", 6);
      put_stored(1, random_bytes("I8", count));
      put_stored(2, floats("F32", rows, largest, largest * 0.15));
    } else if (format.rfind("int", 0) == 0) {
      const int bits = format[3] - '0';
      const double step = largest / (bits == 8 ? 127 : 8);
      const std::size_t blocks = count / model_.block_size;
      put("format", "int" + std::to_string(bits));
      put("block_size", model_.block_size);
      put_stored(1, bits == 8 ? random_bytes("I8", count) : random_symmetric_nibbles((count + 1) / 2));
      put_stored(2, floats("F32", blocks, step, step * 0.15));
      if (format.ends_with("-zero")) put_stored(3, zero_points(blocks, bits));
    } else {
      put("format", format);
      put_stored(1, floats(format == "bf16" ? "BF16" : format == "f16" ? "F16" : "F32", count, 0, deviation));
    }
    if (bias) put_stored(7, floats("BF16", rows, 0, 0.1));
    return items.str();
  }

 private:
  std::string zero_points(std::size_t blocks, int bits) {
    std::vector<std::uint8_t> bytes(blocks);
    const std::uint64_t seed = next_seed();
    const int reach = bits == 8 ? 20 : 1;
    for (std::size_t i = 0; i < blocks; ++i) {
      const int point = static_cast<int>(random_bits(seed, i) % static_cast<unsigned>(2 * reach + 1)) - reach;
      bytes[i] = static_cast<std::uint8_t>(static_cast<std::int8_t>(point));
    }
    return store("I8", bytes);
  }

  /// Exponents of scales about `mean`.
  std::string exponents(std::size_t blocks, int mean) {
    std::vector<std::uint8_t> bytes(blocks);
    const std::uint64_t seed = next_seed();
    for (std::size_t i = 0; i < blocks; ++i)
      bytes[i] = static_cast<std::uint8_t>(mean + static_cast<int>(random_bits(seed, i) % 3) - 1);
    return store("U8", bytes);
  }

  /// Codes of -7 to 7: with -8 their mean would not be 0, and sums of a whole model would lean to one side.
  std::string random_symmetric_nibbles(std::size_t count) {
    std::vector<std::uint8_t> bytes(count);
    const std::uint64_t seed = next_seed();
    each(count, [&](std::size_t i) {
      const std::uint64_t bits = random_bits(seed, i);
      bytes[i] = static_cast<std::uint8_t>((bits % 15 + 1) << 4 | ((bits >> 32) % 15 + 1));
    });
    return store("U8", bytes);
  }

  void each(std::size_t count, const std::function<void(std::size_t)>& make) {
    constexpr std::size_t kTask = std::size_t{1} << 18;
    Control control;
    control.threads = std::max(1u, std::thread::hardware_concurrency());
    for_each_task((count + kTask - 1) / kTask, control, {0, 1}, [&](std::size_t task) {
      for (std::size_t i = task * kTask; i < std::min(count, (task + 1) * kTask); ++i) make(i);
    });
  }

  std::uint64_t next_seed() { return seed_ += 1000003; }

  const SyntheticModel& model_;
  std::uint64_t seed_;
  std::ofstream file_;
  std::uint64_t offset_ = 0;
  std::ostringstream plan_;
};

std::string hex_of_frequencies(std::size_t pairs) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string hex;
  for (std::size_t i = 0; i < pairs; ++i) {
    const auto frequency = static_cast<float>(std::pow(10000.0, -static_cast<double>(i) / static_cast<double>(pairs)));
    std::uint8_t bytes[4];
    std::memcpy(bytes, &frequency, 4);
    for (const std::uint8_t byte : bytes) {
      hex += kDigits[byte >> 4];
      hex += kDigits[byte & 15];
    }
  }
  return hex;
}

/// Of a mixture: the gates, ups and downs of all experts in one node.
std::string experts_items(Writer& writer, const SyntheticModel& model, const std::string& prefix,
                          const std::string& input) {
  constexpr unsigned kFirstMatrix = 4;
  constexpr unsigned kMatrixInputs = 7;
  std::ostringstream items;
  items << "experts=" << model.experts << " experts_per_token=" << model.experts_per_token
        << " normalized=1 scores=softmax 0=$" << input << " 1=$" << prefix << "router";
  for (unsigned index = 0; index < model.experts * 3; ++index) {
    const bool is_down = index % 3 == 2;
    items << writer.matrix(index == 0 ? "" : std::to_string(index), kFirstMatrix + index * kMatrixInputs,
                           is_down ? model.hidden : model.intermediate, is_down ? model.intermediate : model.hidden,
                           model.layer_format, false);
  }
  return items.str();
}

}  // namespace

SyntheticModel synthetic_of(const Shape& shape, const std::string& layer_format, const std::string& head_format) {
  SyntheticModel model{};
  model.name = shape.name + ("-" + layer_format);
  model.hidden = shape.hidden;
  model.intermediate = shape.intermediate;
  model.heads = shape.heads;
  model.kv_heads = shape.kv_heads;
  model.head_dim = shape.head_dim;
  model.layers = shape.layers;
  model.vocabulary = shape.vocabulary;
  model.layer_format = layer_format;
  model.head_format = head_format;
  model.window = shape.window;
  model.window_period = shape.window_period;
  model.has_qk_norm = shape.has_qk_norm;
  model.has_post_norms = shape.has_post_norms;
  model.gelu = shape.gelu;
  model.experts = shape.experts;
  model.experts_per_token = shape.experts_per_token;
  return model;
}

std::string write_synthetic_model(const SyntheticModel& model, const std::string& directory, std::uint64_t seed) {
  Writer writer(model, directory, seed);
  const auto norm = [&](const std::string& inputs, unsigned index) {
    return "epsilon=1e-5 " + inputs + " " + std::to_string(index) + "=" + writer.floats("BF16", model.hidden, 1, 0.1);
  };
  const std::string embedding = writer.floats(model.embedding_type.c_str(), model.vocabulary * model.hidden, 0, 0.7);
  writer.node("Embedding", "embedded", "scale=1 0=$input_ids 1=" + embedding);
  const std::size_t pairs = model.rotary_pairs == 0 ? model.head_dim / 2 : model.rotary_pairs;
  writer.node(
      "Rotary", "rotary.cos",
      "attention_scaling=1 0=$input_ids 1=$position 2=F32#" + hex_of_frequencies(pairs) + " output1=$rotary.sin");
  writer.node("RmsNorm", "layers.0.start", norm("0=$embedded", 1));
  std::string stream = "embedded";
  std::string normed = "layers.0.start";
  for (std::size_t i = 0; i < model.layers; ++i) {
    const std::string prefix = "layers." + std::to_string(i) + ".";
    const std::string& format = model.layer_format;
    const std::size_t wide = model.heads * model.head_dim;
    const std::size_t narrow = model.kv_heads * model.head_dim;
    writer.linear(prefix + "q", normed, wide, model.hidden, format, model.has_bias, 1.5);
    writer.linear(prefix + "k", normed, narrow, model.hidden, format, model.has_bias, 1.5);
    writer.linear(prefix + "v", normed, narrow, model.hidden, format, model.has_bias);
    std::ostringstream attention;
    attention << "layer=" << i << " heads=" << model.heads << " kv_heads=" << model.kv_heads
              << " head_dim=" << model.head_dim << " scale=" << 1 / std::sqrt(static_cast<double>(model.head_dim))
              << " window=" << ((i + 1) % model.window_period == 0 ? 0 : model.window) << " softcap=" << model.softcap
              << " epsilon=1e-6"
              << " 0=$" << prefix << "q 1=$" << prefix << "k 2=$" << prefix
              << "v 3=$rotary.cos 4=$rotary.sin 5=$position";
    if (model.has_qk_norm) {
      attention << " 6=" << writer.floats("BF16", model.head_dim, 1, 0.1);
      attention << " 7=" << writer.floats("BF16", model.head_dim, 1, 0.1);
    }
    writer.node("Attention", prefix + "attention", attention.str());
    writer.linear(prefix + "o", prefix + "attention", model.hidden, wide, format, false);
    const auto residual = [&](const std::string& added, const std::string& name) {
      std::string what = added;
      if (model.has_post_norms) {
        writer.node("RmsNorm", added + "_norm", norm("0=$" + added, 1));
        what = added + "_norm";
      }
      writer.node("SkipRmsNorm", name, norm("0=$" + what + " 1=$" + stream, 2) + " output1=$" + name + ".sum");
      stream = name + ".sum";
      normed = name;
    };
    residual(prefix + "o", prefix + "middle");
    if (model.experts > 0) {
      writer.linear(prefix + "router", normed, model.experts, model.hidden, "bf16", false, 3);
      writer.node("Experts", prefix + "experts", experts_items(writer, model, prefix, normed));
      residual(prefix + "experts", prefix + "end");
      continue;
    }
    writer.linear(prefix + "gate", normed, model.intermediate, model.hidden, format, false);
    writer.linear(prefix + "up", normed, model.intermediate, model.hidden, format, false);
    writer.node(model.gelu ? "GeluMul" : "SiluMul", prefix + "gated", "0=$" + prefix + "gate 1=$" + prefix + "up");
    writer.linear(prefix + "down", prefix + "gated", model.hidden, model.intermediate, format, false);
    residual(prefix + "down", prefix + "end");
  }
  if (model.head_format == "tied") {
    const std::string& type = model.embedding_type;
    writer.node("Linear", "logits",
                "in_features=" + std::to_string(model.hidden) + " out_features=" + std::to_string(model.vocabulary) +
                    " format=" +
                    (type == "BF16"  ? "bf16"
                     : type == "F16" ? "f16"
                                     : "f32") +
                    " 0=$" + normed + " 1=" + embedding);
  } else {
    writer.linear("logits", normed, model.vocabulary, model.hidden, model.head_format, false, 3);
  }
  return writer.finish();
}

}  // namespace nibble::check

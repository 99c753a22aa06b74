// The decoder against the processor: products one by one, then whole models, in every format.

#include "cuda/decoder/decoder.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <numeric>
#include <vector>

#include "cuda/check/check.h"
#include "cuda/check/data.h"
#include "cuda/check/decoder_reference.h"
#include "cuda/check/synthetic_model.h"
#include "half.h"

namespace nibble::check {
namespace {

// Bounds on |device - processor| / |processor|, both as vectors. One token: activations keep 22 bits, weights 11. Many
// tokens: both keep 11, and sums of the residual stream carry that through the layers.
constexpr double kVectorBound = 5e-4;
constexpr double kMatrixBound = 2e-3;
constexpr double kTokenBound = 5e-3;
constexpr double kPromptBound = 1e-2;

/// A choice that differs must have had a second choice this close, relative to the spread of the logits.
constexpr double kMarginBound = 2e-2;

double relative_error(const float* found, const float* expected, std::size_t count) {
  double errors = 0;
  double squares = 0;
  for (std::size_t i = 0; i < count; ++i) {
    errors += (double{found[i]} - expected[i]) * (double{found[i]} - expected[i]);
    squares += double{expected[i]} * expected[i];
  }
  // NaN must not pass for a small number.
  const double error = std::sqrt(errors / squares);
  return std::isfinite(error) ? error : INFINITY;
}

double deviation(const std::vector<float>& values) {
  const double mean = std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
  double squares = 0;
  for (const float value : values) squares += (value - mean) * (value - mean);
  return std::sqrt(squares / static_cast<double>(values.size()));
}

struct Report {
  bool failed = false;
  const char* judge(double error, double bound) {
    if (error <= bound) return "";
    failed = true;
    return " FAILED";
  }
};

std::vector<float> random_vector(std::size_t count, std::uint64_t seed, float outlier) {
  std::vector<float> x(count);
  for (std::size_t i = 0; i < count; ++i) {
    const std::uint64_t bits = random_bits(seed, i);
    x[i] = static_cast<float>(static_cast<double>(bits >> 40) / (1 << 23) - 1) * (bits % 97 == 0 ? outlier : 1.0f);
  }
  return x;
}

/// Every matrix of layer 0 and the head, one token and many.
void check_products(cuda::Device& device, const cuda::DecoderPlan& plan, const std::string& directory,
                    const DecoderReference& reference, std::uint64_t seed, Report& report) {
  const cuda::DeviceWeights weights = cuda::load_weights(device, plan, directory);
  cuda::DecoderKernels kernels(device);
  cuda::PassMemory memory(device, plan);
  cuda::Passes passes(device, plan, weights, kernels, memory);
  cuda::Stream stream(device);
  // Of every shape and format one is enough: those of the first layers, and the head.
  std::vector<std::size_t> some(std::min<std::size_t>(plan.matrices.size(), 8));
  std::iota(some.begin(), some.end(), 0);
  some.push_back(plan.head.matrices[0]);
  double vector_error = 0;
  double matrix_error = 0;
  for (const std::size_t index : some) {
    const cuda::LinearPlan* linear = &plan.matrices[index];
    const cuda::DeviceMatrix* matrix = &weights.matrices[index];
    constexpr std::size_t kTokens = 131;
    std::vector<std::uint16_t> halves(kTokens * linear->columns);
    std::vector<float> expected(kTokens * linear->rows);
    std::vector<float> first;
    const auto tokens = static_cast<unsigned>(linear->rows * linear->columns > 1000000 ? 3 : kTokens);
    for (std::size_t token = 0; token < tokens; ++token) {
      std::vector<float> x = random_vector(linear->columns, seed + token, 20.0f);
      if (token == 0) first = x;
      for (std::size_t i = 0; i < x.size(); ++i) {
        halves[token * x.size() + i] = half_from_float(x[i]);
        x[i] = float_from_half(halves[token * x.size() + i]);
      }
      const std::vector<float> y = reference.multiply(*linear, x);
      std::copy(y.begin(), y.end(), expected.begin() + static_cast<std::ptrdiff_t>(token * linear->rows));
    }
    const cuda::DeviceMemory x(device, halves.size() * 2);
    const cuda::DeviceMemory y(device, expected.size() * 4);
    std::vector<float> found(expected.size());
    stream.fill(y.pointer(), 0xff, y.bytes());
    stream.upload(x.pointer(), first.data(), first.size() * 4);
    passes.multiply_vector(stream.handle(), {matrix}, cuda::Outcome::store, cuda::Activation::silu, x.as<float>(),
                           nullptr, 0, y.as<float>());
    stream.download(found.data(), y.pointer(), linear->rows * 4);
    stream.wait();
    const std::vector<float> exact = reference.multiply(*linear, first);
    vector_error = std::max(vector_error, relative_error(found.data(), exact.data(), linear->rows));

    stream.fill(y.pointer(), 0xff, y.bytes());
    stream.upload(x.pointer(), halves.data(), halves.size() * 2);
    passes.multiply_matrix(stream.handle(), {matrix}, cuda::Outcome::store, cuda::Activation::silu, x.as<void>(), 1,
                           tokens, y.as<void>(), linear->rows);
    stream.download(found.data(), y.pointer(), tokens * linear->rows * 4);
    stream.wait();
    matrix_error = std::max(matrix_error, relative_error(found.data(), expected.data(), tokens * linear->rows));
  }
  std::printf("  products: one token %.2e%s, many %.2e%s\n", vector_error, report.judge(vector_error, kVectorBound),
              matrix_error, report.judge(matrix_error, kMatrixBound));
}

/// Ids in a prompt, token by token, and again after going back.
void check_logits(cuda::Decoder& decoder, DecoderReference& reference, std::size_t count, std::uint64_t seed,
                  Report& report) {
  const std::size_t width = decoder.vocabulary_size();
  std::vector<std::int64_t> ids(count);
  std::vector<std::vector<float>> expected;
  reference.clear();
  for (std::size_t i = 0; i < count; ++i) {
    ids[i] = static_cast<std::int64_t>(random_bits(seed, i) % width);
    expected.push_back(reference.append(ids[i]));
  }
  const std::size_t prompt = count * 2 / 3;
  std::vector<std::int64_t> rows(prompt);
  std::iota(rows.begin(), rows.end(), 0);
  std::vector<float> logits(prompt * width, NAN);
  decoder.run(std::span(ids).first(prompt), 0, rows, logits.data());
  double prompt_error = 0;
  for (std::size_t i = 0; i < prompt; ++i) {
    prompt_error = std::max(prompt_error, relative_error(&logits[i * width], expected[i].data(), width));
  }
  const std::int64_t only = 0;
  double token_error = 0;
  for (std::size_t i = prompt; i < count; ++i) {
    decoder.run(std::span(ids).subspan(i, 1), i, std::span(&only, 1), logits.data());
    token_error = std::max(token_error, relative_error(logits.data(), expected[i].data(), width));
  }
  const std::size_t back = count / 3;
  const auto last = static_cast<std::int64_t>(count - back - 1);
  decoder.run(std::span(ids).subspan(back), back, std::span(&last, 1), logits.data());
  const double again = relative_error(logits.data(), expected.back().data(), width);
  std::printf("  logits: prompt %.2e%s, after it %.2e%s, after going back %.2e%s\n", prompt_error,
              report.judge(prompt_error, kPromptBound), token_error, report.judge(token_error, kPromptBound), again,
              report.judge(again, kPromptBound));

  double alone = 0;
  for (std::size_t i = 0; i < count; ++i) {
    decoder.run(std::span(ids).subspan(i, 1), i, std::span(&only, 1), logits.data());
    alone = std::max(alone, relative_error(logits.data(), expected[i].data(), width));
  }
  std::printf("  logits, all token by token: %.2e%s\n", alone, report.judge(alone, kTokenBound));
}

/// The most probable text, and how the processor would have chosen at each of its tokens.
void check_text(cuda::Decoder& decoder, DecoderReference& reference, std::size_t count, Report& report) {
  reference.clear();
  std::int64_t id = 1;
  std::size_t equal = 0;
  std::size_t first_difference = count;
  double worst = 0;
  double logprob_error = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const std::vector<float> logits = reference.append(id);
    const cuda::Decoder::Choice choice = decoder.next(id, i);
    const auto best = std::max_element(logits.begin(), logits.end());
    if (best - logits.begin() == choice.id) {
      ++equal;
    } else {
      first_difference = std::min(first_difference, i);
      worst = std::max(worst, (*best - logits[static_cast<std::size_t>(choice.id)]) / deviation(logits));
    }
    double sum = 0;
    for (const float logit : logits) sum += std::exp(double{logit} - *best);
    const double logprob = logits[static_cast<std::size_t>(choice.id)] - *best - std::log(sum);
    logprob_error = std::max(logprob_error, std::abs(logprob - choice.logprob));
    // Now and then another token than the chosen one: what was started ahead must not be taken for it.
    id = i % 17 == 16 ? static_cast<std::int64_t>(i) % static_cast<std::int64_t>(logits.size()) : choice.id;
  }
  std::printf("  text: %zu of %zu tokens equal, widest margin of another %.2e%s, logprobs differ by %.2e\n", equal,
              count, worst, report.judge(worst, kMarginBound), logprob_error);
}

/// The cache moves when it grows: what it held must be there afterwards, bit for bit.
void check_growth(cuda::Decoder& decoder, Report& report) {
  const std::size_t bytes = decoder.cache_bytes();
  std::vector<std::int64_t> ids(decoder.chunk(), 7);
  std::iota(ids.begin(), ids.end(), 0);
  std::size_t position = 0;
  for (; position < 2048; position += ids.size()) decoder.run(ids, position, {}, nullptr);
  const std::int64_t only = 0;
  std::vector<float> before(decoder.vocabulary_size());
  std::vector<float> after(decoder.vocabulary_size());
  decoder.run(std::span(ids).first(1), position - 1, std::span(&only, 1), before.data());
  (void)decoder.next(5, position - 1);
  decoder.run(ids, position, {}, nullptr);
  decoder.run(std::span(ids).first(1), position - 1, std::span(&only, 1), after.data());
  const bool is_equal = before == after && decoder.cache_bytes() > bytes;
  if (!is_equal) report.failed = true;
  std::printf("  growth: %s\n", is_equal ? "equal bits" : "FAILED");
}

std::vector<SyntheticModel> models() {
  std::vector<SyntheticModel> all;
  const auto add = [&](const char* format, const char* head, std::size_t hidden, std::size_t intermediate,
                       std::size_t heads, std::size_t kv_heads, std::size_t dim) -> SyntheticModel& {
    SyntheticModel model{};
    model.name = std::to_string(all.size()) + "-" + format;
    model.hidden = hidden;
    model.intermediate = intermediate;
    model.heads = heads;
    model.kv_heads = kv_heads;
    model.head_dim = dim;
    model.layers = 3;
    model.vocabulary = 1003;
    model.layer_format = format;
    model.head_format = head;
    return all.emplace_back(model);
  };
  add("nf4-dq", "int8", 256, 768, 4, 2, 64);
  add("nf4", "tied", 576, 1536, 9, 3, 64);
  add("fp4", "nf4", 160, 416, 5, 5, 32).embedding_type = "F16";
  add("llm-int8", "tied", 512, 1024, 4, 1, 128).has_qk_norm = true;
  SyntheticModel& windowed = add("nf4-dq", "tied", 384, 1024, 7, 1, 96);
  windowed.window = 24;
  windowed.has_bias = true;
  windowed.block_size = 128;
  SyntheticModel& partial = add("int8", "int8", 320, 640, 8, 8, 40);
  partial.rotary_pairs = 16;
  add("int8-zero", "int8-zero", 256, 512, 6, 2, 64).has_bias = true;
  add("int4", "int4", 256, 512, 4, 1, 64).block_size = 32;
  add("int4-zero", "f16", 256, 512, 4, 2, 64);
  add("mxfp4", "tied", 256, 512, 4, 2, 64);
  add("bf16", "tied", 288, 800, 12, 2, 24);
  add("f16", "bf16", 256, 512, 4, 4, 64).embedding_type = "F32";
  add("f32", "f32", 256, 512, 4, 4, 64).embedding_type = "F16";
  SyntheticModel& wide = add("nf4-dq", "tied", 320, 1024, 4, 1, 256);
  wide.has_qk_norm = true;
  wide.has_post_norms = true;
  wide.gelu = true;
  wide.window = 24;
  SyntheticModel& limited = add("int8", "tied", 256, 512, 6, 2, 160);
  limited.softcap = 5;
  limited.gelu = true;
  return all;
}

}  // namespace

void check_decoder(cuda::Device& device, const std::string& directory, std::uint64_t seed, bool small) {
  std::filesystem::create_directories(directory);
  Report report;
  for (const SyntheticModel& model : models()) {
    std::printf("%s, %zu wide, %zu/%zu heads of %zu, head %s\n", model.layer_format.c_str(), model.hidden, model.heads,
                model.kv_heads, model.head_dim, model.head_format.c_str());
    std::fflush(stdout);
    const std::string text = write_synthetic_model(model, directory, seed);
    const cuda::DecoderPlan plan = cuda::read_decoder(cuda::parse_plan(text));
    DecoderReference reference(plan, directory);
    check_products(device, plan, directory, reference, seed, report);
    // A context that the cache must grow for.
    cuda::Decoder decoder(device, plan, directory, 3000);
    check_logits(decoder, reference, small ? 12 : 210, seed, report);
    check_text(decoder, reference, small ? 6 : 200, report);
    if (!small || model.name.starts_with("0-")) check_growth(decoder, report);
    std::filesystem::remove(directory + "/" + model.name + ".safetensors");
    std::fflush(stdout);
  }
  if (report.failed) throw Error("kernel-failed", "the decoder differs from the processor by more than its bounds");
}

namespace {

template <typename T>
std::vector<T> read_numbers(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  const std::string bytes((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  if (!file) throw Error("not-found", path.string() + " cannot be read");
  std::vector<T> numbers(bytes.size() / sizeof(T));
  std::memcpy(numbers.data(), bytes.data(), numbers.size() * sizeof(T));
  return numbers;
}

cuda::DecoderPlan read_plan(const std::filesystem::path& path) {
  const std::vector<char> text = read_numbers<char>(path);
  return cuda::read_decoder(cuda::parse_plan({text.begin(), text.end()}));
}

/// Logits that another program computed of all tokens of a text: at once, and token by token.
void check_expected(cuda::Decoder& decoder, const std::filesystem::path& folder, Report& report) {
  const std::vector<std::int64_t> ids = read_numbers<std::int64_t>(folder / "ids.i64");
  const std::vector<float> expected = read_numbers<float>(folder / "logits.f32");
  const std::size_t width = decoder.vocabulary_size();
  if (expected.size() != ids.size() * width) throw Error("malformed-file", "the expected logits have another size");
  std::vector<std::int64_t> rows(ids.size());
  std::iota(rows.begin(), rows.end(), 0);
  std::vector<float> found(expected.size(), NAN);
  decoder.run(ids, 0, rows, found.data());
  const double together = relative_error(found.data(), expected.data(), found.size());
  const std::int64_t only = 0;
  for (std::size_t i = 0; i < ids.size(); ++i) {
    decoder.run(std::span(ids).subspan(i, 1), i, std::span(&only, 1), &found[i * width]);
  }
  const double alone = relative_error(found.data(), expected.data(), found.size());
  std::printf("  expected logits: prompt %.2e%s, token by token %.2e%s\n", together,
              report.judge(together, kPromptBound), alone, report.judge(alone, kTokenBound));
}

}  // namespace

void check_plan(cuda::Device& device, const std::string& path, std::uint64_t seed) {
  const std::string directory = std::filesystem::absolute(path).parent_path().string();
  const cuda::DecoderPlan plan = read_plan(path);
  DecoderReference reference(plan, directory);
  std::printf("%s, %zu layers, %zu wide\n", path.c_str(), plan.caches, plan.hidden);
  Report report;
  check_products(device, plan, directory, reference, seed, report);
  cuda::Decoder decoder(device, plan, directory, 512);
  check_logits(decoder, reference, 210, seed, report);
  check_text(decoder, reference, 200, report);
  if (report.failed) throw Error("kernel-failed", "the decoder differs from the processor by more than its bounds");
}

void check_golden(cuda::Device& device, const std::string& directory, std::uint64_t seed) {
  std::vector<std::filesystem::path> folders;
  for (const auto& entry : std::filesystem::directory_iterator(directory)) folders.push_back(entry.path());
  std::sort(folders.begin(), folders.end());
  Report report;
  for (const std::filesystem::path& folder : folders) {
    cuda::DecoderPlan plan;
    try {
      plan = read_plan(folder / "plan.txt");
    } catch (const Error& error) {
      if (error.code() != "unsupported-model") throw;
      std::printf("%s: %s\n", folder.filename().c_str(), error.what());
      continue;
    }
    DecoderReference reference(plan, folder.string());
    std::printf("%s, %zu steps, %zu buffers\n", folder.filename().c_str(), plan.steps.size(), plan.buffers.size());
    std::fflush(stdout);
    cuda::Decoder decoder(device, plan, folder.string(), 512);
    check_expected(decoder, folder, report);
    check_logits(decoder, reference, 60, seed, report);
    check_text(decoder, reference, 40, report);
  }
  if (report.failed) throw Error("kernel-failed", "the decoder differs from what is expected by more than its bounds");
}

}  // namespace nibble::check

#include "cuda/decoder/passes.h"

#include <algorithm>
#include <string>

#include "cuda/decoder/kernels/arguments.h"

namespace nibble::cuda {
namespace {

/// Blocks of multiply_vector on a multiprocessor at a time. One would leave the registers for the next kernel to begin,
/// but too few loads on their way: 12 % slower.
constexpr unsigned kVectorBlocks = 2;

/// Warps that share a tile, even where there are tiles enough for all: together they read longer runs of a row's bytes.
/// On an H100 1 or 2 are 1 % slower, and 8 are 3 %.
constexpr unsigned kLeastSplit = 4;

unsigned ceil_divide(std::size_t a, std::size_t b) { return static_cast<unsigned>((a + b - 1) / b); }

bool is_four_bit(Format format) {
  return format == Format::levels4 || format == Format::levels4_nested || format == Format::mxfp4 ||
         format == Format::int4;
}

/// Columns that a warp of multiply_vector takes at a time.
unsigned step_columns(Format format) { return is_four_bit(format) ? 128 : format == Format::int8 ? 64 : 32; }

/// As vector_room in kernels/multiply_vector.h divides it.
unsigned vector_shared_bytes(Format format, unsigned columns) {
  return (is_four_bit(format) ? 256u * 32 * 4 : 0) + kVectorWarps * 16 * 4 + kVectorWarps * 8 + 256 * 4 + columns * 4;
}

/// sizeof(MatrixRoom) in kernels/multiply_matrix.h.
constexpr unsigned kMatrixSharedBytes = 2 * (kTileTokens + kTileRows) * (kTileColumns + 8) * 2 + 256 * 4 + 256 * 8 * 4;

/// Heads that share a KV head are computed together as far as registers reach.
unsigned group_size(std::size_t heads_per_kv_head) {
  for (const unsigned group : {4u, 3u, 2u}) {
    if (heads_per_kv_head % group == 0) return group;
  }
  return 1;
}

/// Whether one kernel can multiply with all of them.
bool can_all_share(std::initializer_list<const DeviceMatrix*> matrices) {
  return std::all_of(matrices.begin(), matrices.end(),
                     [&](const DeviceMatrix* matrix) { return can_share(**matrices.begin(), *matrix); });
}

/// Lays the matrices into a job, tile after tile. @param tile_rows of a tile; with Outcome::silu_mul it holds half as
/// many of each matrix @returns how many tiles there are
template <typename Job>
unsigned place_tiles(Job& job, std::initializer_list<const DeviceMatrix*> matrices, Outcome outcome,
                     unsigned tile_rows) {
  unsigned tiles = 0;
  std::size_t index = 0;
  for (const DeviceMatrix* matrix : matrices) {
    job.matrices[index] = matrix->matrix;
    const unsigned rows = matrix->matrix.rows;
    tiles = outcome == Outcome::silu_mul ? ceil_divide(rows, tile_rows / 2) : tiles + ceil_divide(rows, tile_rows);
    job.tile_ends[index++] = tiles;
  }
  for (; index < kMatrices; ++index) job.tile_ends[index] = tiles;
  job.outcome = outcome;
  return tiles;
}

unsigned prompt_dim(std::size_t head_dim) { return (static_cast<unsigned>(head_dim) + 31) / 32 * 32; }

}  // namespace

PassMemory::PassMemory(Device& device, const DecoderPlan& plan) {
  const std::size_t wide = plan.heads * plan.head_dim;
  const std::size_t all = (plan.heads + 2 * plan.kv_heads) * plan.head_dim;
  const auto make = [&](std::size_t bytes) { return DeviceMemory(device, bytes); };
  stream = make(kPassTokens * plan.hidden * 4);
  normed = make(kPassTokens * plan.hidden * 2);
  qkv = make(kPassTokens * all * 4);
  queries = make(kPassTokens * wide * 2);
  attended = make(kPassTokens * wide * 2);
  gated = make(kPassTokens * plan.intermediate * 2);
  ids = make(kPassTokens * 4);
  logits = make(plan.vocabulary * 4);
  partials = make(plan.heads * kMaxSplits * (plan.head_dim + 2) * 4);
  counters = make((plan.heads + 1) * 4);
  choice = make(std::size_t{kChooseBlocks} * 3 * 4);
  state = make(sizeof(StepState));
  Stream clearing(device);
  clearing.fill(counters.pointer(), 0, counters.bytes());
  clearing.wait();
}

Passes::Passes(Device& device, const DecoderPlan& plan, const DeviceWeights& weights, DecoderKernels& kernels,
               PassMemory& memory)
    : device_(device),
      plan_(plan),
      weights_(weights),
      kernels_(kernels),
      memory_(memory),
      group_(group_size(plan.heads / plan.kv_heads)) {
  const auto groups = static_cast<unsigned>(plan.heads / group_);
  // Two blocks of attention fit on a multiprocessor.
  splits_ = std::clamp(2 * device.multiprocessors() / groups, 1u, kMaxSplits);
  for (const DeviceLayer& layer : weights.layers) {
    if (!can_share(layer.gate, layer.up)) {
      throw Error("unsupported-model",
                  "CUDA kernels cannot run this model: the gate and up layers of a block are stored in different ways",
                  "Choose the CPU (--device cpu).");
    }
  }
}

AttentionShape Passes::attention_shape(std::size_t layer, const CacheMemory& cache) const {
  const LayerPlan& plan = plan_.layers[layer];
  const DeviceLayer& weights = weights_.layers[layer];
  AttentionShape shape{};
  shape.heads = static_cast<unsigned>(plan_.heads);
  shape.kv_heads = static_cast<unsigned>(plan_.kv_heads);
  shape.head_dim = static_cast<unsigned>(plan_.head_dim);
  shape.rotary_pairs = static_cast<unsigned>(plan_.frequencies.size());
  shape.frequency = weights_.frequencies;
  shape.rotary_scaling = plan_.rotary_scaling;
  shape.scale = plan.scale;
  shape.window = static_cast<unsigned>(plan.window);
  shape.q_norm = weights.q_norm;
  shape.k_norm = weights.k_norm;
  shape.epsilon = plan.head_epsilon;
  const std::size_t bytes = cache.capacity * position_bytes();
  auto* const base = cache.memory.as<std::uint8_t>() + 2 * layer * bytes;
  shape.keys = base;
  shape.values = base + bytes;
  return shape;
}

void Passes::multiply_vector(StreamHandle stream, std::initializer_list<const DeviceMatrix*> matrices, Outcome outcome,
                             const float* x, const float* norm, float epsilon, float* out) {
  if (!can_all_share(matrices)) {
    // One by one then; only stored products get here.
    for (const DeviceMatrix* single : matrices) {
      multiply_vector(stream, {single}, outcome, x, norm, epsilon, out);
      out += single->matrix.rows;
    }
    return;
  }
  const DeviceMatrix& first = **matrices.begin();
  MultiplyVector job{};
  const unsigned tiles = place_tiles(job, matrices, outcome, 16);
  const unsigned room = kVectorBlocks * device_.multiprocessors();
  const unsigned steps = ceil_divide(first.matrix.columns, step_columns(first.format));
  job.split = kVectorWarps;
  while (job.split > steps ||
         (job.split > kLeastSplit && ceil_divide(std::size_t{tiles} * job.split, kVectorWarps) > room)) {
    job.split /= 2;
  }
  job.x = x;
  job.norm_weight = norm;
  job.epsilon = epsilon;
  job.out = out;
  const unsigned blocks = ceil_divide(std::size_t{tiles} * job.split, kVectorWarps);
  kernels_.launch(stream, std::string("multiply_vector_") + format_name(first.format),
                  {std::min(blocks, room), 1, kVectorThreads, vector_shared_bytes(first.format, first.matrix.columns)},
                  job);
}

void Passes::multiply_matrix(StreamHandle stream, std::initializer_list<const DeviceMatrix*> matrices, Outcome outcome,
                             const void* x, float x_factor, unsigned tokens, void* out, std::size_t out_stride) {
  if (!can_all_share(matrices)) {
    auto* to = static_cast<float*>(out);
    for (const DeviceMatrix* single : matrices) {
      multiply_matrix(stream, {single}, outcome, x, x_factor, tokens, to, out_stride);
      to += single->matrix.rows;
    }
    return;
  }
  MultiplyMatrix job{};
  const unsigned tiles = place_tiles(job, matrices, outcome, kTileRows);
  job.tokens = tokens;
  job.x = x;
  job.x_factor = x_factor;
  job.out_stride = static_cast<unsigned>(out_stride);
  if (outcome == Outcome::silu_mul) {
    job.gated = out;
  } else {
    job.out = static_cast<float*>(out);
  }
  kernels_.launch(stream, std::string("multiply_matrix_") + format_name((*matrices.begin())->format),
                  {tiles, ceil_divide(tokens, kTileTokens), kMatrixThreads, kMatrixSharedBytes}, job);
}

void Passes::embed(StreamHandle stream, const int* ids, unsigned tokens) {
  const auto width = static_cast<unsigned>(plan_.hidden);
  const EmbedTokens job{weights_.embedding, weights_.embedding_format, ids, tokens, width, memory_.stream.as<float>()};
  kernels_.launch(stream, "embed_tokens", {tokens, 1, kMatrixThreads, 0}, job);
}

void Passes::normalize(StreamHandle stream, const float* x, const float* weight, float epsilon, unsigned tokens) {
  const NormalizeRows job{x, weight, epsilon, static_cast<unsigned>(plan_.hidden), memory_.normed.as<void>()};
  kernels_.launch(stream, "normalize_rows", {tokens, 1, kMatrixThreads, 0}, job);
}

void Passes::token(StreamHandle stream, const CacheMemory& cache, StepResult* results) {
  auto* const residual = memory_.stream.as<float>();
  auto* const qkv = memory_.qkv.as<float>();
  auto* const attended = memory_.attended.as<float>();
  auto* const gated = memory_.gated.as<float>();
  auto* const state = memory_.state.as<StepState>();
  kernels_.set_overlap(false);
  embed(stream, &state->token, 1);
  kernels_.set_overlap(true);
  for (std::size_t i = 0; i < plan_.layers.size(); ++i) {
    const DeviceLayer& layer = weights_.layers[i];
    const LayerPlan& plan = plan_.layers[i];
    multiply_vector(stream, {&layer.q, &layer.k, &layer.v}, Outcome::store, residual, layer.attention_norm,
                    plan.attention_epsilon, qkv);
    const AttendToken attend{attention_shape(i, cache),           qkv,     state, splits_, memory_.partials.as<float>(),
                             memory_.counters.as<unsigned>() + 1, attended};
    const auto groups = static_cast<unsigned>(plan_.heads / group_);
    kernels_.launch(stream, "attend_token_" + std::to_string(group_), {groups * splits_, 1, kAttendThreads, 0}, attend);
    multiply_vector(stream, {&layer.o}, Outcome::add, attended, nullptr, 0, residual);
    multiply_vector(stream, {&layer.gate, &layer.up}, Outcome::silu_mul, residual, layer.mlp_norm, plan.mlp_epsilon,
                    gated);
    multiply_vector(stream, {&layer.down}, Outcome::add, gated, nullptr, 0, residual);
  }
  multiply_vector(stream, {&weights_.head}, Outcome::store, residual, weights_.final_norm, plan_.final_epsilon,
                  memory_.logits.as<float>());
  const ChooseToken choose{memory_.logits.as<float>(),
                           static_cast<unsigned>(plan_.vocabulary),
                           memory_.choice.as<float>(),
                           memory_.counters.as<unsigned>(),
                           state,
                           results};
  kernels_.launch(stream, "choose_token", {kChooseBlocks, 1, kChooseThreads, 0}, choose);
  kernels_.set_overlap(false);
}

void Passes::prompt(StreamHandle stream, const CacheMemory& cache, unsigned tokens, unsigned position) {
  kernels_.set_overlap(false);
  auto* const residual = memory_.stream.as<float>();
  embed(stream, memory_.ids.as<int>(), tokens);
  const std::size_t all = (plan_.heads + 2 * plan_.kv_heads) * plan_.head_dim;
  auto* const queries = memory_.queries.as<void>();
  auto* const attended = memory_.attended.as<void>();
  auto* const gated = memory_.gated.as<void>();
  const std::string attend = "attend_prompt_" + std::to_string(prompt_dim(plan_.head_dim));
  for (std::size_t i = 0; i < plan_.layers.size(); ++i) {
    const DeviceLayer& layer = weights_.layers[i];
    const LayerPlan& plan = plan_.layers[i];
    const AttentionShape shape = attention_shape(i, cache);
    normalize(stream, residual, layer.attention_norm, plan.attention_epsilon, tokens);
    multiply_matrix(stream, {&layer.q, &layer.k, &layer.v}, Outcome::store, memory_.normed.as<void>(), 1, tokens,
                    memory_.qkv.as<void>(), all);
    kernels_.launch(stream, "rotate_rows", {tokens, 1, kMatrixThreads, 0},
                    RotateRows{shape, memory_.qkv.as<float>(), position, queries});
    kernels_.launch(stream, attend,
                    {ceil_divide(tokens, kPromptRows), static_cast<unsigned>(plan_.heads), kPromptThreads, 0},
                    AttendPrompt{shape, queries, tokens, position, attended});
    multiply_matrix(stream, {&layer.o}, Outcome::add, attended, 1, tokens, residual, plan_.hidden);
    normalize(stream, residual, layer.mlp_norm, plan.mlp_epsilon, tokens);
    multiply_matrix(stream, {&layer.gate, &layer.up}, Outcome::silu_mul, memory_.normed.as<void>(), 1, tokens, gated,
                    plan_.intermediate);
    multiply_matrix(stream, {&layer.down}, Outcome::add, gated, kGatedDivisor, tokens, residual, plan_.hidden);
  }
}

void Passes::row_logits(StreamHandle stream, unsigned row) {
  multiply_vector(stream, {&weights_.head}, Outcome::store, memory_.stream.as<float>() + row * plan_.hidden,
                  weights_.final_norm, plan_.final_epsilon, memory_.logits.as<float>());
}

void Passes::rows_logits(StreamHandle stream, unsigned first, unsigned rows) {
  if (memory_.many_logits.bytes() == 0) {
    memory_.many_logits = DeviceMemory(device_, std::size_t{kLogitRows} * plan_.vocabulary * 4);
  }
  normalize(stream, memory_.stream.as<float>() + first * plan_.hidden, weights_.final_norm, plan_.final_epsilon, rows);
  multiply_matrix(stream, {&weights_.head}, Outcome::store, memory_.normed.as<void>(), 1, rows,
                  memory_.many_logits.as<void>(), plan_.vocabulary);
}

}  // namespace nibble::cuda

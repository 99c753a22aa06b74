#include "cuda/decoder/passes.h"

#include <algorithm>
#include <string>

#include "cuda/decoder/kernels/arguments.h"
#include "cuda/decoder/tiles.h"

namespace nibble::cuda {
namespace {

/// Heads that share a KV head are computed together as far as registers reach.
unsigned group_size(std::size_t heads_per_kv_head) {
  for (const unsigned group : {4u, 3u, 2u}) {
    if (heads_per_kv_head % group == 0) return group;
  }
  return 1;
}

/// The kernel of attend_prompt for heads of a size.
unsigned prompt_dim(std::size_t head_dim) {
  for (const unsigned dim : {32u, 64u, 96u, 128u}) {
    if (head_dim <= dim) return dim;
  }
  return 256;
}

/// Heads of more elements need the kernel that asks for more shared memory.
constexpr std::size_t kNarrowHeadDim = 128;

}  // namespace

PassMemory::PassMemory(Device& device, const DecoderPlan& plan) {
  const auto make = [&](std::size_t bytes) { return DeviceMemory(device, bytes); };
  for (const std::size_t width : plan.buffers) buffers.push_back(make(kPassTokens * width * 4));
  std::size_t widest = plan.hidden;
  for (const LinearPlan& matrix : plan.matrices) widest = std::max(widest, matrix.columns);
  halves = make(kPassTokens * widest * 2);
  std::size_t most_queries = 0;
  std::size_t most_heads = 0;
  std::size_t most_partials = 0;
  for (const Step& step : plan.steps) {
    const auto* attention = std::get_if<AttentionStep>(&step);
    if (attention == nullptr) continue;
    most_queries = std::max(most_queries, attention->heads * attention->head_dim);
    most_heads = std::max(most_heads, attention->heads);
    most_partials = std::max(most_partials, attention->heads * (attention->head_dim + 2));
  }
  queries = make(kPassTokens * most_queries * 2);
  std::size_t most_chosen = 0;
  std::size_t most_experts = 0;
  std::size_t most_inner = 0;
  std::size_t most_outer = 0;
  for (const Step& step : plan.steps) {
    const auto* experts = std::get_if<ExpertsStep>(&step);
    if (experts == nullptr) continue;
    most_chosen = std::max(most_chosen, experts->chosen);
    most_experts = std::max(most_experts, experts->experts);
    most_inner = std::max(most_inner, plan.matrices[experts->first_matrix].rows);
    most_outer = std::max(most_outer, experts->output.width);
  }
  if (most_chosen > 0) {
    const std::size_t choices = kPassTokens * most_chosen;
    expert_ids = make(choices * 4);
    expert_weights = make(choices * 4);
    expert_starts = make((most_experts + 1) * 4);
    expert_tiles = make(most_expert_tiles(kPassTokens * most_chosen, most_experts) * sizeof(ExpertTile));
    expert_order = make(choices * 4);
    expert_positions = make(choices * 4);
    expert_gated = make(choices * most_inner * 2);
    expert_products = make(choices * most_outer * 4);
  }
  ids = make(kPassTokens * 4);
  logits = make(plan.vocabulary * 4);
  partials = make(most_partials * kMaxSplits * 4);
  counters = make((most_heads + 1) * 4);
  choice = make(std::size_t{kChooseBlocks} * 3 * 4);
  state = make(sizeof(StepState));
  Stream clearing(device);
  clearing.fill(counters.pointer(), 0, counters.bytes());
  clearing.wait();
}

Passes::Passes(Device& device, const DecoderPlan& plan, const DeviceWeights& weights, DecoderKernels& kernels,
               PassMemory& memory)
    : device_(device), plan_(plan), weights_(weights), kernels_(kernels), memory_(memory) {
  for (const AttentionStep* attention : attentions_of(plan)) {
    position_bytes_.push_back(attention->kv_heads * attention->head_dim * 2);
    cache_starts_.push_back(2 * all_position_bytes_);
    all_position_bytes_ += position_bytes_.back();
  }
  for (const Step& step : plan.steps) {
    const auto* experts = std::get_if<ExpertsStep>(&step);
    if (experts != nullptr) place_experts(*experts);
    const auto* products = std::get_if<LinearStep>(&step);
    if (products != nullptr && products->outcome == Outcome::gated && !can_all_share(matrices(*products))) {
      throw Error("unsupported-model",
                  "CUDA kernels cannot run this model: the gate and up layers of a block are stored in different ways",
                  "Choose the CPU (--device cpu).");
    }
  }
}

Rows<float> Passes::rows(const ValuePlan& value) const {
  return {memory_.buffers[value.buffer].as<float>() + value.first, static_cast<unsigned>(value.stride)};
}

Rows<const float> Passes::inputs(const ValuePlan& value) const {
  const Rows<float> found = rows(value);
  return {found.first, found.stride};
}

const float* Passes::vector(std::size_t index) const { return index == kNoVector ? nullptr : weights_.vectors[index]; }

std::vector<const DeviceMatrix*> Passes::matrices(const LinearStep& step) const {
  std::vector<const DeviceMatrix*> found;
  for (const std::size_t index : step.matrices) found.push_back(&weights_.matrices[index]);
  return found;
}

AttentionShape Passes::attention_shape(const AttentionStep& step, const CacheMemory& cache) const {
  AttentionShape shape{};
  shape.heads = static_cast<unsigned>(step.heads);
  shape.kv_heads = static_cast<unsigned>(step.kv_heads);
  shape.head_dim = static_cast<unsigned>(step.head_dim);
  if (step.rotary) {
    shape.rotary_pairs = static_cast<unsigned>(plan_.rotaries[*step.rotary].frequencies.size());
    shape.frequency = weights_.frequencies[*step.rotary];
    shape.rotary_scaling = plan_.rotaries[*step.rotary].scaling;
  }
  shape.scale = step.scale;
  shape.softcap = step.softcap;
  shape.window = static_cast<unsigned>(step.window);
  shape.q_norm = vector(step.q_norm);
  shape.k_norm = vector(step.k_norm);
  shape.sinks = vector(step.sinks);
  shape.epsilon = step.epsilon;
  shape.interleaved = step.interleaved;
  shape.norms_rotated = step.norms_rotated;
  shape.normalizes_values = step.normalizes_values;
  shape.reads_others = step.reads_others;
  shape.temperature = step.temperature;
  shape.temperature_length = step.temperature_length;
  shape.temperature_offset = step.temperature_offset;
  auto* const base = cache.memory.as<std::uint8_t>() + cache.capacity * cache_starts_[step.cache];
  shape.keys = base;
  shape.values = base + cache.capacity * position_bytes_[step.cache];
  return shape;
}

unsigned Passes::splits_of(const AttentionStep& step) const {
  const auto groups = static_cast<unsigned>(step.heads / group_size(step.heads / step.kv_heads));
  // Two blocks of attention fit on a multiprocessor.
  return std::clamp(2 * device_.multiprocessors() / groups, 1u, kMaxSplits);
}

void Passes::multiply_vector(StreamHandle stream, const std::vector<const DeviceMatrix*>& matrices, Outcome outcome,
                             Activation activation, const float* x, const float* norm, float epsilon, float* out) {
  if (!can_all_share(matrices)) {
    // One by one then; only stored products get here.
    for (const DeviceMatrix* single : matrices) {
      multiply_vector(stream, {single}, outcome, activation, x, norm, epsilon, out);
      out += single->matrix.rows;
    }
    return;
  }
  const DeviceMatrix& first = *matrices.front();
  MultiplyVector job{};
  const unsigned tiles = place_tiles(job, matrices, outcome, 16);
  const unsigned room = kVectorBlocks * device_.multiprocessors();
  job.split = vector_split(first, tiles, room);
  job.activation = activation;
  job.x = x;
  job.norm_weight = norm;
  job.epsilon = epsilon;
  job.out = out;
  const unsigned blocks = ceil_divide(std::size_t{tiles} * job.split, kVectorWarps);
  kernels_.launch(stream, std::string("multiply_vector_") + format_name(first.format),
                  {std::min(blocks, room), 1, kVectorThreads, vector_shared_bytes(first.format, first.matrix.columns)},
                  job);
}

void Passes::multiply_matrix(StreamHandle stream, const std::vector<const DeviceMatrix*>& matrices, Outcome outcome,
                             Activation activation, const void* x, float x_factor, unsigned tokens, void* out,
                             std::size_t out_stride) {
  if (!can_all_share(matrices)) {
    auto* to = static_cast<float*>(out);
    for (const DeviceMatrix* single : matrices) {
      multiply_matrix(stream, {single}, outcome, activation, x, x_factor, tokens, to, out_stride);
      to += single->matrix.rows;
    }
    return;
  }
  MultiplyMatrix job{};
  const unsigned tiles = place_tiles(job, matrices, outcome, kTileRows);
  job.activation = activation;
  job.tokens = tokens;
  job.x = x;
  job.x_factor = x_factor;
  job.out_stride = static_cast<unsigned>(out_stride);
  if (outcome == Outcome::gated) {
    job.gated = out;
  } else {
    job.out = static_cast<float*>(out);
  }
  const unsigned blocks = tiles * ceil_divide(tokens, kTileTokens);
  const bool is_narrow = 2 * blocks <= device_.multiprocessors();
  const unsigned tile_tokens = is_narrow ? kNarrowTileTokens : kTileTokens;
  kernels_.launch(
      stream,
      std::string(is_narrow ? "multiply_matrix_narrow_" : "multiply_matrix_") + format_name(matrices.front()->format),
      {tiles, ceil_divide(tokens, tile_tokens), kMatrixThreads, matrix_shared_bytes(tile_tokens)}, job);
}

void Passes::embed(StreamHandle stream, const int* ids, unsigned tokens) {
  const auto width = static_cast<unsigned>(plan_.hidden);
  const EmbedTokens job{
      weights_.embedding,  weights_.embedding_format, ids, nullptr, 0, width, plan_.embedding_scale, false,
      rows(plan_.embedded)};
  kernels_.launch(stream, "embed_tokens", {tokens, 1, kMatrixThreads, 0}, job);
}

void Passes::run(const Pass& pass, const EmbedStep& step) {
  const TablePlan& table = plan_.tables[step.table];
  const auto* const state = memory_.state.as<StepState>();
  EmbedTokens job{};
  job.table = weights_.tables[step.table];
  job.format = float_format(table.type);
  if (!step.of_positions) job.ids = pass.is_prompt ? memory_.ids.as<int>() : &state->token;
  if (!pass.is_prompt) job.state = state;
  job.position = pass.position;
  job.width = static_cast<unsigned>(table.width);
  job.scale = step.scale;
  job.adds = step.of_positions;
  job.out = rows(step.output);
  kernels_.launch(pass.stream, "embed_tokens", {pass.tokens, 1, kMatrixThreads, 0}, job);
}

void Passes::run(const Pass& pass, const RegroupStep& step) {
  RegroupRows job{};
  job.x = inputs(step.input);
  job.groups = static_cast<unsigned>(step.groups);
  job.parts = static_cast<unsigned>(step.widths.size());
  for (std::size_t i = 0; i < step.widths.size(); ++i) job.widths[i] = static_cast<unsigned>(step.widths[i]);
  job.out = rows(step.output);
  kernels_.launch(pass.stream, "regroup_rows", {pass.tokens, 1, kMatrixThreads, 0}, job);
}

void Passes::round_rows(StreamHandle stream, Rows<const float> x, std::size_t width,
                        const std::optional<NormPlan>& norm, unsigned tokens) {
  NormalizeRows job{};
  job.x = x;
  job.weight = norm ? vector(norm->weight) : nullptr;
  job.epsilon = norm ? norm->epsilon : -1;
  job.width = static_cast<unsigned>(width);
  job.halves = memory_.halves.as<void>();
  kernels_.launch(stream, "normalize_rows", {tokens, 1, kMatrixThreads, 0}, job);
}

void Passes::run(const Pass& pass, const LinearStep& step) {
  const Rows<float> out = rows(step.output);
  if (!pass.is_prompt) {
    const float* norm = step.norm ? vector(step.norm->weight) : nullptr;
    multiply_vector(pass.stream, matrices(step), step.outcome, step.activation, rows(step.input).first, norm,
                    step.norm ? step.norm->epsilon : 0, out.first);
    return;
  }
  const void* x = rows(step.input).first;
  if (step.input.half_divisor == 0) {
    round_rows(pass.stream, inputs(step.input), step.input.width, step.norm, pass.tokens);
    x = memory_.halves.as<void>();
  }
  multiply_matrix(pass.stream, matrices(step), step.outcome, step.activation, x,
                  step.input.half_divisor == 0 ? 1 : step.input.half_divisor, pass.tokens, out.first, out.stride);
}

void Passes::run(const Pass& pass, const NormStep& step) {
  NormalizeRows job{};
  job.x = inputs(step.input);
  job.weight = vector(step.norm.weight);
  job.bias = vector(step.norm.bias);
  job.epsilon = step.norm.epsilon;
  job.centered = step.norm.centered;
  job.width = static_cast<unsigned>(step.input.width / step.groups);
  if (step.norm.weight != kNoVector && plan_.vectors[step.norm.weight].count != job.width)
    job.group_weights = job.width;
  job.out = rows(step.output);
  const auto groups = static_cast<unsigned>(step.groups);
  kernels_.launch(pass.stream, "normalize_rows", {pass.tokens, groups, kMatrixThreads, 0}, job);
}

void Passes::run(const Pass& pass, const AddStep& step) {
  const AddRows job{
      inputs(step.input), step.norm ? vector(step.norm->weight) : nullptr, step.norm ? step.norm->epsilon : 0,
      step.factor,        static_cast<unsigned>(step.input.width),         rows(step.to)};
  kernels_.launch(pass.stream, "add_rows", {pass.tokens, 1, kMatrixThreads, 0}, job);
}

void Passes::gate_rows(const Pass& pass, const ValuePlan& gate, const ValuePlan* up, Activation activation,
                       const std::vector<std::size_t>& xielu, const ValuePlan& output) {
  const Rows<float> out = rows(output);
  GateRows job{};
  job.gate = inputs(gate);
  if (up != nullptr) job.up = inputs(*up);
  job.activation = activation;
  for (std::size_t i = 0; i < xielu.size(); ++i) job.xielu[i] = vector(xielu[i]);
  job.width = static_cast<unsigned>(output.width);
  job.out = pass.is_prompt ? nullptr : out.first;
  job.halves = pass.is_prompt ? out.first : nullptr;
  kernels_.launch(pass.stream, "gate_rows", {ceil_divide(output.width, kMatrixThreads), pass.tokens, kMatrixThreads, 0},
                  job);
}

void Passes::run(const Pass& pass, const GatedStep& step) {
  gate_rows(pass, step.gate, &step.up, step.activation, {}, step.output);
}

void Passes::run(const Pass& pass, const ActivateStep& step) {
  gate_rows(pass, step.input, nullptr, step.activation, step.xielu, step.output);
}

void Passes::run(const Pass& pass, const SigmoidGateStep& step) {
  const SigmoidGateRows job{inputs(step.input), inputs(step.gate), inputs(step.added),
                            static_cast<unsigned>(step.input.width), rows(step.output)};
  kernels_.launch(pass.stream, "sigmoid_gate_rows", {pass.tokens, 1, kMatrixThreads, 0}, job);
}

void Passes::run(const Pass& pass, const ScaleStep& step) {
  const std::size_t count = pass.tokens * step.value.stride;
  const ScaleNumbers job{rows(step.value).first, count, step.factor, vector(step.stored_factor), step.cap};
  kernels_.launch(pass.stream, "scale_numbers", {ceil_divide(count, kMatrixThreads), 1, kMatrixThreads, 0}, job);
}

void Passes::run(const Pass& pass, const AttentionStep& step) {
  const AttentionShape shape = attention_shape(step, pass.cache);
  const float* qkv = rows(step.qkv).first;
  if (!pass.is_prompt) {
    const unsigned group = group_size(step.heads / step.kv_heads);
    const unsigned splits = splits_of(step);
    const AttendToken job{shape,
                          qkv,
                          memory_.state.as<StepState>(),
                          splits,
                          memory_.partials.as<float>(),
                          memory_.counters.as<unsigned>() + 1,
                          rows(step.output).first};
    const std::string kernel = step.head_dim > kNarrowHeadDim ? "attend_token_wide_" : "attend_token_";
    kernels_.launch(pass.stream, kernel + std::to_string(group),
                    {static_cast<unsigned>(step.heads) / group * splits, 1, kAttendThreads, 0}, job);
    return;
  }
  auto* const queries = memory_.queries.as<void>();
  kernels_.launch(pass.stream, "rotate_rows", {pass.tokens, 1, kMatrixThreads, 0},
                  RotateRows{shape, qkv, pass.position, queries});
  kernels_.launch(pass.stream, "attend_prompt_" + std::to_string(prompt_dim(step.head_dim)),
                  {ceil_divide(pass.tokens, kPromptRows), static_cast<unsigned>(step.heads), kPromptThreads, 0},
                  AttendPrompt{shape, queries, pass.tokens, pass.position, rows(step.output).first});
}

void Passes::run_steps(const Pass& pass) {
  for (const Step& step : plan_.steps) {
    std::visit([&](const auto& each) { run(pass, each); }, step);
  }
}

void Passes::scale_logits(StreamHandle stream, const DeviceMemory& logits, unsigned rows) {
  if (plan_.logit_factor == 1 && plan_.logit_cap == 0) return;
  const std::size_t count = rows * plan_.vocabulary;
  const ScaleNumbers job{logits.as<float>(), count, plan_.logit_factor, nullptr, plan_.logit_cap};
  kernels_.launch(stream, "scale_numbers", {ceil_divide(count, kMatrixThreads), 1, kMatrixThreads, 0}, job);
}

void Passes::token(StreamHandle stream, const CacheMemory& cache, StepResult* results) {
  auto* const state = memory_.state.as<StepState>();
  kernels_.set_overlap(false);
  embed(stream, &state->token, 1);
  kernels_.set_overlap(true);
  run_steps({stream, cache, 1, false, 0});
  row_logits(stream, 0);
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
  embed(stream, memory_.ids.as<int>(), tokens);
  run_steps({stream, cache, tokens, true, position});
}

void Passes::row_logits(StreamHandle stream, unsigned row) {
  const Rows<float> x = rows(plan_.head.input);
  const std::optional<NormPlan>& norm = plan_.head.norm;
  multiply_vector(stream, matrices(plan_.head), Outcome::store, Activation::silu, x.first + std::size_t{row} * x.stride,
                  norm ? vector(norm->weight) : nullptr, norm ? norm->epsilon : 0, memory_.logits.as<float>());
  scale_logits(stream, memory_.logits, 1);
}

void Passes::rows_logits(StreamHandle stream, unsigned first, unsigned count) {
  if (memory_.many_logits.bytes() == 0) {
    memory_.many_logits = DeviceMemory(device_, std::size_t{kLogitRows} * plan_.vocabulary * 4);
  }
  const Rows<float> x = rows(plan_.head.input);
  round_rows(stream, {x.first + std::size_t{first} * x.stride, x.stride}, plan_.hidden, plan_.head.norm, count);
  multiply_matrix(stream, matrices(plan_.head), Outcome::store, Activation::silu, memory_.halves.as<void>(), 1, count,
                  memory_.many_logits.as<void>(), plan_.vocabulary);
  scale_logits(stream, memory_.many_logits, count);
}

}  // namespace nibble::cuda

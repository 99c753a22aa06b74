// The part of a pass that mixtures of experts take.

#include <algorithm>
#include <string>

#include "cuda/decoder/kernels/arguments.h"
#include "cuda/decoder/passes.h"
#include "cuda/decoder/tiles.h"

namespace nibble::cuda {

void Passes::place_experts(const ExpertsStep& step) {
  std::vector<Matrix> table;
  const DeviceMatrix* first = &weights_.matrices[step.first_matrix];
  for (std::size_t i = 0; i < step.experts * kExpertMatrices; ++i) {
    const bool is_down = i % kExpertMatrices == 2;
    // One kernel multiplies with those of all experts.
    if (!can_share(first[i], first[is_down ? 2 : 0])) {
      throw Error("unsupported-model", "CUDA kernels cannot run this model: its experts are stored in different ways",
                  "Choose the CPU (--device cpu).");
    }
    table.push_back(first[i].matrix);
  }
  DeviceMemory memory(device_, table.size() * sizeof(Matrix));
  Stream stream(device_);
  stream.upload(memory.pointer(), table.data(), memory.bytes());
  stream.wait();
  expert_matrices_.emplace(&step, std::move(memory));
}

void Passes::run(const Pass& pass, const ExpertsStep& step) {
  const Routing routing{inputs(step.router),
                        static_cast<unsigned>(step.experts),
                        static_cast<unsigned>(step.chosen),
                        step.sigmoid,
                        vector(step.correction),
                        static_cast<unsigned>(step.groups),
                        static_cast<unsigned>(step.chosen_groups),
                        step.two_best,
                        step.normalized,
                        step.sum_epsilon,
                        step.least_sum,
                        step.scale,
                        vector(step.expert_scales),
                        memory_.expert_ids.as<int>(),
                        memory_.expert_weights.as<float>()};
  if (pass.is_prompt) {
    kernels_.launch(pass.stream, "route_tokens", {pass.tokens, 1, kMatrixThreads, 0}, routing);
    run_experts_prompt(pass, step);
  } else {
    run_experts_token(pass, step, routing);
  }
  const auto width = static_cast<unsigned>(step.output.width);
  const JoinExperts join{routing,
                         memory_.expert_products.as<float>(),
                         pass.is_prompt ? memory_.expert_positions.as<int>() : nullptr,
                         width,
                         step.adds,
                         rows(step.output)};
  kernels_.launch(pass.stream, "join_experts", {ceil_divide(width, kMatrixThreads), pass.tokens, kMatrixThreads, 0},
                  join);
}

void Passes::run_experts_token(const Pass& pass, const ExpertsStep& step, const Routing& routing) {
  const DeviceMatrix* first = &weights_.matrices[step.first_matrix];
  const auto chosen = static_cast<unsigned>(step.chosen);
  const unsigned room = std::max(1u, kVectorBlocks * device_.multiprocessors() / chosen);
  const auto multiply = [&](std::vector<const DeviceMatrix*> matrices, unsigned matrix, MultiplyVectorExperts job,
                            Outcome outcome) {
    const unsigned tiles = place_tiles(job.products, matrices, outcome, 16);
    job.products.split = vector_split(*matrices[0], tiles, room);
    job.products.activation = step.activation;
    job.matrices = expert_matrices_.at(&step).as<Matrix>();
    job.first = matrix;
    job.routing = routing;
    const unsigned blocks = ceil_divide(std::size_t{tiles} * job.products.split, kVectorWarps);
    const DeviceMatrix& shape = *matrices[0];
    kernels_.launch(
        pass.stream, std::string("multiply_vector_experts_") + format_name(shape.format),
        {std::min(blocks, room), chosen, kVectorThreads, vector_shared_bytes(shape.format, shape.matrix.columns)}, job);
  };
  auto* const gated = memory_.expert_gated.as<float>();
  MultiplyVectorExperts wide{};
  wide.products.x = rows(step.input).first;
  wide.products.norm_weight = step.norm ? vector(step.norm->weight) : nullptr;
  wide.products.epsilon = step.norm ? step.norm->epsilon : 0;
  wide.products.out = gated;
  wide.out_stride = first[0].matrix.rows;
  wide.chooses = true;
  multiply({&first[0], &first[1]}, 0, wide, Outcome::gated);
  MultiplyVectorExperts narrow{};
  narrow.products.x = gated;
  narrow.products.out = memory_.expert_products.as<float>();
  narrow.x_stride = first[0].matrix.rows;
  narrow.out_stride = first[2].matrix.rows;
  multiply({&first[2]}, 2, narrow, Outcome::store);
}

void Passes::run_experts_prompt(const Pass& pass, const ExpertsStep& step) {
  const DeviceMatrix* first = &weights_.matrices[step.first_matrix];
  const auto experts = static_cast<unsigned>(step.experts);
  const auto chosen = static_cast<unsigned>(step.chosen);
  const unsigned choices = pass.tokens * chosen;
  const auto most_tiles = static_cast<unsigned>(most_expert_tiles(choices, experts));
  const SortChoices sort{memory_.expert_ids.as<int>(),
                         choices,
                         experts,
                         memory_.expert_starts.as<int>(),
                         memory_.expert_order.as<int>(),
                         memory_.expert_positions.as<int>(),
                         memory_.expert_tiles.as<ExpertTile>(),
                         most_tiles};
  kernels_.launch(pass.stream, "sort_choices", {1, 1, kSortThreads, kSortThreads / 32 * experts * 4}, sort);
  round_rows(pass.stream, inputs(step.input), step.input.width, step.norm, pass.tokens);
  const auto multiply = [&](std::vector<const DeviceMatrix*> matrices, unsigned matrix, MultiplyMatrixExperts job,
                            Outcome outcome) {
    const unsigned tiles = place_tiles(job.products, matrices, outcome, kTileRows);
    job.products.activation = step.activation;
    job.matrices = expert_matrices_.at(&step).as<Matrix>();
    job.first = matrix;
    job.starts = memory_.expert_starts.as<int>();
    job.order = memory_.expert_order.as<int>();
    job.tiles = memory_.expert_tiles.as<ExpertTile>();
    kernels_.launch(pass.stream, std::string("multiply_matrix_experts_") + format_name(matrices[0]->format),
                    {tiles, most_tiles, kMatrixThreads, matrix_shared_bytes(kNarrowTileTokens)}, job);
  };
  MultiplyMatrixExperts wide{};
  wide.products.x = memory_.halves.as<void>();
  wide.products.x_factor = 1;
  wide.products.gated = memory_.expert_gated.as<void>();
  wide.chosen = chosen;
  multiply({&first[0], &first[1]}, 0, wide, Outcome::gated);
  MultiplyMatrixExperts narrow{};
  narrow.products.x = memory_.expert_gated.as<void>();
  narrow.products.x_factor = kGatedDivisor;
  narrow.products.out = memory_.expert_products.as<float>();
  narrow.products.out_stride = first[2].matrix.rows;
  multiply({&first[2]}, 2, narrow, Outcome::store);
}

}  // namespace nibble::cuda

// Every kernel of the decoder under the name that the host looks it up by.

#include "attend_prompt.h"
#include "attend_token.h"
#include "experts.h"
#include "multiply_matrix.h"
#include "multiply_vector.h"
#include "rows.h"

using namespace nibble::cuda;

// Two blocks on a multiprocessor: enough loads on their way to keep the memory busy.
#define CUDA_KERNEL(format, stored, is_nested)                                               \
  extern "C" __global__ void __launch_bounds__(kVectorThreads, 2)                            \
      multiply_vector_##format(const __grid_constant__ MultiplyVector job) {                 \
    multiply_vector<Format::format>(job);                                                    \
  }                                                                                          \
  extern "C" __global__ void __launch_bounds__(kMatrixThreads, 2)                            \
      multiply_matrix_##format(const __grid_constant__ MultiplyMatrix job) {                 \
    multiply_matrix<Format::format>(job, blockIdx.y * kTileTokens);                          \
  }                                                                                          \
  extern "C" __global__ void __launch_bounds__(kVectorThreads, 2)                            \
      multiply_vector_experts_##format(const __grid_constant__ MultiplyVectorExperts job) {  \
    multiply_vector_experts<Format::format>(job);                                            \
  }                                                                                          \
  extern "C" __global__ void __launch_bounds__(kMatrixThreads, 3)                            \
      multiply_matrix_narrow_##format(const __grid_constant__ MultiplyMatrix job) {          \
    multiply_matrix<Format::format, kNarrowTileTokens>(job, blockIdx.y * kNarrowTileTokens); \
  }                                                                                          \
  extern "C" __global__ void __launch_bounds__(kMatrixThreads, 3)                            \
      multiply_matrix_experts_##format(const __grid_constant__ MultiplyMatrixExperts job) {  \
    multiply_matrix_experts<Format::format>(job);                                            \
  }
#include "../../../formats.def"

#define NIBBLE_ATTEND_TOKEN(group)                                         \
  extern "C" __global__ void __launch_bounds__(kAttendThreads)             \
      attend_token_##group(const __grid_constant__ AttendToken job) {      \
    attend_token<group, kNarrowHeadDim>(job);                              \
  }                                                                        \
  extern "C" __global__ void __launch_bounds__(kAttendThreads)             \
      attend_token_wide_##group(const __grid_constant__ AttendToken job) { \
    attend_token<group, kMaxHeadDim>(job);                                 \
  }
NIBBLE_ATTEND_TOKEN(1)
NIBBLE_ATTEND_TOKEN(2)
NIBBLE_ATTEND_TOKEN(3)
NIBBLE_ATTEND_TOKEN(4)

#define NIBBLE_ATTEND_PROMPT(dim)                                     \
  extern "C" __global__ void __launch_bounds__(kPromptThreads)        \
      attend_prompt_##dim(const __grid_constant__ AttendPrompt job) { \
    attend_prompt<dim>(job);                                          \
  }
NIBBLE_ATTEND_PROMPT(32)
NIBBLE_ATTEND_PROMPT(64)
NIBBLE_ATTEND_PROMPT(96)
NIBBLE_ATTEND_PROMPT(128)
NIBBLE_ATTEND_PROMPT(256)

extern "C" __global__ void __launch_bounds__(kMatrixThreads) embed_tokens(const __grid_constant__ EmbedTokens job) {
  nibble::cuda::embed_tokens(job);
}
extern "C" __global__ void __launch_bounds__(kMatrixThreads) regroup_rows(const __grid_constant__ RegroupRows job) {
  nibble::cuda::regroup_rows(job);
}
extern "C" __global__ void __launch_bounds__(kMatrixThreads) normalize_rows(const __grid_constant__ NormalizeRows job) {
  nibble::cuda::normalize_rows(job);
}
extern "C" __global__ void __launch_bounds__(kMatrixThreads) add_rows(const __grid_constant__ AddRows job) {
  nibble::cuda::add_rows(job);
}
extern "C" __global__ void __launch_bounds__(kMatrixThreads) gate_rows(const __grid_constant__ GateRows job) {
  nibble::cuda::gate_rows(job);
}
extern "C" __global__ void __launch_bounds__(kMatrixThreads)
    sigmoid_gate_rows(const __grid_constant__ SigmoidGateRows job) {
  nibble::cuda::sigmoid_gate_rows(job);
}
extern "C" __global__ void __launch_bounds__(kMatrixThreads) scale_numbers(const __grid_constant__ ScaleNumbers job) {
  nibble::cuda::scale_numbers(job);
}
extern "C" __global__ void __launch_bounds__(kMatrixThreads) route_tokens(const __grid_constant__ Routing job) {
  nibble::cuda::route_tokens(job);
}
extern "C" __global__ void __launch_bounds__(kSortThreads) sort_choices(const __grid_constant__ SortChoices job) {
  nibble::cuda::sort_choices(job);
}
extern "C" __global__ void __launch_bounds__(kMatrixThreads) join_experts(const __grid_constant__ JoinExperts job) {
  nibble::cuda::join_experts(job);
}
extern "C" __global__ void __launch_bounds__(kMatrixThreads) rotate_rows(const __grid_constant__ RotateRows job) {
  nibble::cuda::rotate_rows(job);
}
extern "C" __global__ void __launch_bounds__(kChooseThreads) choose_token(const __grid_constant__ ChooseToken job) {
  nibble::cuda::choose_token(job);
}

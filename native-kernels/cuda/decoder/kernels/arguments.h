#pragma once

// What the host hands to the kernels of the decoder: plain structures, passed by value. Pointers are device memory.
// Vectors and matrices of activations are row-major, a row per token.

#include <cstdint>

namespace nibble::cuda {

/// The kernels for stored weights (formats.def), whose values are those of the artifact, rows one after the other.
enum class Format : unsigned {
#define CUDA_KERNEL(kernel, stored, is_nested) kernel,
#include "../../../formats.def"
};

/// Stored weights [rows, columns].
struct Matrix {
  const std::uint8_t* codes;        // 256-byte aligned, as everything here
  const float* scales;              // of blocks; null for nested scales and floats
  const std::uint8_t* scale_codes;  // nested: scale = map[code] * nested_scales[block / 256] + offset
  const float* nested_scales;
  const float* nested_map;         // [256]
  const std::int8_t* zero_points;  // of blocks, or null
  const float* table;              // [16], for codes of 4 bits
  const float* bias;               // [rows] or null
  float nested_offset;
  float scale_factor;    // on every scale: 1/127 for LLM.int8
  unsigned block_shift;  // log2 of the weights of a block; kRowBlocks: a block per row
  unsigned rows;
  unsigned columns;  // a multiple of 32
};

constexpr unsigned kRowBlocks = 32;

/// Products of one kernel that share their input: query, key and value.
constexpr unsigned kMatrices = 3;

/// What becomes of a product y = W x + bias.
enum class Outcome : unsigned {
  store,  // out = y
  add,    // out += y: the residual stream
  gated,  // matrix 0 is the gate, 1 is up: out = activation(gate) * up
};

enum class Activation : unsigned { silu, gelu_tanh };

/// One token's products.
struct MultiplyVector {
  Matrix matrices[kMatrices];
  unsigned tile_ends[kMatrices];  // tiles of 16 rows (gated: 8 of each matrix) up to and with this matrix
  unsigned split;                 // warps that share the columns of a tile: a power of two up to kVectorWarps
  Outcome outcome;
  Activation activation;     // of `gated`
  const float* x;            // [columns]
  const float* norm_weight;  // null: no norm. [columns]: x is RMS-normalized and multiplied by it first
  float epsilon;
  float* out;  // the rows of all matrices one after the other
};

constexpr unsigned kVectorThreads = 512;
constexpr unsigned kVectorWarps = kVectorThreads / 32;

/// Products of many tokens.
struct MultiplyMatrix {
  Matrix matrices[kMatrices];
  unsigned tile_ends[kMatrices];  // tiles of kTileRows rows (gated: half of each matrix)
  unsigned tokens;
  Outcome outcome;
  Activation activation;
  const void* x;   // f16 [tokens, columns]
  float x_factor;  // what x was divided by
  float* out;      // [tokens, out_stride] for store and add: the rows of all matrices one after the other
  unsigned out_stride;
  void* gated;  // f16 [tokens, rows], the outcome `gated` divided by kGatedDivisor
};

constexpr unsigned kTileRows = 64;
constexpr unsigned kTileTokens = 128;
constexpr unsigned kTileColumns = 64;
constexpr unsigned kMatrixThreads = 256;

/// The gated activations of some models exceed what float16 holds (65,504); a sixteenth of them does not.
constexpr float kGatedDivisor = 16.0f;

/// Where the next token goes; kept on the device, so that a captured step can be run again and again.
struct StepState {
  int token;
  int position;
  unsigned step;  // counts steps, so that the host knows an answer from the one before
};

/// What a step reports to the host.
struct StepResult {
  unsigned step;
  int token;
  float logprob;  // NaN where the logits are not numbers
  unsigned padding;
};

/// Results lie in pinned memory, in turns: the host may be one step behind.
constexpr unsigned kResults = 4;

struct EmbedTokens {
  const void* table;  // [vocabulary, width]
  Format format;      // bf16, f16 or f32
  const int* ids;     // one per token
  unsigned tokens;
  unsigned width;
  float scale;
  float* out;  // [tokens, width]
};

/// Rows of numbers, `stride` apart.
template <typename T>
struct Rows {
  T* first;
  unsigned stride;
};

/// RMS norm of rows; with `halves`, of nothing but their rounding to float16 where there is no weight.
struct NormalizeRows {
  Rows<const float> x;
  const float* weight;  // null, and epsilon negative: the rows as they are
  float epsilon;
  unsigned width;
  Rows<float> out;  // null where `halves` are wanted
  void* halves;     // f16 [tokens, width]
};

/// to += factor * x, which may be normalized first.
struct AddRows {
  Rows<const float> x;
  const float* weight;  // null: no norm
  float epsilon;
  float factor;
  unsigned width;
  Rows<float> to;
};

/// out = activation(gate) * up
struct GateRows {
  Rows<const float> gate;
  Rows<const float> up;
  Activation activation;
  unsigned width;
  float* out;    // [tokens, width], or null
  void* halves;  // f16 [tokens, width], divided by kGatedDivisor
};

/// to = x * sigmoid(gate) + added, the gate being one number a row.
struct SigmoidGateRows {
  Rows<const float> x;
  Rows<const float> gate;
  Rows<const float> added;
  unsigned width;
  Rows<float> to;
};

/// x = cap * tanh(factor * x / cap); cap 0: x = factor * x
struct ScaleNumbers {
  float* x;
  unsigned long long count;
  float factor;
  float cap;
};

/// Shapes and tables of attention in one layer.
struct AttentionShape {
  unsigned heads;
  unsigned kv_heads;
  unsigned head_dim;       // a multiple of 8, at most 256
  unsigned rotary_pairs;   // element i is paired with i + rotary_pairs
  const float* frequency;  // [rotary_pairs] radians per position
  float rotary_scaling;
  float scale;
  float softcap;        // scores become softcap * tanh(score / softcap); 0: they stay
  unsigned window;      // 0: all positions
  const float* q_norm;  // [head_dim] or null
  const float* k_norm;
  float epsilon;
  void* keys;  // f16 [capacity, kv_heads, head_dim]
  void* values;
};

/// One token: appends its key and value and attends to all positions, split over blocks of the grid.
struct AttendToken {
  AttentionShape shape;
  const float* qkv;  // [(heads + 2 kv_heads) * head_dim]
  const StepState* state;
  unsigned splits;    // blocks per group of heads
  float* partials;    // [heads, splits, head_dim + 2]
  unsigned* arrived;  // [groups], zeros before and after
  float* out;         // [heads * head_dim]
};

constexpr unsigned kAttendThreads = 256;
/// Fewest positions that are worth a block.
constexpr unsigned kSplitPositions = 64;
constexpr unsigned kMaxSplits = 64;

/// Many tokens: rotates, appends keys and values, rounds queries.
struct RotateRows {
  AttentionShape shape;
  const float* qkv;  // [tokens, (heads + 2 kv_heads) * head_dim]
  unsigned position;
  void* queries;  // f16 [tokens, heads * head_dim]
};

/// Many tokens: attention over the cache, which holds their keys and values already.
struct AttendPrompt {
  AttentionShape shape;
  const void* queries;
  unsigned tokens;
  unsigned position;
  void* out;  // f16 [tokens, heads * head_dim]
};

constexpr unsigned kPromptRows = 64;  // queries of a block
/// Keys of a step: fewer of wide heads, whose keys and values would not fit into shared memory.
template <unsigned dim>
constexpr unsigned kPromptKeys = dim > 128 ? 32 : 64;
constexpr unsigned kPromptThreads = 128;

/// The most probable token, its logarithmic probability, and on to the next position.
struct ChooseToken {
  const float* logits;
  unsigned vocabulary;
  float* partials;    // [blocks, 3]
  unsigned* arrived;  // 0 before and after
  StepState* state;
  StepResult* results;  // [kResults], pinned
};

constexpr unsigned kChooseThreads = 512;
constexpr unsigned kChooseBlocks = 64;

}  // namespace nibble::cuda

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
  const float* bias;               // of the rows as they are stored, or null
  float nested_offset;
  float scale_factor;    // on every scale: 1/127 for LLM.int8
  unsigned block_shift;  // log2 of the weights of a block; kRowBlocks: a block per row
  unsigned rows;
  unsigned columns;  // a multiple of 32, of floats of 16
  // Row r is that many-th of what is stored: first_row + r · row_step. Rows of two matrices may lie in turns.
  unsigned first_row;
  unsigned row_step;
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

/// swiglu_clamped is of the gate and the other factor together: min(gate, limit) · sigmoid(alpha · min(gate, limit)) ·
/// (clamp(up, ±limit) + 1), with the alpha and limit of gpt-oss.
enum class Activation : unsigned { silu, gelu_tanh, gelu, quick_gelu, relu, relu2, swiglu_clamped };

/// Of swiglu_clamped: what every published model has.
constexpr float kSwigluAlpha = 1.702f;
constexpr float kSwigluLimit = 7.0f;

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
/// The same of experts, which few of the tokens go to, and of products that would leave most multiprocessors without
/// work.
constexpr unsigned kNarrowTileTokens = 64;

constexpr unsigned kTileColumns = 64;
constexpr unsigned kMatrixThreads = 256;

/// The gated activations of some models exceed what float16 holds (65,504); a sixteenth of them does not.
constexpr float kGatedDivisor = 16.0f;

/// Rows of numbers, `stride` apart.
template <typename T>
struct Rows {
  T* first;
  unsigned stride;
};

/// Matrices of an expert, one behind the other: gate, up, down.
constexpr unsigned kExpertMatrices = 3;
constexpr unsigned kMostExperts = 1024;
constexpr unsigned kMostChosen = 32;
constexpr unsigned kMostGroups = 64;

/// How the logits of a router become choices and weights (native-kernels/runtime/operators/routing.h).
struct Routing {
  Rows<const float> logits;
  unsigned experts;
  unsigned chosen;
  bool sigmoid;             // scores are sigmoids; else the softmax of all logits
  const float* correction;  // [experts], added for the choice alone; null: none
  unsigned groups;          // of experts, of which only the best are looked at; 0: all are
  unsigned chosen_groups;
  bool two_best;    // a group is as good as its two best experts together; else as its best
  bool normalized;  // weights are divided by max(their sum, least_sum) + sum_epsilon
  float sum_epsilon;
  float least_sum;
  float scale;
  const float* expert_scales;  // [experts] or null
  int* ids;                    // [tokens, chosen]
  float* weights;              // [tokens, chosen]
};

/// Choices of one expert, from `first` of its own on.
struct ExpertTile {
  int expert;  // -1: none
  int first;
};

/// Sorts what tokens chose by expert, in the order of the tokens, and cuts it into tiles.
struct SortChoices {
  const int* ids;
  unsigned count;  // tokens * chosen
  unsigned experts;
  int* starts;        // [experts + 1]
  int* order;         // [count]: which choices, sorted
  int* positions;     // [count]: where each went
  ExpertTile* tiles;  // [most_tiles], of up to kNarrowTileTokens choices
  unsigned most_tiles;
};

/// A token's products with the experts that it chose; blocks in y are choices.
struct MultiplyVectorExperts {
  MultiplyVector products;  // with the matrices of any expert
  const Matrix* matrices;   // of all experts
  unsigned first;           // which of an expert's
  Routing routing;
  bool chooses;       // among the logits, and writes what it chose; else it reads that
  unsigned x_stride;  // between the inputs of choices; 0: they share one
  unsigned out_stride;
};

/// The same of many tokens, sorted; blocks in y are tiles of them.
struct MultiplyMatrixExperts {
  MultiplyMatrix products;  // without matrices and tokens
  const Matrix* matrices;
  unsigned first;
  const int* starts;
  const int* order;
  const ExpertTile* tiles;
  unsigned chosen;  // of a token: x has its rows; 0: x has rows as they are sorted
};

/// The weighted sums of what the experts of a token said.
struct JoinExperts {
  Routing routing;
  const float* products;  // [tokens * chosen, width]
  const int* positions;   // rows of products; null: as they were chosen, and weights are not known yet
  unsigned width;
  bool adds;  // to `out`
  Rows<float> out;
};

constexpr unsigned kSortThreads = 256;

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

/// Rows of a table: of tokens, or of their positions.
struct EmbedTokens {
  const void* table;       // [rows, width]
  Format format;           // bf16, f16 or f32
  const int* ids;          // one per token; null: the rows are positions
  const StepState* state;  // of a single token, whose position it knows; else null
  unsigned position;       // of the first of many tokens
  unsigned width;
  float scale;
  bool adds;  // to `out`
  Rows<float> out;
};

/// Columns of groups, each of which holds some of every part, to parts that lie one after the other.
struct RegroupRows {
  Rows<const float> x;
  unsigned groups;
  unsigned parts;
  unsigned widths[kMatrices];  // of the parts
  Rows<float> out;
};

/// RMS norm or layer norm of rows, or of groups within them; or, with a negative epsilon, nothing but their rounding.
struct NormalizeRows {
  Rows<const float> x;
  const float* weight;  // null: none
  const float* bias;    // null: none
  float epsilon;
  bool centered;           // a layer norm
  unsigned width;          // of a group: blocks in y are groups, `width` numbers apart
  unsigned group_weights;  // numbers between the weights of groups; 0: they share theirs
  Rows<float> out;         // null where `halves` are wanted; may be x
  void* halves;            // f16 [tokens, width]
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
  Rows<const float> up;  // null: 1
  Activation activation;
  const float* xielu[4];  // alpha_p, alpha_n, beta and eps, one number each, or all null: the activation then
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
  const float* stored_factor;  // null: none
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
  const float* sinks;  // [heads] or null: a score without a value
  float epsilon;
  bool interleaved;    // element 2i is paired with 2i + 1 instead
  bool norms_rotated;  // norms come behind the rotation
  bool normalizes_values;
  bool reads_others;  // keys and values are in the cache already: those of another layer
  float temperature;  // queries grow by 1 + temperature * ln(1 + floor((position + offset) / length)); 0: they do not
  float temperature_length;
  float temperature_offset;
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

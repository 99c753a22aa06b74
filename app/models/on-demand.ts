/**
 * The door of app/models for who needs one family: `loadFamilyOf` comes before all that asks about a config.json. `index.ts` is
 * the door with all of them.
 */
export type {
  Alternation,
  Activation,
  Attention,
  Convolution,
  Decoder,
  DenseAndExperts,
  DecoderLayer,
  ExpertActivation,
  ExpertsFeedForward,
  FeedForward,
  GatedConvolution,
  GatedDelta,
  GatedFeedForward,
  GatedNorm,
  HeadNorm,
  LatentAttention,
  LayerEmbeddings,
  LayerInput,
  LayerHeadNorm,
  LayerNorm,
  Mamba2,
  Matrix,
  Mixer,
  Norm,
  RmsHeadNorm,
  RmsNorm,
  ParallelMixers,
  RotaryEmbedding,
  Streams,
  ScaledMatrix,
  Routing,
  UngatedFeedForward,
  Xielu,
} from './decoder.ts';
export { restingWeights } from './active-weights.ts';
export { attentionsOf, cacheElementsPerToken, stateElements } from './context-memory.ts';
export {
  alreadyQuantized,
  describeArchitecture,
  knownModels,
  linearWeightTest,
  loadFamilyOf,
  missingTensor,
  modelTensors,
  normType,
  readDecoder,
  separateTensors,
  textConfig,
} from './describe.ts';
export type { ArchitectureDescription } from './describe.ts';
export type { ModelTensor, TransposedBlock } from './expert-stacks.ts';
export type { RopeConfig } from './rope-config.ts';
export { textNames, textTensors } from './text-tensors.ts';
export type { TextNames } from './text-tensors.ts';
export { wrappers } from './wrappers.ts';

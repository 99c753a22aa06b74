/** The door of app/models. */
export type {
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
  linearWeightTest,
  missingTensor,
  modelTensors,
  normType,
  readDecoder,
  separateTensors,
  textConfig,
} from './describe.ts';
export type { ArchitectureDescription } from './describe.ts';
export type { ModelTensor, TransposedBlock } from './expert-stacks.ts';
export { knownModels } from './registry.ts';
export type { RopeConfig } from './rope-config.ts';
export { textNames, textTensors } from './text-tensors.ts';
export type { TextNames } from './text-tensors.ts';
export { wrappers } from './wrappers.ts';

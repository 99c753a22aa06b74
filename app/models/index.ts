/** The door of app/models. */
export type {
  Activation,
  Attention,
  Convolution,
  Decoder,
  DecoderLayer,
  ExpertActivation,
  ExpertsFeedForward,
  FeedForward,
  GatedConvolution,
  GatedDelta,
  GatedFeedForward,
  GatedNorm,
  HeadNorm,
  LayerEmbeddings,
  LayerHeadNorm,
  LayerNorm,
  Matrix,
  Mixer,
  Norm,
  RmsHeadNorm,
  RmsNorm,
  RotaryEmbedding,
  Routing,
  UngatedFeedForward,
  Xielu,
} from './decoder.ts';
export { cacheElementsPerToken, stateElements } from './decoder.ts';
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

/** The door of app/checkpoint. */
export { CONFIG_FILE, MAX_CONFIG_BYTES, parseConfig } from './config.ts';
export type { CheckpointSource, Container, ContainerContents } from './container.ts';
export { containerOf, containers, isIndexFile, isWeightsFile } from './containers.ts';
export { EMBEDDINGS, ggufOnly, openCheckpoint, OUTPUT_LAYER } from './reader.ts';
export type { CheckpointReader, ReadOptions, TensorPlace, WeightsFile } from './reader.ts';
export {
  isRuntimeWeightsFile,
  RUNTIME_WEIGHTS_FILE,
  RUNTIME_WEIGHTS_FILES,
} from './runtime-weights.ts';
export { WEIGHTS_FILE } from './safetensors/safetensors.ts';
export {
  parseSafetensorsHeader,
  readSafetensorsHeader,
  safetensorsHeaderBytes,
  tensorBytes,
} from './safetensors/header.ts';
export type { SafetensorsHeader } from './safetensors/header.ts';
export { quantizationMethod } from './quantization-method.ts';
export type { StoredTensor } from './quantization-method.ts';
export { layoutSafetensors, safetensorsPrefix, SafetensorsWriter } from './safetensors/writer.ts';
export type { PlacedTensor, SafetensorsLayout, TensorSpec, WriteAt } from './safetensors/writer.ts';
export { readTensorsOfFile } from './safetensors/read-file.ts';

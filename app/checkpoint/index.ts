/** The door of app/checkpoint. */
export {
  CONFIG_FILE,
  MAX_CONFIG_BYTES,
  ggufOnly,
  openCheckpoint,
  parseConfig,
  EMBEDDINGS,
  OUTPUT_LAYER,
  isRuntimeWeightsFile,
  RUNTIME_WEIGHTS_FILE,
  RUNTIME_WEIGHTS_FILES,
  WEIGHTS_FILE,
} from './open-checkpoint.ts';
export type { OpenCheckpoint, ReadOptions, TensorPlace, WeightsFile } from './open-checkpoint.ts';
export {
  HEADER_PREFIX_BYTES,
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
export {
  joinShards,
  MAX_INDEX_BYTES,
  readShardIndex,
  SHARD_INDEX_FILE,
} from './safetensors/shard-index.ts';
export type { ShardIndex } from './safetensors/shard-index.ts';

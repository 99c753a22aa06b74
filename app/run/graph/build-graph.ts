import type { TensorInfo } from '../../contract/checkpoint.ts';
import {
  EMBEDDINGS,
  isRuntimeWeightsFile,
  OUTPUT_LAYER,
  type ModelConfig,
} from '../../checkpoint/index.ts';
import { buildDecoder } from './decoder.ts';
import { GraphWriter } from './graph-writer.ts';
import type { LayerDetails } from './linear.ts';
import { rotaryTable } from './rope.ts';
import { buildStandardDecoder } from './standard-decoder.ts';
import { unfitForGpu, type StandardOptions } from './standard-weights.ts';

/** The head's module where it has weights of its own, and where it shares the embedding's. */
const HEAD = 'lm_head';
const EMBEDDING = 'model.embed_tokens';

export interface GraphSource {
  readonly config: ModelConfig;
  /** Every tensor of the folder, those of the runner's own file included. */
  readonly tensors: readonly TensorInfo[];
  /** Bytes of the tensors for which `describesLayer` holds. */
  readonly details: LayerDetails;
  /** `llm_int8_threshold` of the quantization. @default 6 */
  readonly int8Threshold?: number | undefined;
  /** For a graph of ONNX Runtime's own operators, which is what a GPU computes. @default our own dialect */
  readonly standard?: StandardGraph | undefined;
}

/** What a graph for a GPU is made for. */
export interface StandardGraph extends StandardOptions {
  /** Positions that its context holds at most. */
  readonly contextLength: number;
}

/** LLM.int8's threshold where a configuration does not say: the paper's, and bitsandbytes' default. */
const DEFAULT_INT8_THRESHOLD = 6;

/** The module path in front of `weight`, `bias`, `SCB` and all that hangs below `weight`. */
function moduleOf(tensorName: string): string {
  return tensorName.replace(/\.(?:weight(?:\..+|_format)?|bias|SCB)$/, '');
}

/**
 * The tensors by name. Modules in the runner's own file stand for the same modules in the other files, with all of their
 * tensors. Of tied weights a file may hold the head instead of the embeddings: then it is both, as in transformers.
 */
function resolveTensors(
  tensors: readonly TensorInfo[],
  config: ModelConfig,
): ReadonlyMap<string, TensorInfo> {
  const isRuntime = ({ file }: TensorInfo): boolean => isRuntimeWeightsFile(file);
  const replaced = [...new Set(tensors.filter(isRuntime).map(({ name }) => moduleOf(name)))];
  const isReplaced = ({ name }: TensorInfo): boolean =>
    replaced.some((module) => name.startsWith(module) && moduleOf(name) === module);
  const resolved = new Map(
    tensors
      .filter((tensor) => isRuntime(tensor) || !isReplaced(tensor))
      .map((tensor) => [tensor.name, tensor]),
  );
  if (config.tiedEmbeddings && !resolved.has(EMBEDDINGS)) {
    const head = tensors.find((tensor) => tensor.name === OUTPUT_LAYER && !isRuntime(tensor));
    if (head !== undefined) resolved.set(EMBEDDINGS, { ...head, name: EMBEDDINGS });
  }
  return resolved;
}

/**
 * A head in the files wins over tied embeddings: where both are there, transformers 5 ties them only if they are equal.
 * One that was made for the runner wins over both.
 */
function headModule(tensors: ReadonlyMap<string, TensorInfo>, config: ModelConfig): string {
  return config.tiedEmbeddings && !tensors.has(OUTPUT_LAYER) ? EMBEDDING : HEAD;
}

/**
 * Describes a decoder for native-kernels/cuda: the same nodes over the same weights as the graph in our own dialect.
 *
 * @returns text, as native-kernels/cuda/decoder/plan.h defines it
 * @throws AppError `malformed-file` when a tensor is missing or does not fit config.json, `unsupported-model` for what
 *   those kernels cannot compute
 */
export function buildPlan(source: Omit<GraphSource, 'standard'>): string {
  const { config, details, int8Threshold = DEFAULT_INT8_THRESHOLD } = source;
  if (rotaryTable(config.rope, config.rotaryDimensions).beyond !== null)
    throw unfitForGpu(
      `This ${config.className}`,
      'its rotary embeddings change with the length of the text',
    );
  const tensors = resolveTensors(source.tensors, config);
  const writer = new GraphWriter(tensors);
  buildDecoder(
    { writer, details, int8Threshold, apart: true },
    config,
    headModule(tensors, config),
  );
  return writer.plan();
}

/**
 * Builds the ONNX graph of a model, in the dialect of native-kernels/README.md or in ONNX Runtime's own operators. Its
 * weights stay where they are: the graph refers to them by file, offset and length. The same input gives the same bytes.
 *
 * @throws AppError `malformed-file` when a tensor is missing or does not fit config.json, `unsupported-model` when a
 *   GPU has no operator for what a tensor holds
 */
export function buildGraph(source: GraphSource): Uint8Array {
  const { config, details, int8Threshold = DEFAULT_INT8_THRESHOLD } = source;
  const tensors = resolveTensors(source.tensors, config);
  const context = { writer: new GraphWriter(tensors), details, int8Threshold };
  const head = headModule(tensors, config);
  const { standard } = source;
  if (standard === undefined) return buildDecoder(context, config, head);
  const { contextLength, ...options } = standard;
  return buildStandardDecoder({ ...context, options }, config, head, contextLength);
}

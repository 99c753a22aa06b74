import type { TensorInfo } from '../../contract/checkpoint.ts';
import { isRuntimeWeightsFile } from '../../checkpoint/index.ts';
import type { Decoder, ModelTensor } from '../../models/index.ts';
import { planDecoder, type Plan } from '../plan/index.ts';
import { GraphWriter } from './graph-writer.ts';
import type { LayerDetails, LinearContext } from './linear.ts';
import { printNibbleGraph } from './nibble-printer.ts';

export interface GraphSource {
  readonly decoder: Decoder;
  /** Every tensor of the model, those of the runner's own file included. */
  readonly tensors: readonly ModelTensor[];
  /** Bytes of the tensors for which `describesLayer` holds. */
  readonly details: LayerDetails;
  /** `llm_int8_threshold` of the quantization. @default 6 */
  readonly int8Threshold?: number | undefined;
}

/** LLM.int8's threshold where a configuration does not say: the paper's, and bitsandbytes' default. */
const DEFAULT_INT8_THRESHOLD = 6;

/** The module path in front of `weight`, `bias`, `SCB` and all that hangs below `weight`. */
function moduleOf(tensorName: string): string {
  return tensorName.replace(/\.(?:weight(?:\..+|_format)?|bias|SCB)$/, '');
}

/**
 * The tensors by name. Modules in the runner's own file stand for the same modules in the other files, with all of their
 * tensors but the bias, which is not copied. Of tied weights a file may hold the head instead of the embeddings: then it is both, as in transformers.
 */
function resolveTensors(
  tensors: readonly ModelTensor[],
  decoder: Decoder,
): ReadonlyMap<string, ModelTensor> {
  const isRuntime = ({ file }: TensorInfo): boolean => isRuntimeWeightsFile(file);
  const replaced = [...new Set(tensors.filter(isRuntime).map(({ name }) => moduleOf(name)))];
  const isReplaced = ({ name }: TensorInfo): boolean =>
    !name.endsWith('.bias') &&
    replaced.some((module) => name.startsWith(module) && moduleOf(name) === module);
  const resolved = new Map(
    tensors
      .filter((tensor) => isRuntime(tensor) || !isReplaced(tensor))
      .map((tensor) => [tensor.name, tensor]),
  );
  const embeddings = `${decoder.embedding}.weight`;
  if (decoder.tiedEmbeddings && !resolved.has(embeddings)) {
    const output = `${decoder.head}.weight`;
    const head = tensors.find((tensor) => tensor.name === output && !isRuntime(tensor));
    if (head !== undefined) resolved.set(embeddings, { ...head, name: embeddings });
  }
  return resolved;
}

/**
 * A head in the files wins over tied embeddings: where both are there, transformers 5 ties them only if they are equal.
 * One that was made for the runner wins over both.
 */
function headModule(tensors: ReadonlyMap<string, TensorInfo>, decoder: Decoder): string {
  const { tiedEmbeddings, head, embedding } = decoder;
  return tiedEmbeddings && !tensors.has(`${head}.weight`) ? embedding : head;
}

/** The tensors of a model by the names of its plan, and that plan. */
export function planned(source: GraphSource): {
  readonly plan: Plan;
  readonly context: LinearContext;
} {
  const { decoder, details, int8Threshold = DEFAULT_INT8_THRESHOLD } = source;
  const tensors = resolveTensors(source.tensors, decoder);
  return {
    plan: planDecoder(decoder, headModule(tensors, decoder)),
    context: { writer: new GraphWriter(tensors), details, int8Threshold },
  };
}

/**
 * Builds the ONNX graph of a model, in the operators of native-kernels/runtime/operators. Its weights stay where they are: the
 * graph refers to them by file, offset and length. The same input gives the same bytes.
 *
 * @throws AppError `malformed-file` when a tensor is missing or does not fit config.json
 */
export function buildGraph(source: GraphSource): Uint8Array {
  const { context, plan } = planned(source);
  return printNibbleGraph(context, plan, source.decoder.vocabularySize);
}

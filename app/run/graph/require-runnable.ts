import { quantizationMethod } from '../../checkpoint/index.ts';
import type { TensorInfo } from '../../contract/checkpoint.ts';
import { AppError, because } from '../../contract/error.ts';
import {
  alreadyQuantized,
  modelTensors,
  readDecoder,
  type Decoder,
} from '../../models/on-demand.ts';
import { buildGraph } from './build-graph.ts';

/** Quantized weights that a graph can be built over. */
const READABLE: readonly (string | null)[] = [null, 'bitsandbytes', 'mxfp4', 'nibble'];

/** @throws AppError `unsupported-model` for weights that are quantized in a way for which there is no operator */
export function requireReadable(config: unknown, tensors: readonly TensorInfo[]): void {
  const method = quantizationMethod(config, tensors);
  if (method !== null && !READABLE.includes(method)) throw alreadyQuantized(method);
}

/** @throws AppError `malformed-file` when embeddings or output layer have another number of rows than the vocabulary */
export function requireVocabulary(decoder: Decoder, tensors: readonly TensorInfo[]): void {
  const { vocabularySize, hiddenSize } = decoder;
  const vocabularies = [decoder.embedding, decoder.head].map((module) => `${module}.weight`);
  for (const { name, shape } of tensors) {
    if (!vocabularies.includes(name)) continue;
    const [rows, columns] = shape;
    if (
      shape.length === 2 &&
      columns === hiddenSize &&
      rows !== undefined &&
      rows !== vocabularySize
    )
      throw new AppError(
        'malformed-file',
        `config.json says that the vocabulary has ${vocabularySize} tokens, but ${name} has ${rows} rows.`,
        because(
          'vocabulary-mismatch',
          { tensor: name, rows, vocabulary: vocabularySize },
          { remedy: 'config.json and weights do not belong together: get both from one place.' },
        ),
      );
  }
}

/**
 * Makes sure, from its headers alone, that what quantizing makes of a checkpoint can run: its configuration is one that
 * there is a graph for, and every tensor of that graph is there in a shape and type that fits. Quantizing keeps the rest.
 *
 * @param source A checkpoint that is not quantized: config.json, parsed, and its tensors.
 * @throws AppError `unsupported-model`, `malformed-file`
 */
export function requireRunnable(source: {
  readonly config: unknown;
  readonly tensors: readonly TensorInfo[];
}): void {
  const decoder = readDecoder(source.config);
  const tensors = modelTensors(source.config, source.tensors);
  requireVocabulary(decoder, tensors);
  buildGraph({ decoder, tensors, details: new Map() });
}

import { layoutSafetensors, OUTPUT_LAYER, tensorBytes } from '../checkpoint/index.ts';
import {
  linearWeightTest,
  missingTensor,
  separateTensors,
  textNames,
  type ModelTensor,
} from '../models/index.ts';
import type { SafetensorsLayout } from '../checkpoint/index.ts';
import type { Dtype, TensorInfo } from '../contract/checkpoint.ts';
import { AppError } from '../contract/error.ts';
import type { SchemeName } from '../contract/scheme.ts';
import {
  countsAsWeight,
  formatOf,
  isFloatDtype,
  type OutputTensor,
  type WeightFormat,
} from '../formats/index.ts';
import { planHead } from './runtime-head.ts';
import type { PlannedTensor } from './planned-tensor.ts';
import { widenedTypes } from './widen.ts';
import type { PlannedHead } from './runtime-head.ts';

/** All families have it. */
const COMMON_LINEAR_LAYER = 'model.layers.0.mlp.down_proj.weight';

export type { PlannedTensor };

/** Everything that follows from the headers of a checkpoint: what becomes of each tensor, and every size. */
export interface QuantizationPlan {
  readonly scheme: SchemeName;
  /** As asked for, or the scheme's own; single tensors may have a smaller one. Null where the scheme has none. */
  readonly blockSize: number | null;
  /** In the order of the checkpoint. */
  readonly tensors: readonly PlannedTensor[];
  /** Null for a scheme that keeps everything: the files are linked as they are. */
  readonly layout: SafetensorsLayout | null;
  /** The 8-bit copy of the output layer that the runner reads; null where there is none. */
  readonly head: PlannedHead | null;
  /** Exact bytes of the weights file(s), headers included; the runner's copy of the head is not among them. */
  readonly weightsBytes: number;
  readonly parameters: number;
  readonly quantizedParameters: number;
  /** Over the whole model. */
  readonly bitsPerWeight: number;
  /** Over the quantized tensors; 0 when there are none. */
  readonly quantizedBitsPerWeight: number;
  /**
   * Linear layers that are kept, by the names of modules in transformers: what loads the artifact must not expect codes
   * there. Of what stands beside the text model the whole module.
   */
  readonly skippedModules: readonly string[];
}

export interface PlanRequest {
  readonly tensors: readonly TensorInfo[];
  /** config.json, parsed. */
  readonly config: unknown;
  readonly scheme: SchemeName;
  /** One of the scheme's block sizes. @default the scheme's first */
  readonly blockSize?: number | undefined;
  /** Whether the runner gets an 8-bit copy of the output layer. @default true */
  readonly outputLayerCopy?: boolean | undefined;
}

/** Readers other than ours tell PyTorch's tensors from others by it. */
const METADATA = { format: 'pt' } as const;

/**
 * The block size for one matrix: as asked, or the largest smaller one of the scheme that divides the columns.
 *
 * Blocks of 4-bit formats run over the flattened matrix. Where they would straddle rows, bitsandbytes' AVX-512 kernels
 * read the wrong scales, so such a layer is never written.
 *
 * @returns null when none divides
 */
function blockSizeFor(columns: number, asked: number, scheme: WeightFormat): number | null {
  if (asked === 0) return 0;
  const smaller = scheme.blockSizes
    .filter((size) => size > 0 && size <= asked && columns % size === 0)
    .sort((a, b) => b - a);
  return smaller[0] ?? null;
}

function numelOf(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}

function bitsOf(outputs: readonly OutputTensor[], numel: number): number {
  const bytes = outputs
    .filter(({ part }) => countsAsWeight(part))
    .reduce((sum, { dtype, shape }) => sum + (tensorBytes(dtype, shape) ?? 0), 0);
  return numel === 0 ? 0 : (8 * bytes) / numel;
}

/** @param dtype What it is stored in. @default as it is */
function keep(source: ModelTensor, reason: string, dtype: Dtype = source.dtype): PlannedTensor {
  const numel = numelOf(source.shape);
  const { name, shape } = source;
  const outputs: OutputTensor[] = [{ name, part: 'kept', dtype, shape }];
  return {
    treatment: 'kept',
    source,
    numel,
    reason,
    outputs,
    bitsPerWeight: bitsOf(outputs, numel),
  };
}

function planTensor(
  source: ModelTensor,
  /** What a text model calls it; null for what is no part of one. */
  name: string | null,
  isLinear: boolean,
  scheme: WeightFormat,
  blockSize: number | null,
): PlannedTensor {
  const { quantizer } = scheme;
  if (quantizer === null) return keep(source, 'this scheme keeps every tensor');
  if (name === null) return keep(source, 'no part of the text model');
  if (!isLinear)
    return keep(
      source,
      name === OUTPUT_LAYER
        ? 'the output layer is kept, as bitsandbytes does'
        : 'not a linear layer',
    );
  const { dtype, shape } = source;
  const [rows = 0, columns = 0] = shape;
  if (shape.length !== 2 || rows === 0 || columns === 0)
    return keep(source, `not a matrix: [${shape.join(', ')}]`);
  if (!isFloatDtype(dtype)) return keep(source, `weights of type ${dtype} cannot be quantized`);
  const chosen = blockSize === null ? null : blockSizeFor(columns, blockSize, scheme);
  if (blockSize !== null && chosen === null)
    return keep(source, `no block size up to ${blockSize} divides its ${columns} columns`);
  const outputs = quantizer.outputs(source, dtype, chosen);
  const numel = rows * columns;
  return {
    treatment: 'quantized',
    source,
    numel,
    dtype,
    blockSize: chosen,
    outputs,
    bitsPerWeight: bitsOf(outputs, numel),
  };
}

function chooseBlockSize(scheme: WeightFormat, asked: number | undefined): number | null {
  const usual = scheme.blockSizes[0];
  if (usual === undefined) return null;
  if (asked === undefined) return usual;
  if (!scheme.blockSizes.includes(asked))
    throw new AppError('invalid-input', `${scheme.name} has no block size ${asked}.`, {
      remedy: `Choose one of ${scheme.blockSizes.join(', ')}.`,
    });
  return asked;
}

function requireDistinctNames(tensors: readonly PlannedTensor[]): void {
  const names = new Set<string>();
  for (const { outputs } of tensors)
    for (const { name } of outputs) {
      if (names.has(name))
        throw new AppError(
          'malformed-file',
          `The checkpoint has a tensor called ${name}, a name that the quantized weights need.`,
          { remedy: 'It seems to be quantized already: choose the original checkpoint.' },
        );
      names.add(name);
    }
}

/** The sizes of the checkpoint's own files: they end with their last tensor, because nothing may be left over. */
function bytesOfFiles(tensors: readonly TensorInfo[]): number {
  const ends = new Map<string, number>();
  for (const { file, byteOffset, byteLength } of tensors)
    ends.set(file, Math.max(ends.get(file) ?? 0, byteOffset + byteLength));
  return [...ends.values()].reduce((sum, end) => sum + end, 0);
}

/** What is kept, in types that transformers and bitsandbytes can compute with. */
function widened(tensors: readonly PlannedTensor[], config: unknown): PlannedTensor[] {
  const kept = tensors.filter(({ treatment }) => treatment === 'kept');
  const types = widenedTypes(
    kept.map(({ source }) => source),
    config,
  );
  return tensors.map((tensor) => {
    const dtype = types.get(tensor.source.name);
    return tensor.treatment === 'kept' && dtype !== undefined
      ? keep(tensor.source, tensor.reason, dtype)
      : tensor;
  });
}

/**
 * Plans what quantizing makes of a checkpoint, from its headers alone: nothing is read, and every size is exact.
 *
 * @throws AppError `unsupported-model` for an architecture whose linear layers are not known or that is already
 * quantized, `invalid-input` for a block size that the scheme does not have
 */
export function planQuantization(request: PlanRequest): QuantizationPlan {
  const format = formatOf(request.scheme);
  const isKept = format.quantizer === null;
  const blockSize = chooseBlockSize(format, request.blockSize);
  const isLinear = linearWeightTest(request.config, request.tensors);
  const names = textNames(request.tensors);
  // Files that are linked stay as they are.
  const sources = isKept ? request.tensors : separateTensors(request.config, request.tensors);
  const whole = new Map(request.tensors.map((tensor) => [tensor.name, tensor]));
  const planned = sources.map((tensor) => {
    const made = planTensor(
      tensor,
      names.plain(tensor.name),
      isLinear(tensor.name),
      format,
      blockSize,
    );
    // What is kept lies as its family stores it, also by columns.
    const stored = made.treatment === 'kept' ? whole.get(tensor.name) : undefined;
    return made.treatment === 'kept' && stored !== undefined ? keep(stored, made.reason) : made;
  });
  const tensors = format.isReadElsewhere ? widened(planned, request.config) : planned;
  if (!sources.some(({ name }) => isLinear(name)))
    throw missingTensor(COMMON_LINEAR_LAYER, (name) =>
      request.tensors.some((tensor) => tensor.name === name),
    );
  requireDistinctNames(tensors);
  const layout = isKept
    ? null
    : layoutSafetensors(
        tensors.flatMap(({ outputs }) => outputs),
        METADATA,
      );
  const parameters = tensors.reduce((sum, { numel }) => sum + numel, 0);
  const quantized = tensors.filter(({ treatment }) => treatment === 'quantized');
  const bits = (list: readonly PlannedTensor[]): number =>
    list.reduce((sum, tensor) => sum + tensor.bitsPerWeight * tensor.numel, 0);
  const quantizedParameters = quantized.reduce((sum, { numel }) => sum + numel, 0);
  return {
    scheme: format.name,
    blockSize,
    tensors,
    layout,
    head:
      request.outputLayerCopy === false ? null : planHead(request.tensors, request.config, format),
    weightsBytes: layout?.fileBytes ?? bytesOfFiles(request.tensors),
    parameters,
    quantizedParameters,
    bitsPerWeight: parameters === 0 ? 0 : bits(tensors) / parameters,
    quantizedBitsPerWeight: quantizedParameters === 0 ? 0 : bits(quantized) / quantizedParameters,
    skippedModules: isKept
      ? []
      : [
          ...names.beside(),
          ...tensors
            .filter(({ treatment, source }) => treatment === 'kept' && isLinear(source.name))
            .map(({ source }) => names.module(source.name.replace(/\.weight$/, ''))),
        ],
  };
}

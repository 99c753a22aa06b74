import {
  dequantizeAffine,
  quantizeAffine,
  quantizeAffineFile,
} from '../../../native-kernels/index.ts';
import type { CheckpointReader } from '../../checkpoint/index.ts';
import {
  bytesOf,
  floatTypes,
  matrixShape,
  type OutputTensor,
  type Part,
  type QuantizedMatrix,
  type QuantizedReader,
  type SchemeWords,
  type WeightFormat,
} from '../format.ts';
import { floatsOf, kernelOptions, partOf, signedOf } from '../parts.ts';

/** Evenly spaced integers with a scale, and perhaps a zero point, for every row or block of a row. */

export interface AffineParameters {
  readonly mode: 'absmax' | 'zero-point';
  readonly bits: 8 | 4;
}

/** One scale per block, or per row where there are none. */
function granularityOf(blockSize: number): { kind: 'row' } | { kind: 'block'; blockSize: number } {
  return blockSize === 0 ? { kind: 'row' } : { kind: 'block', blockSize };
}

function outputs(
  name: string,
  { rows, columns }: { readonly rows: number; readonly columns: number },
  block: number,
  { mode, bits }: AffineParameters,
): OutputTensor[] {
  const perRow = columns === 0 ? 0 : columns / block;
  const codes: OutputTensor =
    bits === 8
      ? { name, part: 'codes', dtype: 'I8', shape: [rows, columns] }
      : { name, part: 'codes', dtype: 'U8', shape: [rows, columns / 2] };
  const shape = [rows, perRow];
  const scales: OutputTensor = { name: `${name}.scales`, part: 'scales', dtype: 'F32', shape };
  if (mode === 'absmax') return [codes, scales];
  return [codes, scales, { name: `${name}.zero_points`, part: 'zero_points', dtype: 'I8', shape }];
}

function affineReader(
  artifact: CheckpointReader,
  { name, rows, columns, blockSize }: QuantizedMatrix,
  { mode, bits }: AffineParameters,
): QuantizedReader {
  const perRow = columns / blockSize;
  const bytesPerRow = (columns * bits) / 8;
  const codes = partOf(artifact, name, rows * bytesPerRow);
  const scales = partOf(artifact, `${name}.scales`, rows * perRow * 4);
  const zeroPoints =
    mode === 'zero-point' ? partOf(artifact, `${name}.zero_points`, rows * perRow) : null;
  const granularity =
    blockSize === columns ? { kind: 'row' as const } : { kind: 'block' as const, blockSize };
  const most = 2 ** (bits - 1) - 1;
  return {
    numel: rows * columns,
    step: columns,
    read: async (start, end, signal) => {
      const [first, last] = [start / columns, end / columns];
      const codeBytes = await artifact.readRange(codes, first * bytesPerRow, last * bytesPerRow, {
        signal,
      });
      const [from, to] = [first * perRow, last * perRow];
      const scaleBytes = await artifact.readRange(scales, from * 4, to * 4, { signal });
      return dequantizeAffine(
        {
          codes: bits === 8 ? signedOf(codeBytes) : codeBytes,
          scales: floatsOf(scaleBytes),
          zeroPoints:
            zeroPoints === null
              ? null
              : signedOf(await artifact.readRange(zeroPoints, from, to, { signal })),
        },
        { rows: last - first, columns },
        { bits, granularity },
        kernelOptions(signal),
      );
    },
    levels: async (block, absmax) => {
      if (zeroPoints === null)
        return Array.from({ length: 2 * most + 1 }, (_, i) => (i - most) / most);
      const scaleBytes = await artifact.readRange(scales, block * 4, block * 4 + 4);
      const scale = floatsOf(scaleBytes)[0] ?? 0;
      const zero = signedOf(await artifact.readRange(zeroPoints, block, block + 1))[0] ?? 0;
      return Array.from({ length: 2 * most + 2 }, (_, i) =>
        absmax === 0 ? 0 : ((i - most - 1 - zero) * scale) / absmax,
      );
    },
  };
}

/** A float32 scale, and a zero point of 8 bits where there is one. */
function scaleBits(mode: AffineParameters['mode']): number {
  return mode === 'absmax' ? 32 : 40;
}

export function affine(parameters: AffineParameters, words: SchemeWords): WeightFormat {
  const { mode, bits } = parameters;
  return {
    ...words,
    family: 'affine',
    bits,
    bitsPerWeight: (blockSize) =>
      bits + (blockSize === null || blockSize === 0 ? 0 : scaleBits(mode) / blockSize),
    quantizer: {
      outputs: (source, _dtype, blockSize) => {
        const shape = matrixShape(source);
        const block = blockSize === null || blockSize === 0 ? shape.columns : blockSize;
        return outputs(source.name, shape, block, parameters);
      },
      tables: () => new Map(),
      stateText: null,
      quantizeFile: async (weights, matrix, { path, placeOf }, options) => {
        const zeroPoints = mode === 'absmax' ? null : placeOf('zero_points');
        const made = await quantizeAffineFile(
          { ...weights, type: floatTypes[matrix.dtype] },
          matrixShape(matrix.source),
          { path, codes: placeOf('codes'), scales: placeOf('scales'), zeroPoints },
          { bits, granularity: granularityOf(matrix.blockSize ?? 0) },
          options,
        );
        const hashes = new Map<Part, string>([
          ['codes', made.codes],
          ['scales', made.scales],
        ]);
        if (made.zeroPoints !== null) hashes.set('zero_points', made.zeroPoints);
        return { hashes, nestedOffset: null, statistics: made.statistics };
      },
      quantizeBytes: async (bytes, matrix, options) => {
        const source = { bytes, type: floatTypes[matrix.dtype] };
        const spec = { mode, bits, granularity: granularityOf(matrix.blockSize ?? 0) };
        const made = await quantizeAffine(source, matrixShape(matrix.source), spec, options);
        const parts = new Map<Part, Uint8Array>([
          ['codes', bytesOf(made.codes)],
          ['scales', bytesOf(made.scales)],
        ]);
        if (made.zeroPoints !== null) parts.set('zero_points', bytesOf(made.zeroPoints));
        return { parts, statistics: made.statistics };
      },
      refuses: 'NaN or infinite',
      reader: (artifact, matrix) => Promise.resolve(affineReader(artifact, matrix, parameters)),
    },
    roundingRule:
      mode === 'absmax'
        ? 'w / (absmax / 127), rounded half to even'
        : `w / scale + zero point over [min, max] widened to hold 0, rounded half to even, ${bits} bits`,
    config: ({ scheme, blockSize, skipModules }) => ({
      quant_method: 'nibble',
      scheme,
      bits,
      block_size: blockSize,
      skip_modules: skipModules,
    }),
    isReadElsewhere: false,
  };
}

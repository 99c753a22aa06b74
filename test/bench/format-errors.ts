import {
  dequantize4bit,
  quantize4bit,
  type DoubleQuantized4bit,
  type Quantized4bit,
} from '../../native-kernels/index.ts';
import {
  dequantizeGguf,
  GGUF_BLOCK,
  ggufBlockBytes,
  quantizeQ4,
  quantizeQ8,
  type GgufType,
} from './gguf-blocks.ts';
import { roundToBf16, toBf16, valuesOf } from './synthetic-weights.ts';

/** What a format costs and loses on Gaussian weights. */
export interface FormatError {
  /** Scales included. */
  readonly bitsPerWeight: number;
  /** RMS error over the weights' standard deviation. */
  readonly relativeError: number;
}

/** Enough weights that the fourth digit of the error stands still. */
const SAMPLE = { name: 'sample', ggufName: '', shape: [1024, 2048] };
const SAMPLE_SIZE = 1024 * 2048;

function relativeError(weights: Float32Array, restored: Float32Array): number {
  let errors = 0;
  let squares = 0;
  for (const [i, weight] of weights.entries()) {
    errors += (weight - (restored[i] ?? 0)) ** 2;
    squares += weight ** 2;
  }
  return Math.sqrt(errors / squares);
}

export function ggufErrors(type: GgufType): FormatError {
  const weights = roundToBf16(valuesOf(SAMPLE, 1));
  const bytes = type === 'q8_0' ? quantizeQ8(weights) : quantizeQ4(weights);
  return {
    bitsPerWeight: (8 * ggufBlockBytes[type]) / GGUF_BLOCK,
    relativeError: relativeError(weights, dequantizeGguf(type, bytes)),
  };
}

async function nf4Error(blockSize: number, doubleQuant: boolean): Promise<FormatError> {
  const weights = valuesOf(SAMPLE, 1);
  const source = { bytes: new Uint8Array(toBf16(weights).buffer), type: 'bf16' } as const;
  const spec = { type: 'nf4', blockSize } as const;
  const made: Quantized4bit | DoubleQuantized4bit = doubleQuant
    ? await quantize4bit(source, { ...spec, doubleQuant: true })
    : await quantize4bit(source, { ...spec, doubleQuant: false });
  const restored = await dequantize4bit(made, { ...spec, numel: SAMPLE_SIZE });
  const bytes =
    made.codes.byteLength + made.absmax.byteLength + (made.nested?.absmax.byteLength ?? 0);
  return {
    bitsPerWeight: (8 * bytes) / SAMPLE_SIZE,
    relativeError: relativeError(roundToBf16(weights), restored),
  };
}

/** Formats of Nibble that are not among the contenders, beside them for comparison. */
export async function furtherFormats(): Promise<({ name: string } & FormatError)[]> {
  return [
    { name: 'Nibble NF4', ...(await nf4Error(64, false)) },
    { name: 'Nibble NF4 + DQ, blocks of 32', ...(await nf4Error(32, true)) },
  ];
}

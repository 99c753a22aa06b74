import { z } from 'zod';
import { AppError } from '../../contract/error.ts';

/**
 * The JSON that bitsandbytes stores as a tensor beside 4-bit weights (`P.weight.quant_state.bitsandbytes__nf4`). It says
 * what the bytes cannot: block size, shape and the offset of double quantization.
 */

/** The JSON has eight short fields; anything near this limit is not one. */
export const MAX_QUANT_STATE_BYTES = 4096;

/** The block size of the nested quantization is 256 in every release; the kernels rely on it. */
const NESTED_BLOCK_SIZE = 256;

const quantStateSchema = z.object({
  quant_type: z.enum(['nf4', 'fp4']),
  blocksize: z.int().min(16).max(65536),
  shape: z.tuple([z.int().positive(), z.int().positive()]),
  nested_blocksize: z.literal(NESTED_BLOCK_SIZE).optional(),
  nested_offset: z.number().optional(),
});

export interface QuantState {
  readonly type: 'nf4' | 'fp4';
  /** Weights per block; blocks run over the flattened matrix. */
  readonly blockSize: number;
  /** [out_features, in_features] */
  readonly shape: readonly [number, number];
  /** Added to the de-quantized absmax; null without double quantization. */
  readonly nestedOffset: number | null;
}

/** The suffixes under which the JSON may be stored, after `P.weight.`. */
export const quantStateSuffixes = [
  'quant_state.bitsandbytes__nf4',
  'quant_state.bitsandbytes__fp4',
] as const;

/**
 * Reads the bytes of a quant_state tensor.
 *
 * @param name The tensor's name, for the message
 * @throws AppError `malformed-file`
 */
export function parseQuantState(bytes: Uint8Array, name: string): QuantState {
  const malformed = (why: string, cause?: unknown): AppError =>
    new AppError('malformed-file', `${name} is not a bitsandbytes quantization state: ${why}.`, {
      remedy: 'Quantize the checkpoint again.',
      cause,
    });
  if (bytes.byteLength > MAX_QUANT_STATE_BYTES)
    throw malformed(
      `it has ${bytes.byteLength} bytes, at most ${MAX_QUANT_STATE_BYTES} make sense`,
    );
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (error) {
    throw malformed('its bytes are not JSON', error);
  }
  const parsed = quantStateSchema.safeParse(json);
  if (!parsed.success) throw malformed(z.prettifyError(parsed.error).replaceAll('\n', ' '));
  const { quant_type: type, blocksize, shape, nested_offset: nestedOffset } = parsed.data;
  if (!name.endsWith(`bitsandbytes__${type}`))
    throw malformed(`it says ${type}, unlike its own name`);
  return { type, blockSize: blocksize, shape, nestedOffset: nestedOffset ?? null };
}

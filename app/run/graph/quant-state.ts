import { AppError } from '../../contract/error.ts';

/**
 * The JSON that bitsandbytes stores as a tensor beside 4-bit weights (`P.weight.quant_state.bitsandbytes__nf4`). It says
 * what the bytes cannot: block size, shape and the offset of double quantization.
 */

/** The JSON has eight short fields; anything near this limit is not one. */
export const MAX_QUANT_STATE_BYTES = 4096;

/** The block size of the nested quantization is 256 in every release; the kernels rely on it. */
const NESTED_BLOCK_SIZE = 256;

/** What block sizes make sense. */
const LEAST_BLOCK_SIZE = 16;
const MOST_BLOCK_SIZE = 65536;

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

/** One for all: a model has hundreds of states, and making a decoder takes longer than reading one. */
const utf8 = new TextDecoder('utf-8', { fatal: true });

function isSize(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value > 0;
}

function isPairOfSizes(value: unknown): value is [number, number] {
  return Array.isArray(value) && value.length === 2 && value.every(isSize);
}

/**
 * Checks the fields one by one: a model has hundreds of these, read once each, and a schema of zod took ten times as long
 * for them, a twentieth of loading SmolLM2-135M.
 *
 * @returns the state, or what is wrong with it
 */
function checkState(json: unknown): QuantState | string {
  if (typeof json !== 'object' || json === null) return 'it is no JSON object';
  const state = json as Readonly<Record<string, unknown>>;
  const { quant_type: type, blocksize: blockSize, shape, nested_offset: nestedOffset } = state;
  if (type !== 'nf4' && type !== 'fp4') return 'its quant_type is neither nf4 nor fp4';
  if (!isSize(blockSize) || blockSize < LEAST_BLOCK_SIZE || blockSize > MOST_BLOCK_SIZE)
    return `its blocksize is not a whole number from ${LEAST_BLOCK_SIZE} to ${MOST_BLOCK_SIZE}`;
  if (!isPairOfSizes(shape)) return 'its shape is not a pair of sizes';
  const nestedBlockSize = state['nested_blocksize'];
  if (nestedBlockSize !== undefined && nestedBlockSize !== NESTED_BLOCK_SIZE)
    return `its nested_blocksize is not ${NESTED_BLOCK_SIZE}`;
  if (nestedOffset === undefined) return { type, blockSize, shape, nestedOffset: null };
  if (typeof nestedOffset !== 'number' || !Number.isFinite(nestedOffset))
    return 'its nested_offset is not a number';
  return { type, blockSize, shape, nestedOffset };
}

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
    json = JSON.parse(utf8.decode(bytes));
  } catch (error) {
    throw malformed('its bytes are not JSON', error);
  }
  const state = checkState(json);
  if (typeof state === 'string') throw malformed(state);
  if (!name.endsWith(`bitsandbytes__${state.type}`))
    throw malformed(`it says ${state.type}, unlike its own name`);
  return state;
}

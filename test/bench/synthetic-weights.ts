import { elementsOf, type WeightSpec } from './shapes.ts';

/** Normally distributed numbers to draw weights from: a pool is enough, and makes a 1 B model in seconds. */
const POOL_SIZE = (1 << 22) + 7;
/** What models are initialised with, and near what trained ones have. */
const STANDARD_DEVIATION = 0.02;

let pool: Float32Array | null = null;

function normalPool(): Float32Array {
  if (pool !== null) return pool;
  // mulberry32 and Box-Muller: the same weights on every machine.
  let state = 0x9e3779b9;
  const uniform = (): number => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
  pool = new Float32Array(POOL_SIZE);
  for (let k = 0; k < POOL_SIZE; k++)
    pool[k] =
      STANDARD_DEVIATION *
      Math.sqrt(-2 * Math.log(1 - uniform())) *
      Math.cos(2 * Math.PI * uniform());
  return pool;
}

/** The float32 weights of one tensor, the same each time; ones for norms. */
export function valuesOf(spec: WeightSpec, index: number): Float32Array {
  const count = elementsOf(spec);
  const values = new Float32Array(count);
  if (spec.shape.length === 1) return values.fill(1);
  const source = normalPool();
  let from = (index * 1_000_003) % POOL_SIZE;
  for (let done = 0; done < count;) {
    const length = Math.min(count - done, POOL_SIZE - from);
    values.set(source.subarray(from, from + length), done);
    done += length;
    from = 0;
  }
  return values;
}

/** float32 → bfloat16, rounded to nearest, ties to even. */
export function toBf16(values: Float32Array): Uint16Array {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  const out = new Uint16Array(values.length);
  for (let k = 0; k < out.length; k++) {
    const word = bits[k] ?? 0;
    out[k] = (word + 0x7fff + ((word >>> 16) & 1)) >>> 16;
  }
  return out;
}

/** What a reader of the bfloat16 checkpoint sees. */
export function roundToBf16(values: Float32Array): Float32Array {
  const rounded = new Uint32Array(values.length);
  const half = toBf16(values);
  for (let k = 0; k < half.length; k++) rounded[k] = (half[k] ?? 0) << 16;
  return new Float32Array(rounded.buffer);
}

// Matrix products with the shapes of a 1 B Llama. Decode (one token) is compared with reading memory in the same run,
// because it cannot be faster; prefill (many tokens) is shown as the tokens per second that the products of the whole
// model would allow.
//
//   node test/bench/linear-kernels.ts [--tokens 512] [--threads N] [--isa NAME] [--kind NAME] [--rounds 7]
import os from 'node:os';
import { parseArgs } from 'node:util';
import { codebook, linear, readMemory } from '../../native-kernels/index.ts';
import type { MatrixShape, Product } from '../../native-kernels/index.ts';

const { values: options } = parseArgs({
  options: {
    tokens: { type: 'string', default: '512' },
    threads: { type: 'string', default: String(os.availableParallelism()) },
    isa: { type: 'string' },
    kind: { type: 'string' },
    rounds: { type: 'string', default: '7' },
  },
});
const threads = Number(options.threads);
const rounds = Number(options.rounds);
const isa = options.isa;

/** Far more than any last-level cache, so that decode reads memory as it does in a model. */
const POOL_BYTES = 256 * 2 ** 20;
/** What one round of decode reads: long against a time slice, short against the patience of a person. */
const ROUND_BYTES = 64 * 2 ** 20;
/** Products of Llama-3.2-1B per token, without the head. */
const MODEL_WEIGHTS = 16 * (2 * 2048 * 2048 + 2 * 512 * 2048 + 3 * 8192 * 2048);

const shapes: MatrixShape[] = [
  { rows: 2048, columns: 2048 },
  { rows: 512, columns: 2048 },
  { rows: 8192, columns: 2048 },
  { rows: 2048, columns: 8192 },
];
const head: MatrixShape = { rows: 128256, columns: 2048 };

/** A way to store weights: bits per weight as read per token, and a product with the copy at a byte of the pool. */
interface Kind {
  readonly name: string;
  readonly bits: number;
  readonly scaleBits: number;
  readonly multiply: (at: number, shape: MatrixShape, product: Product) => void;
}

// No weight of the pool is a denormal or NaN in any 16-bit format: those have costs that no model has.
const pool = new Uint8Array(POOL_BYTES);
const words = new Uint16Array(pool.buffer);
for (let i = 0, state = 1; i < words.length; i++) {
  state = (Math.imul(state, 1664525) + 1013904223) | 0;
  words[i] = 0x3c00 | ((state >>> 16) & 0x80ff);
}
const floats = new Float32Array(2 ** 20).fill(0.01);
const scaleCodes = pool.subarray(POOL_BYTES / 2);
const nestedAbsmax = new Float32Array(2 ** 14).fill(0.01);
const levels = codebook('nf4');
const nestedMap = codebook('dynamic8');

const codesAt = (at: number, length: number): Uint8Array => pool.subarray(at, at + length);
const signedAt = (at: number, length: number): Int8Array => new Int8Array(pool.buffer, at, length);
const elements = (shape: MatrixShape): number => shape.rows * shape.columns;

const allKinds: Kind[] = [
  {
    name: 'nf4-dq',
    bits: 4,
    scaleBits: 8 / 64,
    multiply: (at, shape, product) => {
      const blocks = elements(shape) / 64;
      const first = (at / 32) % (POOL_BYTES / 4);
      const absmax = scaleCodes.subarray(first, first + blocks);
      const scales = nestedAbsmax.subarray(0, Math.ceil(blocks / 256));
      const nested = { scales, map: nestedMap, offset: 0.05 };
      const codes = codesAt(at, elements(shape) / 2);
      const weights = { format: 'levels4', blockSize: 64, levels, codes, scales: absmax, nested };
      linear({ ...shape, ...weights }, product);
    },
  },
  {
    name: 'nf4',
    bits: 4,
    scaleBits: 0,
    multiply: (at, shape, product) => {
      const absmax = floats.subarray(0, elements(shape) / 64);
      const codes = codesAt(at, elements(shape) / 2);
      linear(
        { ...shape, format: 'levels4', blockSize: 64, levels, codes, scales: absmax },
        product,
      );
    },
  },
  {
    name: 'llm-int8',
    bits: 8,
    scaleBits: 0,
    multiply: (at, shape, product) => {
      const scales = floats.subarray(0, shape.rows);
      const weights = { format: 'int8_rows', codes: signedAt(at, elements(shape)), scales };
      linear({ ...shape, ...weights, blockSize: shape.columns, threshold: 6 }, product);
    },
  },
  {
    name: 'int8',
    bits: 8,
    scaleBits: 0,
    multiply: (at, shape, product) => {
      const weights = {
        codes: signedAt(at, elements(shape)),
        scales: floats.subarray(0, shape.rows),
      };
      linear({ ...shape, ...weights, format: 'int8', blockSize: shape.columns }, product);
    },
  },
  {
    name: 'int4',
    bits: 4,
    scaleBits: 0,
    multiply: (at, shape, product) => {
      const weights = {
        codes: codesAt(at, elements(shape) / 2),
        scales: floats.subarray(0, elements(shape) / 64),
      };
      linear({ ...shape, ...weights, format: 'int4', blockSize: 64 }, product);
    },
  },
  {
    name: 'bf16',
    bits: 16,
    scaleBits: 0,
    multiply: (at, shape, product) => {
      linear({ ...shape, format: 'bf16', codes: codesAt(at, elements(shape) * 2) }, product);
    },
  },
];
const kinds = allKinds.filter((kind) => options.kind === undefined || kind.name === options.kind);

/** Seconds. */
function time(work: () => void): number {
  const start = performance.now();
  work();
  return (performance.now() - start) / 1000;
}

const median = (numbers: readonly number[]): number =>
  numbers.toSorted((a, b) => a - b)[numbers.length >> 1] ?? Number.NaN;

/** Medians of bytes per second of reading memory and of products, taken in turns: the machine's mood hits both. */
function decode(kind: Kind, shape: MatrixShape): { rate: number; ratio: number } {
  const bytes = (elements(shape) * kind.bits) / 8;
  const copies = Math.max(1, Math.floor(POOL_BYTES / bytes));
  const calls = Math.max(1, Math.ceil(ROUND_BYTES / bytes));
  const x = Float32Array.from({ length: shape.columns }, (_, i) => Math.sin(i * 1.7));
  const product: Product = { x, mode: 'fast', isa, threads, into: new Float32Array(shape.rows) };
  const rates: number[] = [];
  const ratios: number[] = [];
  let copy = 0;
  for (let round = -1; round < rounds; round++) {
    const memory = time(() => {
      readMemory(pool.subarray(0, ROUND_BYTES), threads);
    });
    const products = time(() => {
      for (let call = 0; call < calls; call++) {
        kind.multiply((copy++ % copies) * bytes, shape, product);
      }
    });
    // The first round warms up.
    if (round < 0) continue;
    const rate = (calls * elements(shape) * (kind.bits + kind.scaleBits)) / 8 / products;
    rates.push(rate);
    ratios.push(rate / (ROUND_BYTES / memory));
  }
  return { rate: median(rates), ratio: median(ratios) };
}

/** Weights times tokens per second. */
function prefill(kind: Kind, shape: MatrixShape, tokens: number): number {
  const x = Float32Array.from({ length: tokens * shape.columns }, (_, i) => Math.sin(i * 1.7));
  const into = new Float32Array(tokens * shape.rows);
  const product: Product = { x, mode: 'fast', isa, threads, into };
  const work = (): void => {
    kind.multiply(0, shape, product);
  };
  work();
  const seconds = median(Array.from({ length: rounds }, () => time(work)));
  return (elements(shape) * tokens) / seconds;
}

const tokens = Number(options.tokens);
const processor = os.cpus()[0]?.model ?? 'unknown processor';
console.log(`${processor}, ${threads} threads, ${options.isa ?? 'best instruction set'}`);
console.log(`medians of ${rounds}; tok/s: what the products alone of a 1 B Llama allow\n`);
console.log('weights   shape        decode GB/s  of memory   prefill GMAC/s  tok/s');
for (const kind of kinds) {
  for (const shape of shapes) {
    const one = decode(kind, shape);
    const many = prefill(kind, shape, tokens);
    console.log(
      [
        kind.name.padEnd(9),
        `${shape.rows}x${shape.columns}`.padEnd(12),
        (one.rate / 1e9).toFixed(1).padStart(11),
        `${(one.ratio * 100).toFixed(0)} %`.padStart(10),
        (many / 1e9).toFixed(0).padStart(16),
        (many / MODEL_WEIGHTS).toFixed(0).padStart(6),
      ].join(' '),
    );
  }
}
if (options.kind === undefined || options.kind === 'bf16') {
  const bytes = new Uint8Array(elements(head) * 2);
  new Uint16Array(bytes.buffer).fill(0x3c10);
  const x = Float32Array.from({ length: head.columns }, (_, i) => Math.sin(i * 1.7));
  const into = new Float32Array(head.rows);
  const ratios: number[] = [];
  const rates: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const memory = time(() => {
      readMemory(pool, threads);
    });
    const seconds = time(() => {
      linear({ ...head, format: 'bf16', codes: bytes }, { x, mode: 'fast', isa, threads, into });
    });
    rates.push(bytes.length / seconds);
    ratios.push(bytes.length / seconds / (pool.length / memory));
  }
  const share = `${(median(ratios) * 100).toFixed(0)} %`;
  console.log(
    `bf16      head 128256x2048 ${(median(rates) / 1e9).toFixed(1).padStart(5)} ${share.padStart(9)}`,
  );
}

/**
 * Speed of the quantizers: node test/bench/quantize-kernels.ts [--weights N] [--threads N] [--isa NAME,…] [--json]
 *
 * Prints the median, in million weights per second, of each scheme, source type and instruction set, on Gaussian weights
 * in memory, error statistics included. Nothing is asserted.
 */
import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import {
  processorFeatures,
  quantize4bit,
  quantizeAffine,
  quantizeInt8Rows,
} from '../../native-kernels/index.ts';
import type {
  FloatType,
  Granularity,
  InstructionSet,
  KernelOptions,
  Source,
} from '../../native-kernels/index.ts';

const COLUMNS = 4096;
const TRIALS = 7;

type Quantizer = (source: Source, options: KernelOptions) => Promise<unknown>;

interface Measurement {
  scheme: string;
  type: FloatType;
  isa: InstructionSet;
  threads: number;
  millionWeightsPerSecond: number;
  spread: number;
}

const { values } = parseArgs({
  options: {
    weights: { type: 'string', default: String(COLUMNS * 8192) },
    threads: { type: 'string', default: String(cpus().length) },
    isa: { type: 'string' },
    scheme: { type: 'string' },
    json: { type: 'boolean', default: false },
  },
});

const rows = Math.max(1, Math.floor(Number(values.weights) / COLUMNS));
const shape = { rows, columns: COLUMNS };

function affine(mode: 'absmax' | 'zero-point', bits: 8 | 4, granularity: Granularity): Quantizer {
  return (source, options) => quantizeAffine(source, shape, { mode, bits, granularity }, options);
}

const schemes: Record<string, Quantizer> = {
  'nf4-dq': (source, options) =>
    quantize4bit(source, { type: 'nf4', blockSize: 64, doubleQuant: true }, options),
  nf4: (source, options) =>
    quantize4bit(source, { type: 'nf4', blockSize: 64, doubleQuant: false }, options),
  fp4: (source, options) =>
    quantize4bit(source, { type: 'fp4', blockSize: 64, doubleQuant: false }, options),
  'llm-int8': (source, options) => quantizeInt8Rows(source, shape, options),
  'int8-absmax per row': affine('absmax', 8, { kind: 'row' }),
  'int8-zeropoint per row': affine('zero-point', 8, { kind: 'row' }),
  'int4 blocks of 64': affine('zero-point', 4, { kind: 'block', blockSize: 64 }),
};

/** Gaussian weights of standard deviation 0.02; a short run of them, repeated, for quick starts. */
function gaussianSource(type: FloatType): Source {
  const numel = rows * COLUMNS;
  const period = new Float32Array(1_000_003);
  let state = 0x2545f491;
  const uniform = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return (state + 1) / 2 ** 32;
  };
  for (let i = 0; i < period.length; i++) {
    period[i] = 0.02 * Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform());
  }
  const weights = new Float32Array(numel);
  for (let i = 0; i < numel; i += period.length) {
    weights.set(period.subarray(0, Math.min(period.length, numel - i)), i);
  }
  if (type === 'f32') return { bytes: new Uint8Array(weights.buffer), type };
  if (type === 'f16') {
    return { bytes: new Uint8Array(Float16Array.from(weights).buffer), type };
  }
  const bits = new Uint32Array(weights.buffer);
  return { bytes: new Uint8Array(Uint16Array.from(bits, (word) => word >>> 16).buffer), type };
}

const measurements: Measurement[] = [];
const chosen = values.isa?.split(',');
for (const type of ['bf16', 'f16', 'f32'] as const) {
  const source = gaussianSource(type);
  for (const isa of processorFeatures().available) {
    // The quantizers use the same code with and without VNNI.
    if (chosen === undefined ? isa === 'avx512-vnni' : !chosen.includes(isa)) continue;
    for (const [scheme, quantize] of Object.entries(schemes)) {
      if (values.scheme !== undefined && values.scheme !== scheme) continue;
      const options = { isa, threads: Number(values.threads) };
      const trials = isa === 'reference' ? 1 : TRIALS;
      const seconds: number[] = [];
      for (let trial = 0; trial <= trials; trial++) {
        const start = performance.now();
        await quantize(source, options);
        // The first run warms up memory and processor.
        if (trial > 0) seconds.push((performance.now() - start) / 1000);
      }
      seconds.sort((a, b) => a - b);
      const median = seconds[seconds.length >> 1] ?? Infinity;
      const spread = ((seconds.at(-1) ?? 0) - (seconds[0] ?? 0)) / median;
      const millionWeightsPerSecond = (rows * COLUMNS) / median / 1e6;
      const result = { scheme, type, isa, threads: options.threads };
      measurements.push({ ...result, millionWeightsPerSecond, spread });
      if (!values.json) {
        const speed = millionWeightsPerSecond.toFixed(0).padStart(6);
        const columns = `${scheme.padEnd(24)}${type.padEnd(6)}${isa.padEnd(12)}`;
        console.log(`${columns}${speed} M weights/s  (spread ${(spread * 100).toFixed(0)} %)`);
      }
    }
  }
}
if (values.json) console.log(JSON.stringify({ processor: cpus()[0]?.model, measurements }));

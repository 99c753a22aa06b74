import { z } from 'zod';

/** What the bench measured on one machine: written as docs/benchmarks/<machine>.json, and all that the page is made of. */

const number = z.number();
const samples = z.array(number).min(1);

/** Who runs the weights. */
export const programSchema = z.enum(['nibble', 'llama.cpp', 'onnxruntime']);
export type Program = z.infer<typeof programSchema>;

export const tokenBytesSchema = z.object({
  codes: number,
  scales: number,
  head: number,
  norms: number,
  embedding: number,
});

/** One process that loaded a model, read a prompt and went on. Rates are tokens per second. */
export const trialSchema = z.object({
  loadMs: number,
  loadToFirstTokenMs: number,
  startToFirstTokenMs: number,
  prefillRate: number,
  decodeRate: number,
  residentBytes: number,
  privateBytes: number.nullable(),
});
export type Trial = z.infer<typeof trialSchema>;

export const contenderResultSchema = z.object({
  name: z.string(),
  /** Nominal bits of the codes: what is compared is of the same size. */
  bits: z.union([z.literal(4), z.literal(8)]),
  program: programSchema,
  fileBytes: number,
  tokenBytes: tokenBytesSchema,
  /** Keys and values that a token reads half-way through decoding. */
  cacheBytes: number,
  /** Over the quantized layers of this shape, scales included. */
  bitsPerWeight: number,
  /** RMS error over the weights' standard deviation. */
  relativeError: number,
  /** Correlation of the next token's logits with those of the 16-bit weights in exact arithmetic. */
  logitCorrelation: number,
  trials: z.array(trialSchema).min(1),
});
export type ContenderResult = z.infer<typeof contenderResultSchema>;

export const shapeResultSchema = z.object({
  key: z.string(),
  title: z.string(),
  parameters: number,
  measuredAt: z.string(),
  /** Bytes per second, one sample before each round. */
  bandwidth: samples,
  promptTokens: number,
  shortPromptTokens: number,
  decodeTokens: number,
  contenders: z.array(contenderResultSchema),
});
export type ShapeResult = z.infer<typeof shapeResultSchema>;

export const quantizeResultSchema = z.object({
  key: z.string(),
  title: z.string(),
  measuredAt: z.string(),
  /** File to file, hashes and error statistics included; weights per second of what was quantized. */
  jobs: z.array(
    z.object({
      scheme: z.string(),
      weights: number,
      ms: samples,
      /** Reading the checkpoint and writing as many bytes as the artifact has, and nothing else. */
      copyMs: samples,
    }),
  ),
  /** The quantizers alone, on one matrix in memory; weights per second. */
  matrix: z.object({
    rows: number,
    columns: number,
    ours: z.record(z.string(), samples),
    /** Null where no Python with bitsandbytes was named. */
    bitsandbytes: z
      .object({ version: z.string(), rates: z.record(z.string(), samples) })
      .nullable(),
  }),
});
export type QuantizeResult = z.infer<typeof quantizeResultSchema>;

/** Quantizing with all cores, by target: the whole command, the job in a process that runs, and a plain copy. */
export const quantizeSpeedSchema = z.object({
  key: z.string(),
  title: z.string(),
  measuredAt: z.string(),
  scheme: z.string(),
  /** Of the checkpoint, those that stay in 16 bits included. */
  parameters: number,
  quantizedParameters: number,
  sourceBytes: number,
  artifactBytes: number,
  /** Quantizing alone, from the same files, hashes and statistics included; matrices overwrite each other. */
  unwrittenMs: samples.optional(),
  targets: z.array(
    z.object({
      target: z.enum(['disk', 'memory']),
      jobMs: samples,
      /** Milliseconds of all cores together during `jobMs`. */
      coreMs: samples,
      /** From the start of `nibble quantize` to its end. */
      commandMs: samples,
      /** Reading the checkpoint and writing as many bytes as the artifact has, synced. */
      copyMs: samples,
    }),
  ),
});
export type QuantizeSpeed = z.infer<typeof quantizeSpeedSchema>;

export const growthResultSchema = z.object({
  key: z.string(),
  title: z.string(),
  measuredAt: z.string(),
  decodeTokens: number,
  contenders: z.array(
    z.object({
      name: z.string(),
      program: programSchema,
      points: z.array(
        z.object({
          length: number,
          msPerToken: samples,
          /** Milliseconds per token of the prompt, from the length before to this one. */
          prefillMsPerToken: z.array(number),
        }),
      ),
    }),
  ),
});
export type GrowthResult = z.infer<typeof growthResultSchema>;

export const machineResultSchema = z.object({
  machine: z.object({
    processor: z.string(),
    threads: number,
    memoryBytes: number,
    platform: z.string(),
    /** What Nibble's kernels use. */
    instructionSet: z.string(),
  }),
  versions: z.record(z.string(), z.string()),
  /** Formats beside those of the contenders, on the same weights. */
  formats: z.array(z.object({ name: z.string(), bitsPerWeight: number, relativeError: number })),
  shapes: z.array(shapeResultSchema),
  quantize: z.array(quantizeResultSchema),
  quantizeSpeed: z.array(quantizeSpeedSchema).default([]),
  growth: z.array(growthResultSchema),
});
export type MachineResult = z.infer<typeof machineResultSchema>;

/** The middle, or the mean of the two in the middle. */
export function median(numbers: readonly number[]): number {
  const sorted = [...numbers].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] ?? Number.NaN)) / 2;
}

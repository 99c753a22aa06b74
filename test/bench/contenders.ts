import { rmSync, statSync } from 'node:fs';
import { z } from 'zod';
import type { Artifact } from '../../app/contract/checkpoint.ts';
import { formatOf } from '../../app/formats/index.ts';
import { ggufErrors } from './format-errors.ts';
import type { GgufType } from './gguf-blocks.ts';
import { ggufPath } from './gguf-writer.ts';
import { MATMUL_SCALE_BITS, type MatMulBits } from './onnx-blocks.ts';
import { onnxPath } from './onnx-writer.ts';
import { trialSchema, type ContenderResult, type Trial } from './results.ts';
import { runTrial } from './run-trial.ts';
import type { Shape } from './shapes.ts';
import {
  artifactFileBytes,
  artifactTokenBytes,
  ggufTokenBytes,
  onnxTokenBytes,
} from './token-bytes.ts';

/** Bytes of a float16 and of a float32. */
const HALF = 2;
const FLOAT = 4;

export interface SpeedRequest {
  readonly threads: number;
  readonly shortPrompt: readonly number[];
  readonly prompt: readonly number[];
  readonly decodeTokens: number;
}

export interface LogitsRequest {
  readonly threads: number;
  readonly prompt: readonly number[];
  readonly vocabularySize: number;
  /** The file that gets them: float32, of the prompt's last position. */
  readonly output: string;
}

export interface GrowthRequest {
  readonly threads: number;
  readonly prompt: readonly number[];
  /** Contexts behind which tokens are decoded, growing. */
  readonly lengths: readonly number[];
  readonly decodeTokens: number;
}

export const growthTrialSchema = z.object({
  points: z.array(
    z.object({
      length: z.number(),
      msPerToken: z.number(),
      prefillMs: z.number().nullable(),
      prefillTokens: z.number(),
    }),
  ),
});
export type GrowthTrial = z.infer<typeof growthTrialSchema>;

/** One program with one file of weights; every call is a process of its own. */
export interface Contender {
  readonly facts: Omit<ContenderResult, 'trials' | 'cacheBytes' | 'logitCorrelation'> & {
    /** Bytes of a number among the keys and values. */
    readonly cacheElementBytes: number;
  };
  readonly speed: (request: SpeedRequest) => Trial;
  readonly logits: (request: LogitsRequest) => void;
  /** Null where nobody asks for it. */
  readonly growth: ((request: GrowthRequest) => GrowthTrial) | null;
  /** Deletes what `growth` has kept on the disk. */
  readonly forgetContexts: (lengths: readonly number[]) => void;
}

/** Nibble with an artifact that it made. */
export async function nibbleContender({ directory, scheme, totals }: Artifact): Promise<Contender> {
  const { label, bits } = formatOf(scheme);
  return {
    facts: {
      name: `Nibble ${label}`,
      bits: bits === 4 ? 4 : 8,
      program: 'nibble',
      cacheElementBytes: HALF,
      fileBytes: artifactFileBytes(directory),
      tokenBytes: await artifactTokenBytes(directory),
      bitsPerWeight: totals.quantizedBitsPerWeight,
      relativeError: totals.relativeError ?? NaN,
    },
    speed: (request) => runTrial('nibble-speed.ts', [{ ...request, directory }], trialSchema),
    logits: (request) => {
      nibbleLogits(directory, 'fast', request);
    },
    growth: (request) =>
      runTrial('nibble-growth.ts', [{ ...request, directory }], growthTrialSchema),
    forgetContexts: () => undefined,
  };
}

/** Logits of an artifact, in either arithmetic. */
export function nibbleLogits(
  directory: string,
  mode: 'fast' | 'exact',
  request: LogitsRequest,
): void {
  runTrial('nibble-logits.ts', [{ ...request, directory, mode }], z.object({}));
}

/** llama.cpp with a GGUF file of the same weights. */
export function llamaContender(
  rivals: string,
  folder: string,
  shape: Shape,
  type: GgufType,
): Contender {
  const model = ggufPath(folder, shape, type);
  const stateFile = (length: number): string => `${model}.context-${length}`;
  return {
    facts: {
      name: `llama.cpp ${type.toUpperCase()}`,
      bits: type === 'q4_0' ? 4 : 8,
      program: 'llama.cpp',
      cacheElementBytes: HALF,
      fileBytes: statSync(model).size,
      tokenBytes: ggufTokenBytes(shape, type),
      ...ggufErrors(type),
    },
    speed: (request) => runTrial('llama-speed.mjs', [{ ...request, rivals, model }], trialSchema),
    logits: (request) => {
      runTrial('llama-logits.mjs', [{ ...request, rivals, model }], z.object({}));
    },
    growth: (request) => {
      const stateOf = request.lengths.map(stateFile);
      return runTrial(
        'llama-growth.mjs',
        [{ ...request, rivals, model, stateOf }],
        growthTrialSchema,
      );
    },
    forgetContexts: (lengths) => {
      for (const length of lengths) rmSync(stateFile(length), { force: true });
    },
  };
}

/** ONNX Runtime's own operators on the same weights. */
export function onnxContender(
  rivals: string,
  folder: string,
  shape: Shape,
  bits: MatMulBits,
): Contender {
  const model = onnxPath(folder, shape, bits);
  const { layers, kvHeads, headDim, vocabularySize } = shape;
  const common = { rivals, model, layers, kvHeads, headDim, vocabularySize };
  return {
    facts: {
      name: `ONNX Runtime int${bits}`,
      bits,
      program: 'onnxruntime',
      cacheElementBytes: FLOAT,
      fileBytes: statSync(model).size + statSync(`${model}.data`).size,
      tokenBytes: onnxTokenBytes(shape, bits),
      // The codes of Q4_0 and Q8_0, with float32 scales.
      bitsPerWeight: bits + MATMUL_SCALE_BITS,
      relativeError: ggufErrors(bits === 4 ? 'q4_0' : 'q8_0').relativeError,
    },
    speed: (request) => runTrial('onnx-speed.mjs', [{ ...request, ...common }], trialSchema),
    logits: (request) => {
      runTrial('onnx-logits.mjs', [{ ...request, ...common }], z.object({}));
    },
    growth: null,
    forgetContexts: () => undefined,
  };
}

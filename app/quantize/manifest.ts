import { z } from 'zod';
import { isRuntimeWeightsFile, isWeightsFile } from '../checkpoint/index.ts';
import {
  artifactTotalsSchema,
  hashKindSchema,
  originSchema,
  outputLayerCopySchema,
  tensorStatisticsSchema,
} from '../contract/checkpoint.ts';
import type { HashKind } from '../contract/checkpoint.ts';
import { schemeNameSchema, schemes } from '../contract/scheme.ts';
import type { SchemeName } from '../contract/scheme.ts';
import { assertNever } from '../contract/error.ts';
import { weightsFingerprint } from '../digest/index.ts';

export const MANIFEST_FILE = 'nibble.json';

/** Raised when the bytes or hashes that a plan leads to change: partial work of another format is not continued. */
export const FORMAT_VERSION = 2;

/** The kind of hash that files of weights get. Format 1 had `sha256` throughout. */
export const WEIGHTS_HASH = 'sha256-tensors-1' satisfies HashKind;

/** nibble.json: where an artifact came from, what was done, and how to prove that it is unchanged. */
export const manifestSchema = z.object({
  format: z.literal([1, FORMAT_VERSION]),
  toolVersion: z.string(),
  source: originSchema,
  scheme: schemeNameSchema,
  blockSize: z.int().nullable(),
  roundingRule: z.string(),
  /** Identifies the job that made it: source files, plan and format. */
  fingerprint: z.string(),
  weightsBytes: z.int().nonnegative(),
  /** The weights fingerprint. Earlier versions left the copy of the output layer out: see `manifestFingerprint`. */
  weightsSha256: z.string(),
  elapsedMs: z.number(),
  totals: artifactTotalsSchema,
  /** What the runner's own file holds; absent where there is no such file, and from before there was one. */
  outputLayerCopy: outputLayerCopySchema.optional(),
  files: z.array(
    z.object({
      name: z.string(),
      sizeBytes: z.int().nonnegative(),
      sha256: z.string(),
      /** @default 'sha256' */
      hashKind: hashKindSchema.optional(),
    }),
  ),
  tensors: z.array(tensorStatisticsSchema),
});
export type Manifest = z.infer<typeof manifestSchema>;

/** The weights fingerprint of an artifact, from the recorded hashes of its files. */
export function manifestFingerprint({ files, outputLayerCopy }: Manifest): string {
  // In the order of the shards' names, as they are listed; the copy of the output layer behind them.
  const isCopy = ({ sha256 }: { sha256: string }): boolean => sha256 === outputLayerCopy?.sha256;
  const weights = files.filter(({ name }) => isWeightsFile(name) || isRuntimeWeightsFile(name));
  return weightsFingerprint([
    ...weights.filter((file) => !isCopy(file)),
    ...weights.filter((file) => isCopy(file)),
  ]);
}

/** One sentence per scheme that pins down every bit of the codes. */
export function roundingRule(name: SchemeName): string {
  const { storage } = schemes[name];
  switch (storage.kind) {
    case 'kept':
      return 'none: the weights are the published ones';
    case '4bit':
      return `nearest ${storage.type} value to w * (1 / absmax) in float32, ties to the lower value${
        storage.doubleQuant
          ? '; absmax - mean(absmax) in the dynamic 8-bit map, blocks of 256, as bitsandbytes on a CPU'
          : ''
      }`;
    case 'int8-rows':
      return 'float16(w) * (127 * (1 / row absmax)) in float32, rounded half to even';
    case 'affine':
      return storage.mode === 'absmax'
        ? 'w / (absmax / 127), rounded half to even'
        : `w / scale + zero point over [min, max] widened to hold 0, rounded half to even, ${storage.bits} bits`;
    default:
      return assertNever(storage);
  }
}

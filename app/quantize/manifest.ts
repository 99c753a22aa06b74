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
import { schemeNameSchema } from '../contract/scheme.ts';
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

import path from 'node:path';
import { z } from 'zod';
import { hashKindSchema, type HashKind } from '../contract/checkpoint.ts';
import {
  fileStateNow,
  isSameState,
  replaceFile,
  SETTLED_MS,
  type FileState,
} from '../disk/index.ts';
import { readJsonFile } from './read-json.ts';

/** What Nibble recorded when it made the artifact. */
export const ARTIFACT_FILE = 'nibble.json';

/** Some 400 bytes per tensor: enough for a hundred thousand tensors. */
const MAX_ARTIFACT_BYTES = 64 * 1024 * 1024;

/** Beside the weights: their measured hashes, with what tells whether they are still the same files. */
export const RECORD_FILE = 'nibble-weights.json';

/** A measurement of a file that was written to less long ago is not kept. */
export const SETTLED_NS = BigInt(SETTLED_MS) * 1_000_000n;

const sha256 = z.string().regex(/^[0-9a-f]{64}$/);

const artifactSchema = z.looseObject({
  files: z.array(
    z.object({
      name: z.string(),
      sizeBytes: z.int().nonnegative(),
      sha256,
      hashKind: hashKindSchema.default('sha256'),
    }),
  ),
});

/** A file as the artifact's manifest lists it. */
export type ListedFile = z.infer<typeof artifactSchema>['files'][number];

/** The files that the manifest of a folder lists, by name; null in a folder that Nibble did not make. */
export async function listedFiles(
  directory: string,
): Promise<ReadonlyMap<string, ListedFile> | null> {
  const manifest = artifactSchema.safeParse(
    await readJsonFile(directory, ARTIFACT_FILE, MAX_ARTIFACT_BYTES),
  );
  return manifest.success ? new Map(manifest.data.files.map((file) => [file.name, file])) : null;
}

/** What the manifest of a model says. */
export interface Listing {
  /** By name; null in a folder that has none. */
  readonly files: ReadonlyMap<string, ListedFile> | null;
  /** The manifest's own state, once it was read: it is written after everything that it lists. */
  readonly state: FileState | null;
}

/**
 * Reads the manifest of a model. One that was only listed has it among the records; one that Nibble made brings its own.
 *
 * @param recordsDirectory Where records are kept. @default beside the weights
 */
export async function readListing(
  directory: string,
  recordsDirectory = directory,
): Promise<Listing> {
  const recorded = recordsDirectory === directory ? null : await listedFiles(recordsDirectory);
  const holder = recorded === null ? directory : recordsDirectory;
  const files = recorded ?? (await listedFiles(directory));
  return { files, state: files === null ? null : fileStateNow(path.join(holder, ARTIFACT_FILE)) };
}

const measuredSchema = z.object({
  name: z.string(),
  hashKind: hashKindSchema,
  sha256,
  state: z.object({
    sizeBytes: z.int().nonnegative(),
    modifiedNs: z.string(),
    changedNs: z.string(),
    inode: z.string(),
    device: z.string(),
  }),
});
/** The hash of a file in one state. */
export type MeasuredFile = z.infer<typeof measuredSchema>;

const recordSchema = z.object({ measured: z.array(measuredSchema) });

/** What earlier runs measured in a folder. A record that cannot be read costs a reading of the weights. */
export async function readMeasured(directory: string): Promise<readonly MeasuredFile[]> {
  const record = recordSchema.safeParse(
    await readJsonFile(directory, RECORD_FILE).catch(() => null),
  );
  return record.success ? record.data.measured : [];
}

/** The measured hash of a file in this very state; null where there is none. */
export function measuredHash(
  measured: readonly MeasuredFile[],
  name: string,
  hashKind: HashKind,
  state: FileState,
): string | null {
  const known = measured.find(
    (file) => file.name === name && file.hashKind === hashKind && isSameState(file.state, state),
  );
  return known?.sha256 ?? null;
}

/** Keeps what was measured. Only a convenience: in a folder that cannot be written to it is measured again. */
export async function keepMeasured(
  directory: string,
  measured: readonly MeasuredFile[],
): Promise<void> {
  await replaceFile(
    path.join(directory, RECORD_FILE),
    `${JSON.stringify({ measured }, null, 1)}\n`,
  ).catch(() => undefined);
}

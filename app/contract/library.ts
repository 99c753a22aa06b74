import { z } from 'zod';
import { artifactSchema, checkpointSchema, evaluationSchema } from './checkpoint.ts';

/** A folder that holds checkpoints and artifacts. One of them may lie on a disk that is not connected now. */
export const libraryFolderSchema = z.object({
  id: z.int(),
  directory: z.string(),
  /** Where new models go. Exactly one folder is the default. */
  isDefault: z.boolean(),
  /** False when the folder cannot be reached: what lies in it stays listed, as offline. */
  available: z.boolean(),
  freeBytes: z.int().nonnegative().nullable(),
  /** Bytes that the catalog counts in it. */
  usedBytes: z.int().nonnegative(),
});
export type LibraryFolder = z.infer<typeof libraryFolderSchema>;

/** A file of a model that was found to be something else than what was recorded, or gone. */
export const damagedFileSchema = z.object({
  name: z.string(),
  state: z.enum(['changed', 'missing']),
  /** `verify`: by a check of every file. `use`: when the model was loaded or answered. */
  foundBy: z.enum(['verify', 'use']),
  foundAt: z.string(),
});
export type DamagedFile = z.infer<typeof damagedFileSchema>;

/** What is known to be damaged, until all files are checked again; empty where nothing is known. */
const damagedFiles = z.array(damagedFileSchema);

export const libraryArtifactSchema = z.object({
  artifact: artifactSchema,
  available: z.boolean(),
  damagedFiles,
  /** The newest evaluation in fast mode, preferring one with a reference. Null when never measured. */
  evaluation: evaluationSchema.nullable(),
});
export type LibraryArtifact = z.infer<typeof libraryArtifactSchema>;

/** What this version cannot read: an entry of the catalog, or a folder of the library that a newer Nibble made. */
export const unreadableEntrySchema = z.object({
  kind: z.enum(['checkpoint', 'artifact', 'job', 'comparison']),
  id: z.string(),
  name: z.string(),
  directory: z.string().nullable(),
  /** Only of a folder that no entry points to: the version of Nibble that made it. It cannot be taken off the list. */
  madeBy: z.string().optional(),
});
export type UnreadableEntry = z.infer<typeof unreadableEntrySchema>;

export const librarySchema = z.object({
  folders: z.array(libraryFolderSchema),
  checkpoints: z.array(
    z.object({ checkpoint: checkpointSchema, available: z.boolean(), damagedFiles }),
  ),
  artifacts: z.array(libraryArtifactSchema),
  /** What interrupted jobs left; running them again resumes, discarding frees the space. */
  unfinished: z.array(
    z.object({
      name: z.string(),
      sizeBytes: z.int().nonnegative(),
      /** Its folder, where that holds a whole artifact: it can be added. */
      wholeModel: z.string().optional(),
    }),
  ),
  /** What cannot be read stays as it is: an update of Nibble shows it again. */
  unreadable: z.array(unreadableEntrySchema),
  totalBytes: z.int().nonnegative(),
});
export type Library = z.infer<typeof librarySchema>;

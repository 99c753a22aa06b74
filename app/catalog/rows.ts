import { z } from 'zod';
import {
  artifactSchema,
  checkpointSchema,
  evaluationSchema,
  hashKindSchema,
  tensorStatisticsSchema,
  type Artifact,
  type Checkpoint,
  type Evaluation,
  type TensorStatistics,
} from '../contract/checkpoint.ts';
import { AppError, because } from '../contract/error.ts';
import type { UnreadableEntry } from '../contract/library.ts';

export type { UnreadableEntry };

const jsonText = z.string().transform((text, context): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    context.addIssue({ code: 'custom', message: 'not JSON' });
    return z.NEVER;
  }
});

/** Columns as SQLite gives them. */
export type Row = Readonly<Record<string, unknown>>;

const fileStateSchema = z.object({
  sizeBytes: z.int().nonnegative(),
  modifiedNs: z.string(),
  changedNs: z.string(),
  inode: z.string(),
  device: z.string(),
});

/** A file that belongs to a checkpoint or an artifact. `sha256` is null where nobody said what it should be. */
export const storedFileSchema = z.object({
  name: z.string(),
  sizeBytes: z.int().nonnegative(),
  sha256: z.string().nullable(),
  /** @default 'sha256' */
  hashKind: hashKindSchema.optional(),
  /** What the file system said of it when the row was written; null where nobody asked. */
  state: fileStateSchema.nullable().optional(),
});
export type StoredFile = z.infer<typeof storedFileSchema>;

/** Checks what a table gave. @throws AppError 'catalog-corrupt' for the reason `unreadable-row` */
export function check<S extends z.ZodType>(schema: S, value: unknown, table: string): z.output<S> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  throw new AppError(
    'catalog-corrupt',
    `A row of ${table} in the catalog is not as it should be.`,
    because(
      'unreadable-row',
      { table },
      {
        remedy: 'Update Nibble if a newer version has worked here; otherwise remove that entry.',
        cause: result.error,
      },
    ),
  );
}

/** The rows that can be read: one that cannot never takes the others with it. */
export function readableRows<T>(rows: readonly Row[], read: (row: Row) => T): T[] {
  return rows.flatMap((row) => {
    try {
      return [read(row)];
    } catch (error) {
      if (isUnreadable(error)) return [];
      throw error;
    }
  });
}

/** The rows that cannot be read, as far as they can be told. */
export function unreadableRows(
  kind: UnreadableEntry['kind'],
  rows: readonly Row[],
  read: (row: Row) => unknown,
): UnreadableEntry[] {
  return rows.flatMap((row) => {
    try {
      read(row);
      return [];
    } catch (error) {
      if (!isUnreadable(error)) throw error;
      const directory = row['directory'];
      return [
        {
          kind,
          id: String(row['id']),
          name: String(row['name'] ?? row['subject'] ?? row['id']),
          directory: typeof directory === 'string' ? directory : null,
        },
      ];
    }
  });
}

function isUnreadable(error: unknown): boolean {
  return error instanceof AppError && error.reason === 'unreadable-row';
}

/** @throws AppError 'catalog-corrupt' for the reason `unreadable-row` */
export function json(value: unknown, table: string): unknown {
  return check(jsonText, value, table);
}

export function toCheckpoint(row: Row): Checkpoint {
  return check(
    checkpointSchema,
    {
      id: row['id'],
      name: row['name'],
      directory: row['directory'],
      origin: {
        repository: row['repository'],
        revision: row['revision'],
        commit: row['commit_hash'],
        endpoint: row['endpoint'],
      },
      architecture: row['architecture'],
      parameters: row['parameters'],
      sizeBytes: row['size_bytes'],
      license: row['license'],
      owned: row['owned'] === 1,
      createdAt: row['created_at'],
    },
    'checkpoints',
  );
}

/**
 * Stands in `quantize_ms` where another program made an artifact: the column is NOT NULL from the start, and taking that
 * away would make a table anew to which others point.
 */
export const QUANTIZED_ELSEWHERE = -1;

export function toArtifact(row: Row): Artifact {
  return check(
    artifactSchema,
    {
      id: row['id'],
      checkpointId: row['checkpoint_id'],
      name: row['name'],
      scheme: row['scheme'],
      blockSize: row['block_size'],
      directory: row['directory'],
      recordsDirectory: row['records_directory'] ?? undefined,
      architecture: row['architecture'],
      sizeBytes: row['size_bytes'],
      weightsBytes: row['weights_bytes'],
      outputLayerCopy:
        row['output_layer_copy'] === null ? null : json(row['output_layer_copy'], 'artifacts'),
      sourceBytes: row['source_bytes'],
      weightsSha256: row['weights_sha256'],
      totals: json(row['totals'], 'artifacts'),
      quantizeMs: row['quantize_ms'] === QUANTIZED_ELSEWHERE ? null : row['quantize_ms'],
      createdAt: row['created_at'],
    },
    'artifacts',
  );
}

export function toTensor(row: Row): TensorStatistics {
  return check(
    tensorStatisticsSchema,
    {
      name: row['name'],
      dtype: row['dtype'],
      shape: json(row['shape'], 'tensors'),
      treatment: row['treatment'],
      reason: row['reason'],
      blockSize: row['block_size'],
      numel: row['numel'],
      storedBytes: row['stored_bytes'],
      bitsPerWeight: row['bits_per_weight'],
      rmsError: row['rms_error'],
      relativeError: row['relative_error'],
      maxError: row['max_error'],
      sqnrDb: row['sqnr_db'],
      cosine: row['cosine'],
      sha256: row['sha256'],
    },
    'tensors',
  );
}

export function toEvaluation(row: Row): Evaluation {
  return check(
    evaluationSchema,
    {
      id: row['id'],
      artifactId: row['artifact_id'],
      referenceId: row['reference_id'],
      weightsSha256: row['weights_sha256'],
      referenceWeightsSha256: row['reference_weights_sha256'],
      textName: row['text_name'],
      textSha256: row['text_sha256'],
      tokens: row['tokens'],
      windowTokens: row['window_tokens'],
      mode: row['mode'],
      cacheType: row['cache_type'],
      perplexity: row['perplexity'],
      perplexityError: row['perplexity_error'],
      meanKl: row['mean_kl'],
      p99Kl: row['p99_kl'],
      topAgreement: row['top_agreement'],
      createdAt: row['created_at'],
    },
    'evaluations',
  );
}

export function toStoredFile(row: Row): StoredFile {
  const state: unknown = typeof row['state'] === 'string' ? JSON.parse(row['state']) : null;
  return check(
    storedFileSchema,
    {
      name: row['name'],
      sizeBytes: row['size_bytes'],
      sha256: row['sha256'],
      hashKind: row['hash_kind'],
      state,
    },
    'files',
  );
}

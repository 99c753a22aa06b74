import { z } from 'zod';
import { wireErrorSchema } from './error.ts';
import { progressSchema } from './progress.ts';
import { executionModeSchema } from './sampling.ts';
import { MOST_SCHEMES, schemeNameSchema } from './scheme.ts';

/**
 * Jobs are the long work that goes on in the background: they outlive the window that started them, and an engine that
 * was ended finds them again as `interrupted`.
 */

/** What a job is asked to do. */
export const jobRequestSchema = z.discriminatedUnion('kind', [
  /** Downloads a checkpoint where it is not there yet, then makes one artifact per scheme. No scheme: only downloads. */
  z.object({
    kind: z.literal('make'),
    /** A repository name (`owner/name`, `owner/name@revision`), a local folder, the id of a checkpoint or `SAMPLE_SOURCE`. */
    source: z.string().min(1).max(4096),
    schemes: z.array(schemeNameSchema).max(MOST_SCHEMES),
    blockSize: z.int().nonnegative().optional(),
    /** Also makes the 8-bit copy of the output layer that the fast mode reads in its place. @default true */
    outputLayerCopy: z.boolean().optional(),
    device: z.enum(['auto', 'cpu', 'cuda']).default('auto'),
    name: z.string().min(1).max(200).optional(),
    threads: z.int().positive().optional(),
    /** Measures perplexity, and KL divergence against the 16-bit artifact where there is one, when all is made. */
    measure: z.boolean().default(false),
  }),
  /** Perplexity of an artifact on a text; with a reference also KL divergence and agreement. */
  z.object({
    kind: z.literal('evaluate'),
    id: z.string().min(1).max(512),
    referenceId: z.string().min(1).max(512).optional(),
    /** Null: the held-out text that comes with Nibble. */
    text: z.string().min(1).max(2_000_000).nullable().default(null),
    textName: z.string().min(1).max(200).default('held-out text'),
    mode: executionModeSchema.default('fast'),
    maxTokens: z.int().positive().optional(),
  }),
  /** Hashes every file of a checkpoint or artifact again. */
  z.object({ kind: z.literal('verify'), id: z.string().min(1).max(512) }),
]);
export type JobRequest = z.infer<typeof jobRequestSchema>;

export const jobStates = [
  /** Waits for the job before it. */
  'queued',
  'running',
  /** The person paused it; resuming goes on after the last finished byte or tensor. */
  'paused',
  /** The engine ended while it ran; can be resumed like a paused one. */
  'interrupted',
  /** Ended with `error`; can be resumed when the reason is gone. */
  'failed',
  'cancelled',
  'done',
] as const;
export const jobStateSchema = z.enum(jobStates);
export type JobState = z.infer<typeof jobStateSchema>;

/** What became of one file in a verification. */
export const verifiedFileSchema = z.object({
  name: z.string(),
  sizeBytes: z.int(),
  state: z.enum(['ok', 'changed', 'missing', 'unverifiable']),
});
export type VerifiedFile = z.infer<typeof verifiedFileSchema>;

export const jobSchema = z.object({
  id: z.int(),
  request: jobRequestSchema,
  /** What a person calls it: `SmolLM2-135M-Instruct`. */
  subject: z.string(),
  state: jobStateSchema,
  /** The latest progress of every step, in the order in which the steps began. */
  steps: z.array(progressSchema),
  /** True while it holds still because the disk is full; it goes on by itself when there is room. */
  waitsForDisk: z.boolean(),
  error: wireErrorSchema.omit({ stack: true }).nullable(),
  checkpointId: z.string().nullable(),
  /** Made so far, in the order of `schemes`. */
  artifactIds: z.array(z.string()),
  /** Only of a verification. */
  files: z.array(verifiedFileSchema).nullable(),
  createdAt: z.string(),
  endedAt: z.string().nullable(),
});
export type Job = z.infer<typeof jobSchema>;

/** A job that nothing more will happen to unless it is started again. */
export function isEnded(state: JobState): boolean {
  return state === 'done' || state === 'cancelled' || state === 'failed';
}

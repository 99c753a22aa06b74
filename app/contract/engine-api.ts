import { z } from 'zod';
import {
  artifactSchema,
  checkpointSchema,
  evaluationSchema,
  tensorStatisticsSchema,
} from './checkpoint.ts';
import { comparisonSchema } from './comparison.ts';
import { doctorSchema, inspectionSchema, modelSummarySchema } from './inspection.ts';
import { progressSchema } from './progress.ts';
import { method } from './rpc.ts';
import {
  executionModeSchema,
  messageSchema,
  samplingInputSchema,
  tokenSchema,
} from './sampling.ts';
import { schemeNameSchema } from './scheme.ts';

/** A repository name, a local folder or the id of a checkpoint in the catalog. */
const source = z.string().min(1).max(4096);
const id = z.string().min(1).max(512);

/** What the engine does: it owns the disk and the catalog. */
export const engineApi = {
  doctor: method({ params: z.object({}), result: doctorSchema }),
  search: method({
    params: z.object({ query: z.string().max(512), limit: z.int().min(1).max(100).default(20) }),
    result: z.array(modelSummarySchema),
  }),
  inspect: method({
    params: z.object({ source, contextLength: z.int().positive().default(4096) }),
    event: progressSchema,
    result: inspectionSchema,
  }),
  pull: method({
    params: z.object({ source }),
    event: progressSchema,
    result: checkpointSchema,
  }),
  /** Makes one artifact per scheme; pulls the checkpoint first where it is not there. */
  quantize: method({
    params: z.object({
      source,
      schemes: z.array(schemeNameSchema).min(1),
      blockSize: z.int().nonnegative().optional(),
      device: z.enum(['auto', 'cpu', 'cuda']).default('auto'),
      name: z.string().min(1).max(200).optional(),
      threads: z.int().positive().optional(),
    }),
    event: progressSchema,
    result: z.array(artifactSchema),
  }),
  list: method({
    params: z.object({}),
    result: z.object({
      checkpoints: z.array(checkpointSchema),
      artifacts: z.array(artifactSchema),
      /** Jobs that were interrupted and can be resumed by running them again. */
      unfinished: z.array(z.object({ name: z.string(), sizeBytes: z.int() })),
    }),
  }),
  show: method({
    params: z.object({ id }),
    result: z.discriminatedUnion('kind', [
      z.object({
        kind: z.literal('checkpoint'),
        checkpoint: checkpointSchema,
        artifacts: z.array(artifactSchema),
      }),
      z.object({
        kind: z.literal('artifact'),
        artifact: artifactSchema,
        checkpoint: checkpointSchema.nullable(),
        tensors: z.array(tensorStatisticsSchema),
        evaluations: z.array(evaluationSchema),
      }),
    ]),
  }),
  /** Hashes every file again and compares with what was recorded when it was made. */
  verify: method({
    params: z.object({ id }),
    event: progressSchema,
    result: z.object({
      ok: z.boolean(),
      files: z.array(
        z.object({
          name: z.string(),
          sizeBytes: z.int(),
          state: z.enum(['ok', 'changed', 'missing', 'unverifiable']),
        }),
      ),
    }),
  }),
  remove: method({
    params: z.object({ id }),
    result: z.object({ freedBytes: z.int(), directory: z.string(), deletedFiles: z.boolean() }),
  }),
  /** The folder of an artifact, for a host that wants to open a runner on it. */
  locate: method({ params: z.object({ id }), result: artifactSchema }),
  evaluate: method({
    params: z.object({
      id,
      referenceId: id.optional(),
      text: z.string().min(1),
      textName: z.string(),
      windowTokens: z.int().min(16).optional(),
      mode: executionModeSchema.default('fast'),
      /** Stop after this many tokens of the text. */
      maxTokens: z.int().positive().optional(),
    }),
    event: progressSchema,
    result: evaluationSchema,
  }),
  compare: method({
    params: z.object({
      ids: z.array(id).min(2).max(8),
      prompt: z.string().min(1),
      system: z.string().optional(),
      sampling: samplingInputSchema,
      maxTokens: z.int().positive().default(256),
      mode: executionModeSchema.default('fast'),
    }),
    event: z.discriminatedUnion('kind', [
      z.object({ kind: z.literal('progress'), progress: progressSchema }),
      z.object({ kind: z.literal('tokens'), artifactId: z.string(), tokens: z.array(tokenSchema) }),
    ]),
    result: comparisonSchema,
  }),
  /** Keeps a conversation in the catalog; returns its id. */
  saveConversation: method({
    params: z.object({
      conversationId: z.int().nullable(),
      artifactId: id,
      title: z.string(),
      messages: z.array(messageSchema),
      sampling: samplingInputSchema,
    }),
    result: z.object({ conversationId: z.int() }),
  }),
} as const;

export type EngineApi = typeof engineApi;

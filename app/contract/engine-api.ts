import { z } from 'zod';
import {
  artifactSchema,
  checkpointSchema,
  evaluationSchema,
  tensorStatisticsSchema,
} from './checkpoint.ts';
import {
  arrangementSchema,
  comparisonSchema,
  comparisonSummarySchema,
  scoredTextSchema,
  winRateSchema,
} from './comparison.ts';
import {
  conversationMessageSchema,
  conversationSchema,
  conversationSettingsSchema,
  conversationSummarySchema,
} from './conversation.ts';
import { doctorSchema, inspectionSchema, modelSummarySchema } from './inspection.ts';
import { jobRequestSchema, jobSchema } from './job.ts';
import { damagedFileSchema, librarySchema, unreadableEntrySchema } from './library.ts';
import { progressSchema } from './progress.ts';
import { method } from './rpc.ts';
import { heldModelSchema, runnerApi } from './runner-api.ts';
import {
  cacheTypeSchema,
  executionModeSchema,
  messageSchema,
  samplingInputSchema,
  samplingSchema,
  tokenSchema,
} from './sampling.ts';
import { MOST_SCHEMES, schemeDescriptionSchema, schemeNameSchema } from './scheme.ts';
import { settingsSchema } from './settings.ts';
import { tensorViewSchema } from './tensor-view.ts';

/** A repository name, a local folder, the id of a checkpoint in the catalog, or `SAMPLE_SOURCE`. */
const source = z.string().min(1).max(4096);
const id = z.string().min(1).max(512);

/** False for what was there before: nothing was downloaded, made or listed then. */
const isNew = z.boolean();

/** What the engine does: it owns the disk and the catalog. */
export const engineApi = {
  doctor: method({ params: z.object({}), result: doctorSchema }),
  /** The ways to store weights that this version has, those with most bits first. */
  schemes: method({ params: z.object({}), result: z.array(schemeDescriptionSchema) }),
  search: method({
    params: z.object({ query: z.string().max(512), limit: z.int().min(1).max(100).default(20) }),
    result: z.array(modelSummarySchema),
  }),
  /** Which hub a source is asked for; `endpoint` is null where none is, `otherHub` a host that a link names instead. */
  sourceHub: method({
    params: z.object({ source }),
    result: z.object({ endpoint: z.string().nullable(), otherHub: z.string().nullable() }),
  }),
  inspect: method({
    params: z.object({ source, contextLength: z.int().positive().default(4096) }),
    event: progressSchema,
    result: inspectionSchema,
  }),
  pull: method({
    params: z.object({ source }),
    event: progressSchema,
    result: checkpointSchema.extend({ isNew }),
  }),
  /** Makes one artifact per scheme; pulls the checkpoint first where it is not there. */
  quantize: method({
    params: z.object({
      source,
      schemes: z.array(schemeNameSchema).min(1).max(MOST_SCHEMES),
      blockSize: z.int().nonnegative().optional(),
      /** Also makes the 8-bit copy of the output layer that the fast mode reads in its place. @default true */
      outputLayerCopy: z.boolean().optional(),
      device: z.enum(['auto', 'cpu', 'cuda']).default('auto'),
      name: z.string().min(1).max(200).optional(),
      threads: z.int().positive().optional(),
    }),
    event: progressSchema,
    result: z.array(artifactSchema.extend({ isNew })),
  }),
  list: method({
    params: z.object({}),
    result: z.object({
      checkpoints: z.array(checkpointSchema),
      artifacts: z.array(artifactSchema),
      /** Jobs that were interrupted and can be resumed by running them again. */
      unfinished: z.array(
        z.object({
          name: z.string(),
          sizeBytes: z.int(),
          /** Its folder, where that holds a whole artifact, which came back from the trash: it can be added. */
          wholeModel: z.string().optional(),
        }),
      ),
      /** What this version cannot read: an update of Nibble shows it again. */
      unreadable: z.array(unreadableEntrySchema),
      /** Files that are known to be damaged, by the id of the checkpoint or artifact that they belong to. */
      damaged: z.record(z.string(), z.array(damagedFileSchema)),
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
  /** Removes a checkpoint or artifact; its files go to the system's trash unless `forever`. */
  remove: method({
    params: z.object({ id, forever: z.boolean().default(false) }),
    result: z.object({
      freedBytes: z.int(),
      directory: z.string(),
      deletedFiles: z.boolean(),
      /** Files that stay in the folder: Nibble did not write them, or they are not what it wrote. */
      keptFiles: z.array(z.string()),
    }),
  }),
  /** Takes an entry that this version cannot read off the list; files of it stay where they are. */
  forgetUnreadable: method({
    params: unreadableEntrySchema.pick({ kind: true, id: true }),
    result: z.object({}),
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
      /** What keeps the context of the model that is measured. @default float16, in exact mode float32 */
      cacheType: cacheTypeSchema.optional(),
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
      /** What keeps the context of each. @default float16, in exact mode float32 */
      cacheType: cacheTypeSchema.optional(),
      arrangement: arrangementSchema.default('alone'),
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

  // The library.
  library: method({ params: z.object({}), result: librarySchema }),
  /** Gives a checkpoint or artifact another name; its id and folder stay. */
  rename: method({
    params: z.object({ id, name: z.string().trim().min(1).max(200) }),
    result: z.object({}),
  }),
  /**
   * Lists one folder where it is, without copying or changing it: an artifact that Nibble made or that transformers saved
   * with bitsandbytes, or a checkpoint.
   */
  add: method({
    params: z.object({ path: z.string().min(1).max(4096) }),
    event: progressSchema,
    result: z.discriminatedUnion('kind', [
      z.object({ kind: z.literal('checkpoint'), checkpoint: checkpointSchema, isNew }),
      z.object({ kind: z.literal('artifact'), artifact: artifactSchema, isNew }),
    ]),
  }),
  /** Adds a folder to the library and lists the checkpoints and artifacts that it finds there. */
  addFolder: method({
    params: z.object({ directory: z.string().min(1).max(4096) }),
    result: z.object({ folderId: z.int(), found: z.array(z.string()) }),
  }),
  /** Takes a folder out of the library. Its files stay, its rows go. The default folder cannot be taken out. */
  removeFolder: method({ params: z.object({ folderId: z.int() }), result: z.object({}) }),
  setDefaultFolder: method({ params: z.object({ folderId: z.int() }), result: z.object({}) }),
  /** Deletes what an interrupted job left behind. `name` as `library` lists it. */
  discardUnfinished: method({
    params: z.object({ name: z.string().min(1).max(512) }),
    result: z.object({ freedBytes: z.int() }),
  }),
  /** One tensor of an artifact up close. */
  tensorView: method({
    params: z.object({
      id,
      tensor: z.string().min(1).max(512),
      bins: z.int().min(8).max(512).default(120),
    }),
    result: tensorViewSchema,
  }),

  // Jobs. Every one of them is queued: one works at a time.
  startJob: method({ params: z.object({ request: jobRequestSchema }), result: jobSchema }),
  /** Newest first. */
  jobs: method({ params: z.object({}), result: z.array(jobSchema) }),
  /** The state of every job that is not ended, then each change, until aborted. */
  watchJobs: method({ params: z.object({}), event: jobSchema, result: z.object({}) }),
  pauseJob: method({ params: z.object({ jobId: z.int() }), result: jobSchema }),
  /** Goes on with a paused, interrupted, failed or cancelled job. */
  resumeJob: method({ params: z.object({ jobId: z.int() }), result: jobSchema }),
  /** Ends a job. `discard` deletes what it had not finished. */
  cancelJob: method({
    params: z.object({ jobId: z.int(), discard: z.boolean().default(false) }),
    result: jobSchema,
  }),
  /** Takes an ended job off the list. */
  forgetJob: method({ params: z.object({ jobId: z.int() }), result: z.object({}) }),

  // Loaded models.
  loadModel: method({ params: z.object({ artifactId: id }), result: heldModelSchema }),
  unloadModel: method({ params: z.object({ artifactId: id }), result: z.object({}) }),
  /** All models that are held, whenever something about one changes, until aborted. The first event comes at once. */
  watchModels: method({
    params: z.object({}),
    event: z.array(heldModelSchema),
    result: z.object({}),
  }),

  /** Artifacts that can answer a conversation now: their folder is there, with tokenizer and chat template. */
  chatModels: method({
    params: z.object({}),
    result: z.array(z.object({ id, createdAt: z.string() })),
  }),
  /** Answers messages that are kept nowhere, with a held model. What `sampling` leaves out is as the model recommends. */
  chat: method({
    params: z.object({
      artifactId: id,
      messages: z.array(messageSchema).min(1).max(10_000),
      sampling: samplingSchema.partial().default({}),
      maxTokens: z.int().positive().max(1_000_000),
    }),
    event: z.array(tokenSchema),
    result: runnerApi.chat.result,
  }),

  // Conversations.
  /** Last changed first; with a query only those in which it is found. */
  conversations: method({
    params: z.object({ query: z.string().max(200).default('') }),
    result: z.array(conversationSummarySchema),
  }),
  conversation: method({
    params: z.object({ conversationId: z.int() }),
    result: conversationSchema,
  }),
  createConversation: method({
    params: conversationSettingsSchema.partial({ system: true, sampling: true, maxTokens: true }),
    result: conversationSchema,
  }),
  /** Changes the title, the settings or the branch that is shown. */
  updateConversation: method({
    params: conversationSettingsSchema.partial().extend({
      conversationId: z.int(),
      title: z.string().trim().min(1).max(300).optional(),
      leafId: z.int().nullable().optional(),
    }),
    result: conversationSchema,
  }),
  /** Hides a conversation; `restoreConversation` brings it back until the engine starts anew, which deletes it. */
  removeConversation: method({
    params: z.object({ conversationId: z.int() }),
    result: z.object({}),
  }),
  restoreConversation: method({
    params: z.object({ conversationId: z.int() }),
    result: z.object({}),
  }),
  /**
   * Adds a person's message under `parentId` (null: at the root) and has it answered. Editing a message is saying it
   * anew under the same parent. Aborting stops the answer and keeps its text as `stopped`. What goes wrong while
   * answering is not thrown but told in the answer, which is then `failed`: the question is kept in any case.
   */
  say: method({
    params: z.object({
      conversationId: z.int(),
      parentId: z.int().nullable(),
      content: z.string().min(1).max(1_000_000),
    }),
    event: z.discriminatedUnion('kind', [
      /** A message was added: the person's, then the empty answer. */
      z.object({ kind: z.literal('message'), message: conversationMessageSchema }),
      z.object({ kind: z.literal('tokens'), tokens: z.array(tokenSchema) }),
    ]),
    /** The finished answer. */
    result: conversationMessageSchema,
  }),
  /** Answers the person's message `parentId` again: the new answer is a sibling of the ones before. */
  answerAgain: method({
    params: z.object({ conversationId: z.int(), parentId: z.int() }),
    event: z.discriminatedUnion('kind', [
      z.object({ kind: z.literal('message'), message: conversationMessageSchema }),
      z.object({ kind: z.literal('tokens'), tokens: z.array(tokenSchema) }),
    ]),
    result: conversationMessageSchema,
  }),
  /** Tokens that the shown branch and `draft` would take of the context. */
  contextUse: method({
    params: z.object({ conversationId: z.int(), draft: z.string().max(1_000_000).default('') }),
    /** Null while the model is not loaded: it is never loaded for this. */
    result: z.object({ tokens: z.int(), contextLength: z.int() }).nullable(),
  }),
  exportConversation: method({
    params: z.object({ conversationId: z.int(), format: z.enum(['markdown', 'json']) }),
    result: z.object({ fileName: z.string(), text: z.string() }),
  }),

  // Comparisons.
  /** Newest first. */
  comparisons: method({ params: z.object({}), result: z.array(comparisonSummarySchema) }),
  comparison: method({ params: z.object({ comparisonId: z.int() }), result: comparisonSchema }),
  removeComparison: method({ params: z.object({ comparisonId: z.int() }), result: z.object({}) }),
  /** Keeps a preference; null says that there is no difference. */
  vote: method({
    params: z.object({ comparisonId: z.int(), artifactId: id.nullable(), blind: z.boolean() }),
    result: comparisonSchema,
  }),
  /** One entry per pair of artifacts that was voted on. */
  winRates: method({ params: z.object({}), result: z.array(winRateSchema) }),
  /** Teacher-forced: the KL divergence from the reference at every token of a text. */
  scoreText: method({
    params: z.object({
      referenceId: id,
      ids: z.array(id).min(1).max(4),
      /** At most 2048 tokens of it are read. */
      text: z.string().min(1).max(100_000),
      mode: executionModeSchema.default('fast'),
    }),
    event: progressSchema,
    result: scoredTextSchema,
  }),
  /** A self-contained HTML page. */
  exportComparison: method({
    params: z.object({ comparisonId: z.int() }),
    result: z.object({ fileName: z.string(), html: z.string() }),
  }),

  /** Text that the sample model has not seen, and questions it answers well: to begin with. */
  samples: method({
    params: z.object({}),
    result: z.object({ heldOutText: z.string(), prompts: z.array(z.string()) }),
  }),

  // Settings.
  settings: method({ params: z.object({}), result: settingsSchema }),
  updateSettings: method({ params: settingsSchema.partial(), result: settingsSchema }),
  /**
   * Keeps the hub token where the host keeps secrets; null forgets it. It is never handed out again. One that the hub
   * does not know is refused.
   */
  setHubToken: method({
    params: z.object({ token: z.string().trim().min(1).max(500).nullable() }),
    /** Whose token it is, as the hub says; null where it could not be asked. */
    result: z.object({ account: z.string().nullable() }),
  }),
} as const;

export type EngineApi = typeof engineApi;

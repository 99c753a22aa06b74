import { z } from 'zod';
import { deviceTrialSchema, requestedDeviceSchema, runDeviceSchema } from './device.ts';
import { modelProfileSchema } from './profile.ts';
import { wireErrorSchema } from './error.ts';
import { method } from './rpc.ts';
import {
  cacheTypeSchema,
  executionModeSchema,
  generationStatisticsSchema,
  messageSchema,
  samplingInputSchema,
  samplingSchema,
  tokenSchema,
} from './sampling.ts';
import { spokenWeightsSchema } from './weights-check.ts';

/** What a runner says of the model it has loaded; its weights as they stood at that moment. */
export const loadedModelSchema = spokenWeightsSchema.extend({
  architecture: z.string(),
  vocabularySize: z.int().positive(),
  contextLength: z.int().positive(),
  hasTokenizer: z.boolean(),
  hasChatTemplate: z.boolean(),
  stopIds: z.array(z.int()),
  /** Sampling that the model's generation_config.json recommends, where it does. */
  recommendedSampling: samplingSchema.partial(),
  /** Where it computes, and why there; no reason where a person chose it. */
  device: runDeviceSchema,
  deviceReason: z.string().nullable(),
  loadMs: z.number(),
});
export type LoadedModel = z.infer<typeof loadedModelSchema>;

export const runnerMemorySchema = z.object({
  residentBytes: z.int().nonnegative(),
  /** Memory that is not mapped from files: what loading the model really costs. Null where the system cannot tell. */
  privateBytes: z.int().nonnegative().nullable(),
  cacheBytes: z.int().nonnegative(),
});
export type RunnerMemory = z.infer<typeof runnerMemorySchema>;

const ids = z.array(z.int().nonnegative());
/** Token events come in batches, so that a fast model does not drown the port in messages. */
const tokenEvents = z.array(tokenSchema);
const answer = spokenWeightsSchema.extend({
  text: z.string(),
  ids,
  statistics: generationStatisticsSchema,
  memory: runnerMemorySchema,
});
export type Answer = z.infer<typeof answer>;

/** A runner owns one loaded model. Calls that use the model run one after another, in the order they came. */
export const runnerApi = {
  /** With the device `auto` it may have to try devices first, and says how far that is. Ending the process ends it. */
  load: method({
    params: z.object({
      directory: z.string(),
      /** Where running keeps graphs and measured hashes. @default beside the weights */
      recordsDirectory: z.string().optional(),
      /** Tokens that the KV cache can hold; the model's own limit when absent. */
      contextLength: z.int().positive().optional(),
      /** Where `contextLength` is absent: at most this many, fewer where the model was made for fewer. */
      maxContextLength: z.int().positive().optional(),
      mode: executionModeSchema.default('fast'),
      cacheType: cacheTypeSchema.optional(),
      threads: z.int().positive().optional(),
      /** The CPU where nothing is said: what is measured or compared must not depend on what a machine has. */
      device: requestedDeviceSchema.default('cpu'),
      /** Whether to measure where the time goes. */
      profile: z.boolean().default(false),
    }),
    event: deviceTrialSchema,
    result: loadedModelSchema,
  }),
  /**
   * Answers a conversation through the model's chat template. Starts from an empty context (same input, same answer),
   * or with `reuse` from what it holds of the prompt already: then only what is new is computed. Whoever compares
   * answers must not reuse.
   */
  chat: method({
    params: z.object({
      messages: z.array(messageSchema).min(1),
      sampling: samplingInputSchema,
      maxTokens: z.int().positive(),
      alternatives: z.int().min(0).max(20).default(0),
      reuse: z.boolean().default(false),
    }),
    event: tokenEvents,
    result: answer.extend({ promptText: z.string() }),
  }),
  /** Continues raw token ids; needs neither tokenizer nor template. `ignoreStopIds` goes on past stop tokens. */
  generate: method({
    params: z.object({
      ids: ids.min(1),
      sampling: samplingInputSchema,
      maxTokens: z.int().nonnegative(),
      alternatives: z.int().min(0).max(20).default(0),
      ignoreStopIds: z.boolean().default(false),
      reuse: z.boolean().default(false),
    }),
    event: tokenEvents,
    result: answer,
  }),
  /** Teacher-forced: the logits of every position of `ids`, float32 row-major [rows, vocabularySize], in chunks. */
  score: method({
    params: z.object({ ids: ids.min(1) }),
    event: z.object({ firstRow: z.int().nonnegative(), logits: z.instanceof(Float32Array) }),
    result: spokenWeightsSchema.extend({ rows: z.int().nonnegative() }),
  }),
  /**
   * Teacher-forced: how well each row in [first, end) of `ids` expected the token behind it, a few rows at a time. `keep`
   * names a file that takes those rows' logits; `reference` one that another runner kept of the same ids, to be measured
   * against. What crosses the processes is a few numbers per token.
   */
  scoreTokens: method({
    params: z.object({
      ids: ids.min(2),
      first: z.int().nonnegative(),
      end: z.int().positive(),
      keep: z.string().optional(),
      reference: z.string().optional(),
    }),
    event: z.object({
      firstRow: z.int().nonnegative(),
      /** −ln p of the token behind each row, nats. */
      losses: z.instanceof(Float64Array),
      /** KL(reference ‖ model) of each row, nats; empty without a reference. */
      kl: z.instanceof(Float64Array),
      /** 1 where both think the same token most likely; empty without a reference. */
      sameTop: z.instanceof(Uint8Array),
    }),
    result: spokenWeightsSchema.extend({ rows: z.int().nonnegative() }),
  }),
  tokenize: method({
    params: z.object({ text: z.string(), addSpecialTokens: z.boolean().default(true) }),
    result: z.object({ ids }),
  }),
  /** How many tokens `chat` would read for these messages. */
  countTokens: method({
    params: z.object({ messages: z.array(messageSchema).min(1) }),
    result: z.object({ tokens: z.int().nonnegative() }),
  }),
  detokenize: method({
    params: z.object({ ids }),
    result: z.object({ text: z.string(), pieces: z.array(z.string()) }),
  }),
  memory: method({ params: z.object({}), result: runnerMemorySchema }),
  /**
   * Resolves once the bytes of the weights are known to be what the fingerprint names; fails where they are not. The
   * check goes on while the model rests; `now` has it begin at once.
   */
  checkWeights: method({
    params: z.object({ now: z.boolean().default(false) }),
    result: spokenWeightsSchema,
  }),
  /** Where the time went since a `load` with `profile`. */
  profile: method({ params: z.object({}), result: modelProfileSchema }),
} as const;

export type RunnerApi = typeof runnerApi;

/** A model that the engine holds in a runner, or tried to. */
export const heldModelSchema = z.object({
  artifactId: z.string(),
  /** `crashed`: its process died; `error` says how, and loading it again is safe. */
  state: z.enum(['loading', 'ready', 'answering', 'crashed']),
  /** Bytes resident while loading, out of `expectedBytes`: what a loading bar shows. */
  memory: runnerMemorySchema.nullable(),
  expectedBytes: z.int().nonnegative(),
  /** While devices are tried before the model is loaded. */
  trial: deviceTrialSchema.nullable(),
  loaded: loadedModelSchema.nullable(),
  error: wireErrorSchema.omit({ stack: true }).nullable(),
});
export type HeldModel = z.infer<typeof heldModelSchema>;

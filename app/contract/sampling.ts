import { z } from 'zod';

/** How the next token is drawn, every setting given. */
export const samplingSchema = z.object({
  temperature: z.number().min(0).max(10),
  /** 0 turns it off. */
  topK: z.int().min(0),
  /** 1 turns it off. */
  topP: z.number().gt(0).max(1),
  /** 0 turns it off. */
  minP: z.number().min(0).max(1),
  /** 1 turns it off. */
  repetitionPenalty: z.number().gt(0).max(10),
  seed: z.int().min(0).max(Number.MAX_SAFE_INTEGER),
});
export type Sampling = z.infer<typeof samplingSchema>;

/** Every filter off, the most likely token: what a caller gets who asks for nothing. */
export const greedySampling: Sampling = {
  temperature: 0,
  topK: 0,
  topP: 1,
  minP: 0,
  repetitionPenalty: 1,
  seed: 0,
};

/** What a chat draws its tokens with: what the model recommends, else a little variety; seed 0. */
export function chatSampling(recommended: Parameters<typeof definedOnly>[0]): Sampling {
  return { ...greedySampling, temperature: 0.7, topP: 0.95, ...definedOnly(recommended) };
}

/** Long enough for a full explanation, short enough that a model that never stops does not run for ever. */
export const DEFAULT_MAX_TOKENS = 1024;

/** Settings as a caller gives them: what is left out is greedy. */
export const samplingInputSchema = samplingSchema
  .partial()
  .transform((given): Sampling => ({ ...greedySampling, ...definedOnly(given) }));

function definedOnly(given: {
  [K in keyof Sampling]?: Sampling[K] | undefined;
}): Partial<Sampling> {
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
}

export const messageSchema = z.object({
  role: z.enum(['system', 'user', 'assistant']),
  content: z.string(),
});
export type Message = z.infer<typeof messageSchema>;

export const executionModeSchema = z.enum(['fast', 'exact']);
/** Element type of the KV cache. `int8` halves f16 once more; a scale for each head of a position is kept. */
export const cacheTypeSchema = z.enum(['f32', 'f16', 'int8']);
export type CacheType = z.infer<typeof cacheTypeSchema>;

/** How long an answer took and why it ended. */
export const generationStatisticsSchema = z.object({
  stop: z.enum(['stop-token', 'max-tokens', 'context-full', 'cancelled']),
  promptTokens: z.int().nonnegative(),
  /** Those that the context held already and that were not computed again; absent in answers kept by older versions. */
  cachedTokens: z.int().nonnegative().optional(),
  generatedTokens: z.int().nonnegative(),
  prefillMs: z.number(),
  decodeMs: z.number(),
  timeToFirstTokenMs: z.number(),
  /** Computed tokens per second; null when there were too few to say. */
  prefillRate: z.number().nullable(),
  decodeRate: z.number().nullable(),
});
export type GenerationStatistics = z.infer<typeof generationStatisticsSchema>;

export const alternativeSchema = z.object({ id: z.int(), text: z.string(), logprob: z.number() });

/** One generated token: `text` is what it added to the visible answer (may be empty inside a multi-byte character). */
export const tokenSchema = z.object({
  id: z.int(),
  text: z.string(),
  logprob: z.number(),
  elapsedMs: z.number(),
  alternatives: z.array(alternativeSchema),
});
export type GeneratedToken = z.infer<typeof tokenSchema>;

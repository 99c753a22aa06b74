import { z } from 'zod';

/** How the next token is drawn. The defaults turn every filter off and choose the most likely token. */
export const samplingSchema = z.object({
  temperature: z.number().min(0).max(10).default(0),
  /** 0 turns it off. */
  topK: z.int().min(0).default(0),
  /** 1 turns it off. */
  topP: z.number().gt(0).max(1).default(1),
  /** 0 turns it off. */
  minP: z.number().min(0).max(1).default(0),
  /** 1 turns it off. */
  repetitionPenalty: z.number().gt(0).max(10).default(1),
  seed: z.int().min(0).max(Number.MAX_SAFE_INTEGER).default(0),
});
export type Sampling = z.infer<typeof samplingSchema>;

export const messageSchema = z.object({
  role: z.enum(['system', 'user', 'assistant']),
  content: z.string(),
});
export type Message = z.infer<typeof messageSchema>;

export const executionModeSchema = z.enum(['fast', 'exact']);
export const cacheTypeSchema = z.enum(['f32', 'f16']);

/** How long an answer took and why it ended. */
export const generationStatisticsSchema = z.object({
  stop: z.enum(['stop-token', 'max-tokens', 'context-full', 'cancelled']),
  promptTokens: z.int().nonnegative(),
  generatedTokens: z.int().nonnegative(),
  prefillMs: z.number(),
  decodeMs: z.number(),
  timeToFirstTokenMs: z.number(),
  /** Tokens per second; null when too few tokens were made to say. */
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

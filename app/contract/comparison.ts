import { z } from 'zod';
import { runnerMemorySchema } from './runner-api.ts';
import { generationStatisticsSchema, samplingSchema, tokenSchema } from './sampling.ts';
import { schemeNameSchema } from './scheme.ts';
import { weightsCheckSchema } from './weights-check.ts';

/** How the check stood; absent in comparisons from before weights were checked. */
const keptCheckSchema = weightsCheckSchema.optional();

/** One artifact's answer in a comparison. `weightsSha256` says which weights spoke. */
export const comparedAnswerSchema = z.object({
  artifactId: z.string(),
  scheme: schemeNameSchema,
  weightsSha256: z.string(),
  weightsCheck: keptCheckSchema,
  /** All stored weights: the artifact's own and its copy of the output layer. */
  weightsBytes: z.int().nonnegative(),
  text: z.string(),
  tokens: z.array(tokenSchema),
  statistics: generationStatisticsSchema,
  memory: runnerMemorySchema,
  loadMs: z.number(),
});
export type ComparedAnswer = z.infer<typeof comparedAnswerSchema>;

/** Where an answer first departs from the first artifact's answer. Null when they are equal token by token. */
export const divergenceSchema = z.object({
  artifactId: z.string(),
  /** Index among the generated tokens, and the same place as a character of the first answer's text. */
  token: z.int().nonnegative(),
  character: z.int().nonnegative(),
  /** Tokens that are equal at the same place, as a share of the longer answer, 0..1. */
  agreement: z.number(),
  /** What each would have said there. */
  baselineToken: tokenSchema.nullable(),
  otherToken: tokenSchema.nullable(),
});
export type Divergence = z.infer<typeof divergenceSchema>;

export const arrangementSchema = z.enum(['together', 'alone']);

/** A person's preference among the answers of one comparison. */
export const voteSchema = z.object({
  /** The preferred artifact; null: no difference. */
  artifactId: z.string().nullable(),
  /** Whether the names were hidden when the vote was cast. */
  blind: z.boolean(),
  createdAt: z.string(),
});
export type Vote = z.infer<typeof voteSchema>;

export const comparisonSchema = z.object({
  id: z.int().nullable(),
  prompt: z.string(),
  system: z.string().nullable(),
  sampling: samplingSchema,
  answers: z.array(comparedAnswerSchema),
  /** One entry per answer after the first. */
  divergences: z.array(divergenceSchema.nullable()),
  /** `together`: all loaded at once and sharing the processor; `alone`: one after the other, so that speeds are each's own. */
  arrangement: arrangementSchema.default('alone'),
  /** The votes that were cast on it, oldest first. */
  votes: z.array(voteSchema).default([]),
  createdAt: z.string(),
});
export type Comparison = z.infer<typeof comparisonSchema>;

export const comparisonSummarySchema = z.object({
  id: z.int(),
  prompt: z.string(),
  artifactIds: z.array(z.string()),
  schemes: z.array(schemeNameSchema),
  votes: z.int().nonnegative(),
  createdAt: z.string(),
});
export type ComparisonSummary = z.infer<typeof comparisonSummarySchema>;

/** How often one artifact was preferred to another, over all comparisons where both answered. */
export const winRateSchema = z.object({
  firstId: z.string(),
  secondId: z.string(),
  firstWins: z.int().nonnegative(),
  secondWins: z.int().nonnegative(),
  ties: z.int().nonnegative(),
  /** Share of votes for the first among those that chose, with its 95 % Wilson interval. Null without such a vote. */
  share: z.object({ value: z.number(), low: z.number(), high: z.number() }).nullable(),
});
export type WinRate = z.infer<typeof winRateSchema>;

/** A text as two or more artifacts read it, teacher-forced: each predicts every token from the same true tokens. */
export const scoredTextSchema = z.object({
  referenceId: z.string(),
  text: z.string(),
  /** The tokens of the text. The first has no prediction: its numbers are null. */
  tokens: z.array(z.object({ id: z.int(), text: z.string() })),
  columns: z.array(
    z.object({
      artifactId: z.string(),
      scheme: schemeNameSchema,
      weightsSha256: z.string(),
      weightsCheck: keptCheckSchema,
      /** Log-probability (natural) of each token given those before it. */
      logprobs: z.array(z.number().nullable()),
      /** KL(reference || this) in nats at each token; zeros for the reference itself. */
      kl: z.array(z.number().nullable()),
      /** Whether the most likely token is the reference's. */
      agrees: z.array(z.boolean().nullable()),
      perplexity: z.number(),
      meanKl: z.number(),
      topAgreement: z.number(),
    }),
  ),
});
export type ScoredText = z.infer<typeof scoredTextSchema>;

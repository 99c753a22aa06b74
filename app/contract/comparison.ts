import { z } from 'zod';
import { runnerMemorySchema } from './runner-api.ts';
import { generationStatisticsSchema, samplingSchema, tokenSchema } from './sampling.ts';
import { schemeNameSchema } from './scheme.ts';

/** One artifact's answer in a comparison. `weightsSha256` says which weights spoke. */
export const comparedAnswerSchema = z.object({
  artifactId: z.string(),
  scheme: schemeNameSchema,
  weightsSha256: z.string(),
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

export const comparisonSchema = z.object({
  id: z.int().nullable(),
  prompt: z.string(),
  system: z.string().nullable(),
  sampling: samplingSchema,
  answers: z.array(comparedAnswerSchema),
  /** One entry per answer after the first. */
  divergences: z.array(divergenceSchema.nullable()),
  createdAt: z.string(),
});
export type Comparison = z.infer<typeof comparisonSchema>;

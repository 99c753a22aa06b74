import { z } from 'zod';

/** What one part of the model took in one phase, all layers and calls together. */
export const profilePartSchema = z.object({
  /** The operator of the graph, and which of its uses: `q`, `gate`, `attention`, `logits`, … */
  operator: z.string(),
  part: z.string(),
  calls: z.int().nonnegative(),
  ms: z.number(),
  /** Weights and cache that were read, each counted once per call. */
  bytes: z.number().nonnegative(),
});
export type ProfilePart = z.infer<typeof profilePartSchema>;

/** Where the time of one phase went, the largest part first. */
export const profilePhaseSchema = z.object({
  tokens: z.int().nonnegative(),
  runs: z.int().nonnegative(),
  /** Of the graph's runs; what it is more than its parts is the runtime's own. */
  runMs: z.number(),
  /** From logits to a token. */
  samplingMs: z.number(),
  parts: z.array(profilePartSchema),
});
export type ProfilePhase = z.infer<typeof profilePhaseSchema>;

/** Where a model's time went since it was loaded: prompts (many tokens a run) and answers (one token a run). */
export const modelProfileSchema = z.object({
  prefill: profilePhaseSchema,
  decode: profilePhaseSchema,
});
export type ModelProfile = z.infer<typeof modelProfileSchema>;

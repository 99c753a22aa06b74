import { z } from 'zod';
import type { Sampling } from '../contract/sampling.ts';
import { readJsonFile } from './read-json.ts';

/** More stop tokens than any model has; each is compared with every token. */
const MAX_STOP_IDS = 64;

const tokenId = z.int().nonnegative();
const optional = <T extends z.ZodType>(schema: T): z.ZodType<z.output<T> | undefined> =>
  schema.optional().catch(undefined);

/** Recommendations, not data: a value out of range counts as not given. */
const generationConfigSchema = z.looseObject({
  eos_token_id: optional(z.union([tokenId, z.array(tokenId).max(MAX_STOP_IDS)])),
  do_sample: optional(z.boolean()),
  temperature: optional(z.number().positive().max(10)),
  top_k: optional(z.int().nonnegative()),
  top_p: optional(z.number().gt(0).max(1)),
  min_p: optional(z.number().min(0).max(1)),
  repetition_penalty: optional(z.number().gt(0).max(10)),
});

export interface GenerationConfig {
  readonly stopIds: readonly number[];
  /** Empty unless the file asks for sampling: without it transformers is greedy whatever else it says. */
  readonly sampling: Partial<Sampling>;
}

/** Reads generation_config.json; everything in it is optional, and so is the file. */
export async function readGenerationConfig(directory: string): Promise<GenerationConfig> {
  const parsed = generationConfigSchema.safeParse(
    await readJsonFile(directory, 'generation_config.json'),
  );
  if (!parsed.success) return { stopIds: [], sampling: {} };
  const { data } = parsed;
  const stop = data.eos_token_id ?? [];
  return {
    stopIds: Array.isArray(stop) ? stop : [stop],
    sampling:
      data.do_sample === true
        ? {
            ...(data.temperature === undefined ? {} : { temperature: data.temperature }),
            ...(data.top_k === undefined ? {} : { topK: data.top_k }),
            ...(data.top_p === undefined ? {} : { topP: data.top_p }),
            ...(data.min_p === undefined ? {} : { minP: data.min_p }),
            ...(data.repetition_penalty === undefined
              ? {}
              : { repetitionPenalty: data.repetition_penalty }),
          }
        : {},
  };
}

/** bos_token, eos_token and the like of tokenizer_config.json: text, or an object around it. */
export function specialTokenText(value: unknown): string | null {
  if (typeof value === 'string') return value;
  const content: unknown =
    typeof value === 'object' && value !== null && 'content' in value ? value.content : null;
  return typeof content === 'string' ? content : null;
}

import { z } from 'zod';
import { AppError } from '../contract/error.ts';
import type { Sampling } from '../contract/sampling.ts';
import { readJsonFile } from './read-json.ts';

/** More stop tokens than any model has; each is compared with every token. */
const MAX_STOP_IDS = 64;

/** Ids of one token or several; what no token can be, such as -1, is how some files say that there is none. */
function tokenIds(value: unknown): number[] {
  const given: readonly unknown[] = Array.isArray(value) ? value : [value];
  return given
    .filter((id): id is number => typeof id === 'number' && Number.isSafeInteger(id) && id >= 0)
    .slice(0, MAX_STOP_IDS);
}

const optional = <T extends z.ZodType>(schema: T): z.ZodType<z.output<T> | undefined> =>
  schema.optional().catch(undefined);

/** Recommendations, not data: a value out of range counts as not given. */
const generationConfigSchema = z.looseObject({
  eos_token_id: z.unknown().transform(tokenIds),
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

/**
 * Reads generation_config.json. Everything in it is optional, and so is the file: as for transformers, one that cannot be
 * read counts as none.
 *
 * @throws AppError when the disk refuses
 */
export async function readGenerationConfig(directory: string): Promise<GenerationConfig> {
  const json = await readJsonFile(directory, 'generation_config.json').catch((error: unknown) => {
    if (error instanceof AppError && error.code === 'malformed-file') return null;
    throw error;
  });
  const parsed = generationConfigSchema.safeParse(json);
  if (!parsed.success) return { stopIds: [], sampling: {} };
  const { data } = parsed;
  return {
    stopIds: data.eos_token_id,
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

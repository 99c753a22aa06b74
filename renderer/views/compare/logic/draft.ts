import { z } from 'zod';
import { arrangementSchema } from '../../../../app/contract/comparison.ts';
import { greedySampling, samplingSchema } from '../../../../app/contract/sampling.ts';

/** What the set-up bar holds; kept in the browser between visits. */
export const draftSchema = z.object({
  ids: z.array(z.string()).max(4),
  mode: z.enum(['one', 'several']),
  prompt: z.string(),
  /** One prompt per line. */
  prompts: z.string(),
  system: z.string(),
  sampling: samplingSchema,
  maxTokens: z.int().min(1).max(4096),
  arrangement: arrangementSchema,
  isBlind: z.boolean(),
});
export type Draft = z.infer<typeof draftSchema>;

export const emptyDraft: Draft = {
  ids: [],
  mode: 'one',
  prompt: '',
  prompts: '',
  system: '',
  sampling: greedySampling,
  maxTokens: 128,
  arrangement: 'together',
  isBlind: false,
};

/** Reads what was kept; anything that is not a draft is as if nothing had been kept. */
export function parseDraft(kept: string | null): Draft {
  if (kept === null) return emptyDraft;
  try {
    return draftSchema.parse(JSON.parse(kept));
  } catch {
    return emptyDraft;
  }
}

/** The prompts to ask, without blank lines and repeated ones: each is saved on its own. */
export function promptsOf({ mode, prompt, prompts }: Draft): string[] {
  const all = mode === 'one' ? [prompt.trim()] : prompts.split('\n').map((line) => line.trim());
  return [...new Set(all)].filter((text) => text !== '');
}

/** Artifacts named in the query of an address: `with=A&with=B`. At most four, each once. */
export function idsOfQuery(search: string): string[] {
  return [...new Set(new URLSearchParams(search).getAll('with'))].slice(0, 4);
}

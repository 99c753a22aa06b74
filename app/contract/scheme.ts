import { z } from 'zod';

/**
 * A scheme: a way to store a checkpoint's linear layers, and its parameters. Here it has a name and a description only;
 * what it is, app/formats knows. A name may be a newer Nibble's: it is shown as it is, and kept.
 */
export const schemeNameSchema = z.string().regex(/^[a-z0-9][\w.-]{0,63}$/i);
export type SchemeName = z.infer<typeof schemeNameSchema>;

/** The most schemes in one request or setting: more than there are. */
export const MOST_SCHEMES = 64;

/** What everybody may know of a scheme. */
export const schemeDescriptionSchema = z.object({
  name: schemeNameSchema,
  /** Short name for tables and buttons, where the host has no words of its own for it. */
  label: z.string(),
  /** One sentence for someone who has not met the term; as above. */
  explanation: z.string(),
  /** Formats that share a layout and a reader: the folder of app/formats. */
  family: z.string(),
  /** Of a code alone. */
  bits: z.number().positive(),
  /** Of a large matrix with the usual block size, scales included. */
  bitsPerWeight: z.number().positive(),
  /** False where every weight stays as it was published: what the others are measured against. */
  isQuantized: z.boolean(),
  /** Block sizes that may be chosen, best first; empty where there is no choice. 0: one scale per row. */
  blockSizes: z.array(z.int().nonnegative()),
  /** Place among those that are offered first, from 0; null: not among them. */
  recommendation: z.int().nonnegative().nullable(),
  /** Whether transformers loads what is made. */
  isReadElsewhere: z.boolean(),
});
export type SchemeDescription = z.infer<typeof schemeDescriptionSchema>;

/** What is known of schemes, by name. */
export type Schemes = ReadonlyMap<string, SchemeDescription>;

/** Whether the weights are the published ones; not of a scheme that nothing is known of. */
export function keepsWeights(schemes: Schemes, scheme: string): boolean {
  return schemes.get(scheme)?.isQuantized === false;
}

/** The classes that a person chooses among, by the bits of a code. */
export type BitsClass = 16 | 8 | 4;

/** Up to 4.5 bits count as 4, up to 12 as 8. */
export function bitsClassOf({ bits }: Pick<SchemeDescription, 'bits'>): BitsClass {
  if (bits > 12) return 16;
  return bits > 4.5 ? 8 : 4;
}

/** Recommended ones first, in their order; the others as they come. */
export function byRecommendation(a: SchemeDescription, b: SchemeDescription): number {
  const place = ({ recommendation }: SchemeDescription): number =>
    recommendation ?? Number.MAX_SAFE_INTEGER;
  return place(a) - place(b);
}

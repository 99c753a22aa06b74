import { z } from 'zod';

/** `counts[i]` values lie in [edges[i], edges[i + 1]); the last bin includes its upper edge. */
export const histogramSchema = z.object({
  edges: z.array(z.number()),
  counts: z.array(z.int().nonnegative()),
});
export type Histogram = z.infer<typeof histogramSchema>;

/** One tensor up close: what its weights look like and where the levels of its codebook fall. */
export const tensorViewSchema = z.object({
  name: z.string(),
  shape: z.array(z.int().nonnegative()),
  /** Which weights were counted: the checkpoint's, or the artifact's dequantized where the checkpoint is gone. */
  source: z.enum(['checkpoint', 'artifact']),
  weights: histogramSchema,
  /** Each weight divided by the absmax of its block, -1..1. Null where the tensor was kept. */
  normalized: histogramSchema.nullable(),
  /** The codebook's levels on the same axis as `normalized`; of 8-bit schemes every one of the 255 or 256. */
  levels: z.array(z.number()),
  absmax: z
    .object({ histogram: histogramSchema, least: z.number(), median: z.number(), most: z.number() })
    .nullable(),
  /** One block as an example: the one whose absmax is the median. `codes` index `levels`. */
  block: z
    .object({
      index: z.int().nonnegative(),
      absmax: z.number(),
      weights: z.array(z.number()),
      restored: z.array(z.number()),
    })
    .nullable(),
  /** Input channels (columns): the largest magnitude in each, at most 1024 values, each the largest of its span. */
  channels: z.object({
    count: z.int().nonnegative(),
    span: z.int().positive(),
    absmax: z.array(z.number()),
    /** Columns far above the others: more than six times the median column. At most 32, largest first. */
    outliers: z.array(z.object({ column: z.int().nonnegative(), absmax: z.number() })),
  }),
});
export type TensorView = z.infer<typeof tensorViewSchema>;

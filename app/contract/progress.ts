import { z } from 'zod';

/**
 * What a long operation is doing. `done` and `total` are in `unit`; `total` is null until it is known. Progress never
 * goes backwards within one `step`.
 */
export const progressSchema = z.object({
  /** Stable identity of the step: a file name, an artifact id. */
  step: z.string(),
  kind: z.enum(['list', 'download', 'verify', 'quantize', 'load', 'evaluate', 'compare', 'paused']),
  /** What is being worked on now, e.g. a tensor's name. */
  detail: z.string().nullable(),
  unit: z.enum(['bytes', 'tensors', 'tokens', 'files', 'items']),
  done: z.number().nonnegative(),
  total: z.number().nonnegative().nullable(),
  /** Units per second over the last seconds; null while unknown. */
  rate: z.number().nullable(),
  secondsLeft: z.number().nullable(),
});
export type Progress = z.infer<typeof progressSchema>;

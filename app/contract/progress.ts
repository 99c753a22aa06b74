import { z } from 'zod';
import { schemeNameSchema } from './scheme.ts';

/**
 * What a long operation is doing. `done` and `total` are in `unit`; `total` is null until it is known. Progress never
 * goes backwards within one `step`.
 */
export const progressSchema = z.object({
  /** Stable identity of the step: a file name, an artifact id. */
  step: z.string(),
  kind: z.enum(['list', 'download', 'verify', 'quantize', 'load', 'evaluate', 'compare', 'paused']),
  /** What the step does within a job, and for which scheme; ids of artifacts have any name. Absent outside of jobs. */
  task: z
    .object({
      kind: z.enum(['download', 'quantize', 'evaluate', 'verify']),
      scheme: schemeNameSchema.nullable(),
    })
    .optional(),
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

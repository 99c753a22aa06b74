import { z } from 'zod';

/**
 * What a long operation is doing, as data: hosts word it, and nobody takes a name apart to find out. `done` and `total` are
 * in `unit`; `total` is null until it is known. Progress never goes backwards within one `step`.
 */
export const progressSchema = z.object({
  /** Tells the steps of one operation apart, and means nothing else. */
  step: z.string(),
  phase: z.enum(['list', 'download', 'verify', 'quantize', 'load', 'evaluate', 'compare']),
  /** True while it waits for disk space; `detail` says what for. */
  isPaused: z.boolean(),
  /** What a person calls that which is worked on: a repository, a folder, an artifact. */
  subject: z.string(),
  /** Id of the artifact that is made, loaded, measured or verified; of several, the one worked on last. Null when there is none. */
  artifact: z.string().nullable(),
  /** Id of the quantization format that is made or that the artifact has; one of a newer Nibble is kept. */
  format: z.string().nullable(),
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

import { z } from 'zod';
import { deviceTrialSchema } from './device.ts';
import { wireErrorSchema } from './error.ts';
import { loadedModelSchema, runnerMemorySchema } from './runner-api.ts';

/** A model that the engine holds in a runner, or tried to. */
export const heldModelSchema = z.object({
  artifactId: z.string(),
  /** `crashed`: its process died; `error` says how, and loading it again is safe. */
  state: z.enum(['loading', 'ready', 'answering', 'crashed']),
  /** Bytes resident while loading, out of `expectedBytes`: what a loading bar shows. */
  memory: runnerMemorySchema.nullable(),
  expectedBytes: z.int().nonnegative(),
  /** While devices are tried before the model is loaded. */
  trial: deviceTrialSchema.nullable(),
  loaded: loadedModelSchema.nullable(),
  error: wireErrorSchema.omit({ stack: true }).nullable(),
});
export type HeldModel = z.infer<typeof heldModelSchema>;

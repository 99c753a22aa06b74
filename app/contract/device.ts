import { z } from 'zod';

/** Where a loaded model computes. `webgpu` is any vendor's GPU (Vulkan, Metal, Direct3D 12), `cuda` an NVIDIA one. */
export const runDeviceSchema = z.enum(['cpu', 'webgpu', 'cuda']);
export type RunDevice = z.infer<typeof runDeviceSchema>;

/** The reason for the CPU on a computer without a GPU: nothing that needs to be said. */
export const NO_GPU = 'No GPU was found.';

/**
 * Where a person wants a model to compute. `auto` takes a GPU where the model fits on it and was measured to answer
 * faster there, else the CPU.
 */
export const requestedDeviceSchema = z.enum(['auto', ...runDeviceSchema.options]);
export type RequestedDevice = z.infer<typeof requestedDeviceSchema>;

/** What is being found out before `auto` chooses: how fast a device computes this model, and whether it does so rightly. */
export const deviceTrialSchema = z.object({
  /** The device that has its turn; the CPU's comes last. */
  device: runDeviceSchema,
  /** Steps of this turn: loading, a comparison, timed runs. The total is null until the first is done. */
  done: z.int().nonnegative(),
  total: z.int().positive().nullable(),
  /** Until this turn is over, roughly; null while nobody can tell. */
  secondsLeft: z.number().nonnegative().nullable(),
});
export type DeviceTrial = z.infer<typeof deviceTrialSchema>;

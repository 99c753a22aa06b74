import { z } from 'zod';

/** Where a loaded model computes. `webgpu` is any vendor's GPU (Vulkan, Metal, Direct3D 12), `cuda` an NVIDIA one. */
export const runDeviceSchema = z.enum(['cpu', 'webgpu', 'cuda']);
export type RunDevice = z.infer<typeof runDeviceSchema>;

/**
 * Where a person wants a model to compute. `auto` takes a GPU where the model fits on it and was measured to answer
 * faster there, else the CPU.
 */
export const deviceWishSchema = z.enum(['auto', ...runDeviceSchema.options]);
export type DeviceWish = z.infer<typeof deviceWishSchema>;

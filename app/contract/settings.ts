import { z } from 'zod';
import { presetSchema } from './conversation.ts';
import { requestedDeviceSchema } from './device.ts';
import { cacheTypeSchema } from './sampling.ts';
import { MOST_SCHEMES, schemeNameSchema } from './scheme.ts';

/** What a person can set; kept in the catalog. The hub token is not among them: it lies where the host keeps secrets. */
export const settingsSchema = z.object({
  theme: z.enum(['system', 'light', 'dark']),
  language: z.enum(['system', 'en', 'de']),
  /** Null: HF_ENDPOINT, or the public hub. */
  hubEndpoint: z
    .url({ protocol: /^https?$/ })
    .max(2000)
    .nullable(),
  /** Threads of a runner and of quantizing; null: as many as there are cores. */
  threads: z.int().min(1).max(1024).nullable(),
  /** Where a chat computes. */
  device: requestedDeviceSchema,
  /** What the wizard has ticked when it opens; where nobody chose, the engine's recommendation. */
  defaultSchemes: z.array(schemeNameSchema).max(MOST_SCHEMES),
  /** Tokens that a chat's KV cache may hold; null: the model's own limit, at most 8192. */
  contextLength: z.int().min(128).max(1_000_000).nullable(),
  /** What keeps a chat's context where the processor computes; GPUs know only f16, so with int8 `auto` means the CPU. */
  cacheType: cacheTypeSchema.exclude(['f32']),
  /** Models that stay loaded at once; the one used longest ago goes first. */
  heldModels: z.int().min(1).max(8),
  /** Measure perplexity after making. */
  measureAfterMaking: z.boolean(),
  notifications: z.boolean(),
  presets: z.array(presetSchema).max(200),
});
export type Settings = z.infer<typeof settingsSchema>;

export const defaultSettings: Settings = {
  theme: 'system',
  language: 'system',
  hubEndpoint: null,
  threads: null,
  device: 'auto',
  defaultSchemes: [],
  contextLength: null,
  cacheType: 'f16',
  heldModels: 2,
  measureAfterMaking: false,
  notifications: true,
  presets: [],
};

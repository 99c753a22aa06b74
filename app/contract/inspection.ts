import { z } from 'zod';
import { errorDescriptionSchema } from './error.ts';
import { schemeNameSchema } from './scheme.ts';

/**
 * The source that names the small chat model which comes with Nibble and needs no network. The colon keeps it apart from
 * every name that a hub or a folder can have.
 */
export const SAMPLE_SOURCE = 'nibble:sample';

const fitsSchema = z.enum(['yes', 'tight', 'no']);

/** What one scheme would make of a checkpoint, computed from its headers alone. */
export const schemeSizeSchema = z.object({
  scheme: schemeNameSchema,
  blockSize: z.int().nullable(),
  /** Exact bytes of the weights file(s) that quantizing would write, header included. */
  weightsBytes: z.int().nonnegative(),
  /** Bytes of the file with the 8-bit copy of the output layer beside it; 0 where none is made. */
  outputLayerCopyBytes: z.int().nonnegative(),
  bitsPerWeight: z.number(),
  quantizedTensors: z.int().nonnegative(),
  keptTensors: z.int().nonnegative(),
  /** Memory to run it with the given context: what is read of the weights + KV cache + working memory, an estimate. */
  memoryBytes: z.int().nonnegative(),
  fits: fitsSchema,
  /** The same where the copy of the output layer is left away. */
  withoutCopy: z.object({ memoryBytes: z.int().nonnegative(), fits: fitsSchema }),
});
export type SchemeSize = z.infer<typeof schemeSizeSchema>;

export const inspectionSchema = z.object({
  source: z.string(),
  repository: z.string().nullable(),
  commit: z.string().nullable(),
  directory: z.string().nullable(),
  architecture: z.string(),
  /** False when Nibble can quantize it but has no graph for it, and where there is an obstacle. */
  runnable: z.boolean(),
  /** Why it can be neither quantized nor run; then `schemes` is empty. */
  obstacle: errorDescriptionSchema.nullable(),
  /**
   * What a person should know of a model that runs. `own-output-layer`: its config.json says that embeddings and output
   * layer are one, but its files hold an output layer, which is used. `text-only`: it also sees or hears, but only what is
   * written to it is understood here.
   */
  notes: z.array(z.enum(['own-output-layer', 'text-only'])),
  license: z.string().nullable(),
  gated: z.boolean(),
  parameters: z.int().nonnegative(),
  /** Those of the text model among them, which is what is quantized and run. */
  textParameters: z.int().nonnegative(),
  /** Those among them that one token goes through: of a mixture the chosen experts' and all others. */
  activeParameters: z.int().nonnegative(),
  /** Bytes that each token of a conversation takes of memory (keys and values in float16); 0 where it cannot run. */
  cacheBytesPerToken: z.int().nonnegative(),
  /** Bytes of what layers with a state remember, however long a conversation is; 0 for a model without such layers. */
  stateBytes: z.int().nonnegative(),
  dtypes: z.record(z.string(), z.int().nonnegative()),
  layers: z.int().nullable(),
  hiddenSize: z.int().nullable(),
  vocabularySize: z.int().nullable(),
  contextLength: z.int().nullable(),
  hasTokenizer: z.boolean(),
  hasChatTemplate: z.boolean(),
  /** Bytes to download (all files that a pull takes), and bytes of the weights among them. */
  downloadBytes: z.int().nonnegative(),
  weightsBytes: z.int().nonnegative(),
  /** Bytes that were transferred to find all this out; 0 for a local folder. */
  inspectedBytes: z.int().nonnegative(),
  schemes: z.array(schemeSizeSchema),
});
export type Inspection = z.infer<typeof inspectionSchema>;

export const modelSummarySchema = z.object({
  repository: z.string(),
  downloads: z.int().nonnegative(),
  likes: z.int().nonnegative(),
  gated: z.boolean(),
  task: z.string().nullable(),
  updatedAt: z.string().nullable(),
});
export type ModelSummary = z.infer<typeof modelSummarySchema>;

/** What this computer can do; filled by `nibble doctor`. */
export const doctorSchema = z.object({
  versions: z.record(z.string(), z.string()),
  platform: z.string(),
  processor: z.object({
    model: z.string(),
    cores: z.int().positive(),
    isa: z.string(),
    features: z.array(z.string()),
  }),
  memory: z.object({ totalBytes: z.int(), freeBytes: z.int() }),
  gpus: z.array(
    z.object({
      name: z.string(),
      memoryBytes: z.int().nullable(),
      /** CUDA's number for what a card can do, e.g. `9.0`. */
      computeCapability: z.string().nullable(),
      /** CUDA version of its driver. */
      driver: z.string().nullable(),
    }),
  ),
  /** Why `gpus` is empty, or why they are not used. */
  gpuNote: z.string().nullable(),
  providers: z.array(z.string()),
  home: z.object({
    directory: z.string(),
    writable: z.boolean(),
    freeBytes: z.int().nullable(),
    usedBytes: z.int(),
  }),
  endpoint: z.string(),
  hasToken: z.boolean(),
  problems: z.array(z.string()),
});
export type Doctor = z.infer<typeof doctorSchema>;

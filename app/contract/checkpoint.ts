import { z } from 'zod';
import { cacheTypeSchema } from './sampling.ts';
import { schemeNameSchema } from './scheme.ts';

/** Element types of safetensors files that Nibble reads. */
export const dtypes = [
  'BOOL',
  'U8',
  'I8',
  'F8_E5M2',
  'F8_E4M3',
  'I16',
  'U16',
  'F16',
  'BF16',
  'I32',
  'U32',
  'F32',
  'F64',
  'I64',
  'U64',
] as const;
export const dtypeSchema = z.enum(dtypes);
export type Dtype = z.infer<typeof dtypeSchema>;

/** Bytes of one element. */
export const dtypeBytes: Readonly<Record<Dtype, number>> = {
  BOOL: 1,
  U8: 1,
  I8: 1,
  F8_E5M2: 1,
  F8_E4M3: 1,
  I16: 2,
  U16: 2,
  F16: 2,
  BF16: 2,
  I32: 4,
  U32: 4,
  F32: 4,
  F64: 8,
  I64: 8,
  U64: 8,
};

/** Where a tensor lies: `byteOffset` counts from the start of `file`, which is a bare name within the folder. */
export const tensorInfoSchema = z.object({
  name: z.string(),
  dtype: dtypeSchema,
  shape: z.array(z.int().nonnegative()),
  file: z.string(),
  byteOffset: z.int().nonnegative(),
  byteLength: z.int().nonnegative(),
});
export type TensorInfo = z.infer<typeof tensorInfoSchema>;

/** Where a checkpoint came from. `commit` is the full hash the revision was pinned to; null for a local folder. */
export const originSchema = z.object({
  repository: z.string().nullable(),
  revision: z.string().nullable(),
  commit: z.string().nullable(),
  endpoint: z.string().nullable(),
});
export type Origin = z.infer<typeof originSchema>;

/** A checkpoint in the catalog: downloaded, or a folder of the person's own that Nibble reads but never changes. */
export const checkpointSchema = z.object({
  id: z.string(),
  name: z.string(),
  directory: z.string(),
  origin: originSchema,
  architecture: z.string(),
  parameters: z.int().nonnegative(),
  sizeBytes: z.int().nonnegative(),
  license: z.string().nullable(),
  /** False for a folder of the person's own: removing the row must not delete its files. */
  owned: z.boolean(),
  createdAt: z.string(),
});
export type Checkpoint = z.infer<typeof checkpointSchema>;

/** What quantizing cost one tensor; all in units of the weights, SQNR in dB, cosine of the angle between old and new. */
export const tensorStatisticsSchema = z.object({
  name: z.string(),
  dtype: dtypeSchema,
  shape: z.array(z.int().nonnegative()),
  /** 'kept' when the tensor stayed as it was; `reason` then says why. */
  treatment: z.enum(['quantized', 'kept']),
  reason: z.string().nullable(),
  blockSize: z.int().nullable(),
  numel: z.int().nonnegative(),
  storedBytes: z.int().nonnegative(),
  bitsPerWeight: z.number(),
  /** Null, like the errors below, where nobody measured it: another program quantized the tensor. */
  rmsError: z.number().nullable(),
  /** RMS error divided by the RMS of the original weights. */
  relativeError: z.number().nullable(),
  maxError: z.number().nullable(),
  /** Null also when there is no error to speak of (kept tensors): the ratio would be infinite. */
  sqnrDb: z.number().nullable(),
  cosine: z.number().nullable(),
  /**
   * Over the stored bytes of this tensor and of those that belong to it, in the order of their offsets. Where the weights' hash is of
   * the kind `sha256-tensors-1`: sha256 of a line with the tree hash of each; else sha256 of the bytes.
   */
  sha256: z.string(),
});
export type TensorStatistics = z.infer<typeof tensorStatisticsSchema>;

/**
 * How the hash of a file is made: `sha256` of its bytes, or `sha256-tensors-1` of a safetensors file's header and tensors
 * (app/digest/README.md).
 */
export const hashKindSchema = z.enum(['sha256', 'sha256-tensors-1']);
export type HashKind = z.infer<typeof hashKindSchema>;

/** Totals over an artifact. `quantized…` count only the tensors that were quantized. */
export const artifactTotalsSchema = z.object({
  parameters: z.int().nonnegative(),
  quantizedParameters: z.int().nonnegative(),
  /** Bits per weight over the quantized tensors, scales included. */
  quantizedBitsPerWeight: z.number(),
  /** Bits per weight over the whole model. */
  bitsPerWeight: z.number(),
  /** Over all quantized weights together; null when nothing was quantized, or nobody measured it. */
  sqnrDb: z.number().nullable(),
  /** Null where nobody measured it: another program quantized the weights. */
  relativeError: z.number().nullable(),
});
export type ArtifactTotals = z.infer<typeof artifactTotalsSchema>;

/** Whether the loss of an artifact or a tensor is a number, none at all, or unknown. */
export function lossKind({
  sqnrDb,
  relativeError,
}: Pick<ArtifactTotals, 'sqnrDb' | 'relativeError'>): 'measured' | 'exact' | 'unknown' {
  if (sqnrDb !== null) return 'measured';
  return relativeError === null ? 'unknown' : 'exact';
}

/**
 * The runner's 8-bit copy of the output layer (lm_head, or the embeddings where they are tied), which the fast mode reads
 * in its place. Errors as in `tensorStatisticsSchema`.
 */
export const outputLayerCopySchema = z.object({
  /** The tensor that it is a copy of. */
  tensor: z.string().min(1).max(512),
  scheme: schemeNameSchema,
  blockSize: z.int().positive(),
  /** Bytes of the file that holds it and nothing else, header included. */
  sizeBytes: z.int().positive(),
  /** Hash of that file; its kind is listed with the artifact's files. */
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
  rmsError: z.number().nonnegative(),
  relativeError: z.number().nonnegative(),
  maxError: z.number().nonnegative(),
  sqnrDb: z.number().nullable(),
});
export type OutputLayerCopy = z.infer<typeof outputLayerCopySchema>;

/** A quantized (or kept) model in the catalog, ready to run. */
export const artifactSchema = z.object({
  id: z.string(),
  checkpointId: z.string(),
  name: z.string(),
  scheme: schemeNameSchema,
  blockSize: z.int().nullable(),
  directory: z.string(),
  /**
   * Where running keeps graphs and measured hashes of a folder of the person's own, which is never written to and never
   * deleted; absent for what Nibble made, which has them beside the weights.
   */
  recordsDirectory: z.string().optional(),
  architecture: z.string(),
  /** Bytes of the whole folder. */
  sizeBytes: z.int().nonnegative(),
  /** Bytes of the weights alone, without the copy of the output layer. */
  weightsBytes: z.int().nonnegative(),
  /** Null where there is none: made without it or before there was one, or of a scheme that keeps all weights. */
  outputLayerCopy: outputLayerCopySchema.nullable(),
  /** Bytes of the same tensors as they were in the checkpoint. */
  sourceBytes: z.int().nonnegative(),
  /** The weights fingerprint, of all that takes part in answers, as recorded (docs/weights-fingerprint.md). */
  weightsSha256: z.string(),
  totals: artifactTotalsSchema,
  /** Null where another program made it. */
  quantizeMs: z.number().nullable(),
  createdAt: z.string(),
});
export type Artifact = z.infer<typeof artifactSchema>;

/** Bytes on the disk of all that holds weights: the artifact's own and the copy of the output layer. */
export function storedWeightsBytes({
  weightsBytes,
  outputLayerCopy,
}: Pick<Artifact, 'weightsBytes' | 'outputLayerCopy'>): number {
  return weightsBytes + (outputLayerCopy?.sizeBytes ?? 0);
}

/** A perplexity measurement, with divergence from a reference artifact where one was given. */
export const evaluationSchema = z.object({
  id: z.int(),
  artifactId: z.string(),
  referenceId: z.string().nullable(),
  /** Fingerprints of the weights that were measured, all of them read and found right; null from before they were. */
  weightsSha256: z.string().nullable(),
  referenceWeightsSha256: z.string().nullable(),
  textName: z.string(),
  textSha256: z.string(),
  tokens: z.int().nonnegative(),
  windowTokens: z.int().positive(),
  mode: z.enum(['fast', 'exact']),
  /** What kept the context where a person chose another type than the mode's own. */
  cacheType: cacheTypeSchema.nullable(),
  perplexity: z.number(),
  /** Standard error of the perplexity, from the per-token losses. */
  perplexityError: z.number(),
  meanKl: z.number().nullable(),
  p99Kl: z.number().nullable(),
  /** Share of positions where both choose the same most likely token, 0..1. */
  topAgreement: z.number().nullable(),
  createdAt: z.string(),
});
export type Evaluation = z.infer<typeof evaluationSchema>;

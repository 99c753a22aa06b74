import { z } from 'zod';

/**
 * How sure it is that the weights behind a fingerprint are the ones that it names.
 *
 * `verified`: their bytes were hashed and nobody has written to their files since, as far as the file system tells.
 * `checking`: the fingerprint is the recorded one; hashing goes on in the background or is yet to begin.
 * `unverified`: the files were written to while the answer was given, or turned out to hold something else.
 */
export const weightsCheckSchema = z.enum(['verified', 'checking', 'unverified']);
export type WeightsCheck = z.infer<typeof weightsCheckSchema>;

/** Which weights spoke. */
export const spokenWeightsSchema = z.object({
  /** The weights fingerprint (docs/weights-fingerprint.md). */
  weightsSha256: z.string(),
  weightsCheck: weightsCheckSchema,
});
export type SpokenWeights = z.infer<typeof spokenWeightsSchema>;

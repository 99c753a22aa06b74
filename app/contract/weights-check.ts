import { z } from 'zod';
import type { Artifact } from './checkpoint.ts';
import { AppError, because } from './error.ts';

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

/** The error for an artifact whose folder holds other weights than the catalog says. @param found their fingerprint */
export function otherWeights(
  { id, name, directory, weightsSha256 }: Artifact,
  found: string,
): AppError {
  return new AppError(
    'checksum-mismatch',
    `The folder of ${id} holds other weights than the catalog says (${found.slice(0, 12)} instead of ${weightsSha256.slice(0, 12)}).`,
    because(
      'weights-of-another',
      { artifact: name, folder: directory, found, expected: weightsSha256 },
      { remedy: 'Verify the model in the library, or make it again from its checkpoint.' },
    ),
  );
}

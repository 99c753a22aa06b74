import type { Artifact } from './checkpoint.ts';
import { AppError, because } from './error.ts';

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

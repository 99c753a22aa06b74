import { lossKind, type ArtifactTotals } from '../../../app/contract/checkpoint.ts';
import { formatDecibels } from '../../../app/contract/format.ts';

/** What stands where nobody measured what quantizing cost. */
export const NOT_MEASURED = 'not measured';

/** What quantizing cost an artifact or a tensor, for a table. */
export function lossWords(loss: Pick<ArtifactTotals, 'sqnrDb' | 'relativeError'>): string {
  if (loss.sqnrDb !== null) return formatDecibels(loss.sqnrDb);
  return lossKind(loss) === 'unknown' ? NOT_MEASURED : 'exact';
}

import type { JobRequest } from '../../../app/contract/job.ts';
import type { SchemeName, Schemes } from '../../../app/contract/scheme.ts';
import { commonBlockSizes } from './plan.ts';

/** What is folded away: all of it may be left as it is. */
export interface Options {
  /** Null: the usual one of each scheme. */
  readonly blockSize: number | null;
  /** Whether the fast mode gets its 8-bit copy of the output layer. */
  readonly outputLayerCopy: boolean;
  readonly name: string;
  /** As typed; empty: as the settings say. */
  readonly threads: string;
  readonly measure: boolean;
}

/** More threads than any machine has: what a slip of the finger looks like. */
export const MAX_THREADS = 1024;

/** The number typed, null for an empty field, `invalid` for what is no number of threads. */
export function readThreads(text: string): number | null | 'invalid' {
  const trimmed = text.trim();
  if (trimmed === '') return null;
  if (!/^\d{1,4}$/.test(trimmed)) return 'invalid';
  const threads = Number(trimmed);
  return threads >= 1 && threads <= MAX_THREADS ? threads : 'invalid';
}

/** The job that these choices ask for; null while one of them is invalid. What does not apply to the choice is left out. */
export function requestFor(
  source: string,
  chosen: readonly SchemeName[],
  options: Options,
  known: Schemes,
): JobRequest | null {
  const threads = readThreads(options.threads);
  if (threads === 'invalid') return null;
  const name = options.name.trim();
  const { blockSize } = options;
  return {
    kind: 'make',
    source,
    schemes: [...chosen],
    device: 'auto',
    measure: options.measure && chosen.length > 0,
    ...(blockSize !== null && commonBlockSizes(chosen, known).includes(blockSize)
      ? { blockSize }
      : {}),
    ...(options.outputLayerCopy ? {} : { outputLayerCopy: false }),
    ...(name !== '' && chosen.length === 1 ? { name } : {}),
    ...(threads === null ? {} : { threads }),
  };
}

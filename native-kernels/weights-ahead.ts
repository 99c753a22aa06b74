import { loadAddon } from './addon.ts';

/** A run of bytes of a file of weights. */
export interface WeightRange {
  readonly path: string;
  readonly begin: number;
  /** What lies behind the end of the file is left out. */
  readonly end: number;
}

interface WeightsAddon {
  weightsAhead(ranges: readonly WeightRange[]): object;
  weightsRelease(handle: object): void;
}

/**
 * Begins to map the pages of weights on another thread: whoever will open a model on them soon has other things to do
 * until then. Only what lies in memory anyway is mapped. What goes wrong here, `Model.open` says.
 *
 * @param ranges in the order in which they will be read
 * @returns lets go of the files; to be called when the model is open, which holds them itself then
 */
export function mapWeightsAhead(ranges: readonly WeightRange[]): () => void {
  try {
    const addon = loadAddon() as WeightsAddon;
    const handle = addon.weightsAhead(ranges);
    return () => {
      addon.weightsRelease(handle);
    };
  } catch {
    return () => undefined;
  }
}

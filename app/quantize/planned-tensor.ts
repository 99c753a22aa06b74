import type { FloatDtype, OutputTensor } from '../formats/index.ts';
import type { ModelTensor } from '../models/index.ts';

interface PlannedBase {
  /** Of an expert its part of the file's tensor, where that holds all of them. */
  readonly source: ModelTensor;
  readonly numel: number;
  readonly outputs: readonly OutputTensor[];
  /** Bits of codes and scales per weight; the constant tables of a format are not counted. */
  readonly bitsPerWeight: number;
}

/** What will be done with one tensor of the checkpoint. */
export type PlannedTensor =
  | (PlannedBase & { readonly treatment: 'kept'; readonly reason: string })
  | (PlannedBase & {
      readonly treatment: 'quantized';
      readonly dtype: FloatDtype;
      /** 0: one scale per row. Null where the scheme has no blocks. */
      readonly blockSize: number | null;
    });

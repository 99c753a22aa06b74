import type { TensorInfo } from '../contract/checkpoint.ts';
import type { FloatDtype, OutputTensor } from '../formats/index.ts';

interface PlannedBase {
  readonly source: TensorInfo;
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

import type { WeightFormat } from '../format.ts';
import { affine } from './affine.ts';

/** The scheme of the runner's copy of an output layer too (app/quantize/runtime-head.ts). */
export const SYMMETRIC_INT8 = 'int8-absmax';

/** 0: one scale per row. Larger blocks lose more than they save. */
const INT8_BLOCK_SIZES = [0, 32, 64, 128, 256] as const;

export const affineFormats: readonly WeightFormat[] = [
  affine(
    { mode: 'absmax', bits: 8 },
    {
      name: SYMMETRIC_INT8,
      label: 'int8 absmax',
      explanation:
        'Eight bits per weight, symmetric: the largest magnitude of a row or block becomes 127.',
      blockSizes: [...INT8_BLOCK_SIZES],
      recommendation: null,
    },
  ),
  affine(
    { mode: 'zero-point', bits: 8 },
    {
      name: 'int8-zeropoint',
      label: 'int8 zero-point',
      explanation:
        'Eight bits per weight, asymmetric: the smallest value of a row or block becomes -128 and the largest 127.',
      blockSizes: [...INT8_BLOCK_SIZES],
      recommendation: null,
    },
  ),
  affine(
    { mode: 'zero-point', bits: 4 },
    {
      name: 'int4',
      label: 'int4',
      explanation:
        'Four bits per weight, evenly spaced levels between the smallest and largest value of a block.',
      blockSizes: [64, 32, 128, 256],
      recommendation: null,
    },
  ),
];

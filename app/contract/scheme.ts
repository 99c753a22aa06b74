import { z } from 'zod';

/** The ways Nibble can store a checkpoint's linear layers. `bf16` keeps the original 16-bit (or 32-bit) weights. */
export const schemeNames = [
  'bf16',
  'llm-int8',
  'int8-absmax',
  'int8-zeropoint',
  'nf4',
  'nf4-dq',
  'fp4',
  'fp4-dq',
  'int4',
] as const;

export const schemeNameSchema = z.enum(schemeNames);
export type SchemeName = z.infer<typeof schemeNameSchema>;

export interface SchemeDescription {
  readonly name: SchemeName;
  /** Short name for tables and buttons. */
  readonly label: string;
  /** One sentence for someone who has not met the term. */
  readonly explanation: string;
  /** Nominal bits of a code: 16, 8 or 4. Real bits per weight include the scales. */
  readonly bits: 16 | 8 | 4;
  /** False where every weight stays as it was published. */
  readonly isQuantized: boolean;
  /**
   * Block sizes that may be chosen, best first; empty where the scheme has none. For affine schemes 0 means one scale
   * per row.
   */
  readonly blockSizes: readonly number[];
}

const fourBitBlockSizes = [64, 32, 128, 256, 512, 1024, 2048, 4096] as const;

export const schemes: Readonly<Record<SchemeName, SchemeDescription>> = {
  bf16: {
    name: 'bf16',
    label: '16 bit',
    explanation:
      'The weights as they were published: the reference that the others are measured against.',
    bits: 16,
    isQuantized: false,
    blockSizes: [],
  },
  'llm-int8': {
    name: 'llm-int8',
    label: 'LLM.int8',
    explanation:
      'Eight bits per weight with one scale per row; the few activation columns that are very large are multiplied in full precision.',
    bits: 8,
    isQuantized: true,
    blockSizes: [],
  },
  'int8-absmax': {
    name: 'int8-absmax',
    label: 'int8 absmax',
    explanation:
      'Eight bits per weight, symmetric: the largest magnitude of a row or block becomes 127.',
    bits: 8,
    isQuantized: true,
    blockSizes: [0, 32, 64, 128, 256],
  },
  'int8-zeropoint': {
    name: 'int8-zeropoint',
    label: 'int8 zero-point',
    explanation:
      'Eight bits per weight, asymmetric: the smallest value of a row or block becomes -128 and the largest 127.',
    bits: 8,
    isQuantized: true,
    blockSizes: [0, 32, 64, 128, 256],
  },
  nf4: {
    name: 'nf4',
    label: 'NF4',
    explanation:
      'Four bits per weight, with sixteen levels placed where normally distributed weights are dense.',
    bits: 4,
    isQuantized: true,
    blockSizes: fourBitBlockSizes,
  },
  'nf4-dq': {
    name: 'nf4-dq',
    label: 'NF4 + DQ',
    explanation: 'NF4 whose scales are themselves stored in eight bits (double quantization).',
    bits: 4,
    isQuantized: true,
    blockSizes: fourBitBlockSizes,
  },
  fp4: {
    name: 'fp4',
    label: 'FP4',
    explanation: 'Four bits per weight as a tiny floating-point number.',
    bits: 4,
    isQuantized: true,
    blockSizes: fourBitBlockSizes,
  },
  'fp4-dq': {
    name: 'fp4-dq',
    label: 'FP4 + DQ',
    explanation: 'FP4 whose scales are themselves stored in eight bits (double quantization).',
    bits: 4,
    isQuantized: true,
    blockSizes: fourBitBlockSizes,
  },
  int4: {
    name: 'int4',
    label: 'int4',
    explanation:
      'Four bits per weight, evenly spaced levels between the smallest and largest value of a block.',
    bits: 4,
    isQuantized: true,
    blockSizes: [64, 32, 128, 256],
  },
};

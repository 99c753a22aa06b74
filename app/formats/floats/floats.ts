import type { WeightFormat } from '../format.ts';

/** The weights as they were published, of 16 bits or more. */
export const published: WeightFormat = {
  name: 'bf16',
  label: '16 bit',
  explanation:
    'The weights as they were published: the reference that the others are measured against.',
  family: 'floats',
  bits: 16,
  blockSizes: [],
  recommendation: null,
  bitsPerWeight: () => 16,
  quantizer: null,
  roundingRule: 'none: the weights are the published ones',
  config: () => null,
  isReadElsewhere: false,
};

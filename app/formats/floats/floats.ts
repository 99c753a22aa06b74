import type { WeightFormat } from '../format.ts';

/** The weights as they were published. */
export const published: WeightFormat = {
  quantizer: null,
  roundingRule: 'none: the weights are the published ones',
  config: () => null,
  isReadElsewhere: false,
};

import { z } from 'zod';
import { fusedMatrices } from './blocks.ts';
import type { GatedNorm, Mamba2 } from './decoder.ts';
import { contradiction, readFields, unsupportedFeature } from './fields.ts';

/** Mamba 2's block, as several families have it: one matrix for gate, values, keys, queries and steps. */

/** More than any model's convolution looks at. */
const MAX_TAPS = 64;
export const taps = z.int().positive().max(MAX_TAPS);

/** Python writes what JSON has no number for as an object, or as text. */
const bound = z.union([
  z.number(),
  z.object({ __float__: z.string() }).transform(({ __float__: text }) => Number(text)),
  z.string().transform((text) => Number(text.replace(/^inf$/i, 'Infinity'))),
]);
const limitSchema = z.looseObject({ time_step_limit: z.tuple([bound, bound]).nullish() });

/** `time_step_limit`: what steps are kept within. */
export function readStepLimit(config: unknown): Pick<Mamba2, 'leastStep' | 'largestStep'> {
  const [least, largest] = readFields(limitSchema, config).time_step_limit ?? [0, Infinity];
  if (Number.isNaN(least) || Number.isNaN(largest) || least === Infinity || largest < least)
    throw contradiction('time_step_limit', [least, largest], 'its bounds of steps are none.');
  return { leastStep: Math.max(least, 0), largestStep: largest === Infinity ? null : largest };
}

/** The sizes of a block, and what else its config says. */
export interface Mamba2Sizes {
  readonly hiddenSize: number;
  readonly heads: number;
  readonly groups: number;
  readonly stateDimension: number;
  readonly headDimension: number;
  readonly taps: number;
  readonly bias: boolean;
  readonly outputBias: boolean;
  readonly convolutionBias: boolean;
  readonly limit: Pick<Mamba2, 'leastStep' | 'largestStep'>;
}

/** @throws AppError `malformed-file` for heads that cannot share their keys */
export function requireGroups({ heads, groups }: Pick<Mamba2Sizes, 'heads' | 'groups'>): void {
  if (heads % groups !== 0)
    throw contradiction('n_groups', groups, `${heads} heads cannot share ${groups} groups.`);
}

/** The activation behind the convolution. @throws AppError `unsupported-model` for another than silu */
export function requireSilu(field: string, name: string | null | undefined): void {
  if (name === null || name === undefined || name === 'silu' || name === 'swish') return;
  throw unsupportedFeature(
    field,
    name,
    `config.json: convolutions with the activation ${JSON.stringify(name.slice(0, 64))} are not supported.`,
  );
}

/** A norm whose weight has an element for each of all groups. */
export function groupedNorm(
  module: string,
  { heads, headDimension, groups }: Mamba2Sizes,
  own: Pick<GatedNorm, 'epsilon' | 'isGateFirst'>,
): GatedNorm {
  const width = heads * headDimension;
  return { module, group: width / groups, width, ...own };
}

/** @param module Its path; its tensors lie within. @param norm Null where the gate alone multiplies. */
export function mamba2Of(module: string, sizes: Mamba2Sizes, norm: GatedNorm | null): Mamba2 {
  const { hiddenSize, heads, groups, stateDimension, headDimension, bias } = sizes;
  requireGroups(sizes);
  const inner = heads * headDimension;
  const shared = groups * stateDimension;
  const [gate, values, keys, queries, step] = fusedMatrices(
    `${module}.in_proj`,
    hiddenSize,
    [inner, inner, shared, shared, heads],
    { bias },
  );
  if (!gate || !values || !keys || !queries || !step)
    throw new RangeError('A fused matrix has as many parts as widths.');
  return {
    kind: 'state-space',
    heads,
    groups,
    stateDimension,
    headDimension,
    gate,
    values,
    keys,
    queries,
    step,
    convolution: {
      module: `${module}.conv1d`,
      channels: inner + 2 * shared,
      taps: sizes.taps,
      bias: sizes.convolutionBias,
      silu: true,
    },
    rateTensor: `${module}.A_log`,
    stepBiasTensor: `${module}.dt_bias`,
    skipTensor: `${module}.D`,
    ...sizes.limit,
    norm,
    output: {
      module: `${module}.out_proj`,
      inFeatures: inner,
      outFeatures: hiddenSize,
      bias: sizes.outputBias,
    },
  };
}

import { biasOf, type LinearOptions } from './linear.ts';
import {
  BLOCK,
  prepareWeights,
  toActivations,
  type ContribContext,
  type ContribWeights,
} from './contrib-weights.ts';

/** Of MatMulNBits: its number for activations in int8; 0 leaves them as they are. */
const INT8_ACTIVATIONS = 4;

/** Of MatMulBnb4: its number for a table of values. */
const tableNumbers = { fp4: 0, nf4: 1 } as const;

/** Rows of several matrices below each other, where they are stored in one way; else null. */
function stacked(
  { writer }: ContribContext,
  name: string,
  parts: readonly ContribWeights[],
): ContribWeights | null {
  const [first] = parts;
  if (first === undefined || parts.length === 1) return first ?? null;
  const concat = (what: string, inputs: readonly string[]): string =>
    writer.standardOperator('Concat', `${name}.${what}`, inputs, { axis: { int: 0 } });
  if (first.kind === 'blocks') {
    const same = parts.filter(
      (part) =>
        part.kind === 'blocks' &&
        part.bits === first.bits &&
        (part.zeroPoints === '') === (first.zeroPoints === ''),
    );
    const blocks = same.filter((part) => part.kind === 'blocks');
    if (blocks.length !== parts.length) return null;
    return {
      ...first,
      codes: concat(
        'codes',
        blocks.map(({ codes }) => codes),
      ),
      scales: concat(
        'scales',
        blocks.map(({ scales }) => scales),
      ),
      zeroPoints:
        first.zeroPoints === ''
          ? ''
          : concat(
              'zero_points',
              blocks.map(({ zeroPoints }) => zeroPoints),
            ),
    };
  }
  if (first.kind === 'dense') {
    const dense = parts.filter((part) => part.kind === 'dense');
    if (dense.length !== parts.length) return null;
    return {
      kind: 'dense',
      weight: concat(
        'weight',
        dense.map(({ weight }) => weight),
      ),
    };
  }
  const tables = parts.filter(
    (part) =>
      part.kind === 'table' && part.type === first.type && part.blockSize === first.blockSize,
  );
  const found = tables.filter((part) => part.kind === 'table');
  if (found.length !== parts.length) return null;
  return {
    ...first,
    codes: concat(
      'codes',
      found.map(({ codes }) => codes),
    ),
    absmax: concat(
      'absmax',
      found.map(({ absmax }) => absmax),
    ),
  };
}

/** Adds y = x W^T + b. @param bias In the type of the activations; empty: none. */
function addProduct(
  context: ContribContext,
  { name, input, inFeatures, outFeatures }: Omit<LinearOptions, 'module' | 'bias'>,
  weights: ContribWeights,
  bias: string,
): string {
  const { writer } = context;
  const size = { K: { int: inFeatures }, N: { int: outFeatures } };
  if (weights.kind === 'blocks')
    return writer.contributedOperator(
      'MatMulNBits',
      name,
      [input, weights.codes, weights.scales, weights.zeroPoints, '', bias],
      {
        ...size,
        bits: { int: weights.bits },
        block_size: { int: BLOCK },
        accuracy_level: { int: context.options.int8Activations === true ? INT8_ACTIVATIONS : 0 },
      },
    );
  const product = bias === '' ? name : `${name}.product`;
  if (weights.kind === 'table')
    writer.contributedOperator('MatMulBnb4', product, [input, weights.codes, weights.absmax], {
      ...size,
      block_size: { int: weights.blockSize },
      quant_type: { int: tableNumbers[weights.type] },
    });
  else
    writer.standardOperator('MatMul', product, [
      input,
      writer.standardOperator('Transpose', `${weights.weight}.transposed`, [weights.weight], {
        perm: { ints: [1, 0] },
      }),
    ]);
  return bias === '' ? product : writer.standardOperator('Add', name, [product, bias]);
}

/** The bias of stacked rows; parts without one have zeros. */
function stackedBias(
  context: ContribContext,
  name: string,
  parts: readonly LinearOptions[],
): string {
  const { writer } = context;
  if (!parts.some(({ bias }) => bias)) return '';
  const biases = parts.map((part) =>
    part.bias
      ? toActivations(context, biasOf(writer, part))
      : toActivations(
          context,
          writer.constant(
            `${part.module}.no_bias`,
            'F32',
            [part.outFeatures],
            new Array<number>(part.outFeatures).fill(0),
          ),
        ),
  );
  const [only, ...others] = biases;
  if (only !== undefined && others.length === 0) return only;
  return writer.standardOperator('Concat', `${name}.bias`, biases, { axis: { int: 0 } });
}

/**
 * Adds the products of one input with several matrices.
 *
 * @param name Of the node where one holds them all, and of its output.
 * @param parts All with the same input and width.
 * @returns one output with the products side by side where the matrices are stored in one way (a GPU is busier with one
 *   large product than with three small ones), else one output each
 * @throws AppError `unsupported-model`, `malformed-file`
 */
export function addProjections(
  context: ContribContext,
  name: string,
  parts: readonly LinearOptions[],
): readonly string[] {
  const prepared = parts.map((part) => ({ part, weights: prepareWeights(context, part) }));
  const all = stacked(
    context,
    `${name}.stacked`,
    prepared.map(({ weights }) => weights),
  );
  const [first] = parts;
  if (first !== undefined && all !== null) {
    const outFeatures = parts.reduce((sum, part) => sum + part.outFeatures, 0);
    const bias = stackedBias(context, name, parts);
    return [addProduct(context, { ...first, name, outFeatures }, all, bias)];
  }
  return prepared.map(({ part, weights }) =>
    addProduct(context, part, weights, stackedBias(context, part.name, [part])),
  );
}

/** Adds the product with one matrix. @throws AppError `unsupported-model`, `malformed-file` */
export function addProjection(context: ContribContext, part: LinearOptions): string {
  return addProjections(context, part.name, [part])[0] ?? '';
}

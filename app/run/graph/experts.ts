import { AppError } from '../../contract/error.ts';
import type { NodeOf } from '../plan/index.ts';
import { describeLinear, type LinearContext, type StoredMatrix } from './linear.ts';
import type { Attribute } from './onnx.ts';

/** The operator of a mixture whose matrices are stored for an operator of single matrices. */
const expertOperators = {
  Linear4: 'Experts4',
  LinearInt8Rows: 'ExpertsInt8Rows',
  LinearAffine: 'ExpertsAffine',
  Linear16: 'Experts16',
} as const satisfies Record<StoredMatrix['operator'], string>;

/**
 * Adds a mixture of experts as one node: gate, up and down of the first expert, then those of the second and so on, each
 * with the stored inputs that its format has. Attributes of single matrices carry the matrix's number behind their name.
 *
 * @throws AppError `malformed-file` when the experts of a layer are not all stored in one format
 */
export function addExperts(context: LinearContext, node: NodeOf<'experts'>): void {
  const { feedForward, name, input, router } = node;
  const matrices = feedForward.experts
    .flatMap(({ gate, up, down }) => [gate, up, down])
    .map((matrix) => ({ ...matrix, name, input }))
    .map((options) => describeLinear(context, options));
  const [first] = matrices;
  if (first === undefined) throw new AppError('internal', `${name} has no experts.`);
  if (matrices.some(({ operator }) => operator !== first.operator))
    throw new AppError(
      'malformed-file',
      `The experts of ${name} are not all stored in the same format.`,
      { remedy: 'Quantize the original checkpoint again.' },
    );
  const numbered = matrices.flatMap(({ own, shared }, index) =>
    Object.entries({ ...shared, ...own }).map(([attribute, value]): [string, Attribute] => [
      `${attribute}${index === 0 ? '' : index}`,
      value,
    ]),
  );
  context.writer.operator(
    expertOperators[first.operator],
    name,
    [input, router, ...matrices.flatMap(({ inputs }) => inputs)],
    {
      ...Object.fromEntries(numbered),
      experts: { int: feedForward.experts.length },
      experts_per_token: { int: feedForward.expertsPerToken },
      normalized: { int: feedForward.normalized ? 1 : 0 },
      gelu: { int: feedForward.activation === 'gelu-tanh' ? 1 : 0 },
    },
  );
}

import type { NodeOf } from '../plan/index.ts';
import { storedMatrices, type LinearContext } from './linear.ts';

/**
 * Adds a mixture of experts as one node: gate, up and down of the first expert, then those of the second and so on, each
 * in whichever form the file holds it.
 */
export function addExperts(context: LinearContext, node: NodeOf<'experts'>): void {
  const { feedForward, name, input, router } = node;
  const { inputs, attributes } = storedMatrices(
    context,
    feedForward.experts
      .flatMap(({ gate, up, down }) => [gate, up, down])
      .map((matrix) => ({ ...matrix, name, input })),
  );
  context.writer.operator('Experts', name, [input, router, ...inputs], {
    ...attributes,
    experts: { int: feedForward.experts.length },
    experts_per_token: { int: feedForward.expertsPerToken },
    normalized: { int: feedForward.normalized ? 1 : 0 },
    gelu: { int: feedForward.activation === 'gelu-tanh' ? 1 : 0 },
  });
}

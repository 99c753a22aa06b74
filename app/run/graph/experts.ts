import type { Routing } from '../../models/index.ts';
import type { NodeOf } from '../plan/index.ts';
import { floatTypes, type GraphWriter } from './graph-writer.ts';
import { storedMatrices, type LinearContext } from './linear.ts';
import type { Attribute } from './onnx.ts';

/** A number for each expert, which some files keep as a matrix of one row. */
function perExpert(writer: GraphWriter, tensor: string | null, experts: number): string {
  if (tensor === null) return '';
  const isRow = writer.tensor(tensor).shape.length === 2;
  return writer.weight(tensor, { types: floatTypes, shape: isRow ? [1, experts] : [experts] });
}

const scoreNames = { softmax: 'softmax', sigmoid: 'sigmoid', 'sparse-mixer': 'sparse_mixer' };

/** What is not as in most mixtures. */
function routingAttributes(routing: Routing): Record<string, Attribute> {
  const { scores, jitter, groups, normalized, scale, weighs } = routing;
  return {
    experts_per_token: { int: routing.expertsPerToken },
    normalized: { int: normalized === null ? 0 : 1 },
    ...(scores === 'softmax' ? {} : { scores: { text: scoreNames[scores] } }),
    ...(jitter === 0 ? {} : { jitter: { float: jitter } }),
    ...(groups === null
      ? {}
      : {
          groups: { int: groups.count },
          chosen_groups: { int: groups.chosen },
          two_best: { int: groups.by === 'two-best' ? 1 : 0 },
        }),
    ...(normalized === null || normalized.epsilon === 0
      ? {}
      : { sum_epsilon: { float: normalized.epsilon } }),
    ...(normalized === null || normalized.leastSum === 0
      ? {}
      : { least_sum: { float: normalized.leastSum } }),
    ...(scale === 1 ? {} : { scale: { float: scale } }),
    ...(weighs === 'input' ? { weighs_input: { int: 1 } } : {}),
  };
}

/**
 * Adds a mixture of experts as one node: gate, up and down of the first expert, then those of the second and so on, each
 * in whichever form the file holds it.
 */
export function addExperts(context: LinearContext, node: NodeOf<'experts'>): void {
  const { feedForward, name, input, router } = node;
  const { routing, clampedSwiglu: clamped } = feedForward;
  const count = feedForward.experts.length;
  const numbers = [routing.correction, routing.expertScales].map((tensor) =>
    perExpert(context.writer, tensor, count),
  );
  const { inputs, attributes } = storedMatrices(
    context,
    feedForward.experts
      .flatMap(({ gate, up, down }) => (gate === null ? [up, down] : [gate, up, down]))
      .map((matrix) => ({ ...matrix, name, input })),
  );
  context.writer.operator('Experts', name, [input, router, ...numbers, ...inputs], {
    ...attributes,
    ...routingAttributes(routing),
    experts: { int: count },
    ...(feedForward.experts[0]?.gate === null ? { ungated: { int: 1 } } : {}),
    gelu: { int: feedForward.activation === 'gelu-tanh' ? 1 : 0 },
    ...(clamped === undefined
      ? {}
      : { swiglu_alpha: { float: clamped.alpha }, swiglu_limit: { float: clamped.limit } }),
  });
}

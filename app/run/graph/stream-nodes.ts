import type { NodeOf } from '../plan/index.ts';
import type { StandardPrinter } from './standard-nodes.ts';

/** The nodes of decoders with several streams, in operators of standard ONNX over activations [T, features]. */

export type StreamNode = NodeOf<'match-rms' | 'mix' | 'spread' | 'sparsify'>;

/** The least mean of squares that counts where a row is made as large as another. */
const LEAST_SQUARE = 1e-5;

/** Adds a node. */
export function printStreamNode({ writer, number }: StandardPrinter, node: StreamNode): void {
  const { name, input } = node;
  const part = (operator: string, own: string, inputs: readonly string[]): string =>
    writer.standardOperator(operator, own === '' ? name : `${name}.${own}`, inputs);
  const numbers = (own: string, values: readonly number[]): string =>
    writer.constant(`${name}.${own}`, 'I64', [values.length], values);
  const mean = (own: string, of: string): string =>
    part('ReduceMean', own, [of, numbers(`${own}.axes`, [-1])]);
  // A 0 keeps the dimension as it is.
  const shaped = (own: string, of: string, shape: readonly number[]): string =>
    part('Reshape', own, [of, numbers(own === '' ? 'shape' : `${own}.shape`, shape)]);
  switch (node.op) {
    case 'match-rms': {
      const square = (own: string, of: string): string =>
        mean(`${own}.mean`, part('Mul', `${own}.squares`, [of, of]));
      const least = number(`${name}.least`, LEAST_SQUARE);
      const size = part('Sqrt', 'size', [part('Max', 'square', [square('own', input), least])]);
      const wanted = part('Sqrt', 'wanted', [square('like', node.like)]);
      part('Div', '', [part('Mul', 'scaled', [input, wanted]), size]);
      return;
    }
    case 'mix': {
      const { count, width } = node;
      const groups = shaped('groups', input, [0, count, width]);
      const weights = shaped('weights', node.weights, [0, count, count]);
      const sum = part('Add', 'sum', [part('MatMul', 'mixed', [weights, groups]), groups]);
      shaped('', sum, [0, count * width]);
      return;
    }
    case 'spread': {
      const { count, width } = node;
      const weights = part('Add', 'more', [node.weights, number(`${name}.one`, 1)]);
      const added = shaped('added', node.added, [0, 1, width]);
      const changes = part('Mul', 'changes', [shaped('column', weights, [0, count, 1]), added]);
      part('Add', '', [shaped('row', changes, [0, count * width]), input]);
      return;
    }
    case 'sparsify': {
      const centered = part('Sub', 'centered', [input, mean('mean', input)]);
      const variance = mean('variance', part('Mul', 'squares', [centered, centered]));
      const deviation = part('Sqrt', 'deviation', [variance]);
      const bound = part('Mul', 'bound', [deviation, number(`${name}.factor`, node.deviations)]);
      part('Relu', '', [part('Sub', 'rest', [centered, bound])]);
    }
  }
}

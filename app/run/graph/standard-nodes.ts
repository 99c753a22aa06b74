import type { NodeOf } from '../plan/index.ts';
import type { GraphWriter } from './graph-writer.ts';

/** The nodes of a plan that standard ONNX has operators for, whichever set the others are printed in. */

export type StandardNode = NodeOf<
  'add' | 'scale' | 'softcap' | 'wanted-rows' | 'split' | 'sigmoid-gate'
>;

/** What differs between the graphs. */
export interface StandardPrinter {
  readonly writer: GraphWriter;
  /** A scalar in the type of the activations. */
  readonly number: (name: string, value: number) => string;
  /** The dimension of activations that counts tokens. */
  readonly rowAxis: number;
}

/** Adds a node. */
export function printStandardNode(
  { writer, number, rowAxis }: StandardPrinter,
  node: StandardNode,
): void {
  const { name } = node;
  switch (node.op) {
    case 'add':
      writer.standardOperator('Add', name, [node.a, node.b]);
      return;
    case 'scale':
      writer.standardOperator('Mul', name, [node.input, number(`${name}.factor`, node.factor)]);
      return;
    case 'softcap': {
      const cap = number(`${name}.cap`, node.cap);
      const divided = writer.standardOperator('Div', `${name}.divided`, [node.input, cap]);
      const bent = writer.standardOperator('Tanh', `${name}.bent`, [divided]);
      writer.standardOperator('Mul', name, [bent, cap]);
      return;
    }
    case 'wanted-rows':
      writer.standardOperator('Gather', name, [node.input, 'logit_rows'], {
        axis: { int: rowAxis },
      });
      return;
    case 'split':
      writer.split(name, node.input, node.parts);
      return;
    case 'sigmoid-gate': {
      const open = writer.standardOperator('Sigmoid', `${name}.open`, [node.gate]);
      const gated = writer.standardOperator('Mul', `${name}.gated`, [node.input, open]);
      writer.standardOperator('Add', name, [gated, node.added]);
      return;
    }
  }
}

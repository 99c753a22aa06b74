import type { Activation } from '../../models/index.ts';
import type { NodeOf } from '../plan/index.ts';
import type { GraphWriter } from './graph-writer.ts';

/** The nodes of a plan that standard ONNX has operators for, whichever set the others are printed in. */

export type StandardNode = NodeOf<
  | 'add'
  | 'scale'
  | 'softcap'
  | 'wanted-rows'
  | 'split'
  | 'activate'
  | 'sigmoid-gate'
  | 'open'
  | 'concat'
  | 'multiply'
>;

/** What differs between the graphs. */
export interface StandardPrinter {
  readonly writer: GraphWriter;
  /** A scalar in the type of the activations. */
  readonly number: (name: string, value: number) => string;
  /** The dimension of activations that counts tokens. */
  readonly rowAxis: number;
}

/** What quick-gelu multiplies the argument of its sigmoid by. */
const QUICK_GELU = 1.702;

/** Adds activation(input). */
export function printActivation(
  { writer, number }: StandardPrinter,
  name: string,
  input: string,
  activation: Activation,
): void {
  switch (activation) {
    case 'silu': {
      const open = writer.standardOperator('Sigmoid', `${name}.open`, [input]);
      writer.standardOperator('Mul', name, [input, open]);
      return;
    }
    case 'quick-gelu': {
      const factor = number(`${name}.factor`, QUICK_GELU);
      const scaled = writer.standardOperator('Mul', `${name}.scaled`, [input, factor]);
      const open = writer.standardOperator('Sigmoid', `${name}.open`, [scaled]);
      writer.standardOperator('Mul', name, [input, open]);
      return;
    }
    case 'gelu':
    case 'gelu-tanh': {
      const approximate = { text: activation === 'gelu' ? 'none' : 'tanh' };
      writer.standardOperator('Gelu', name, [input], { approximate });
      return;
    }
    case 'relu':
      writer.standardOperator('Relu', name, [input]);
      return;
    case 'relu2': {
      const positive = writer.standardOperator('Relu', `${name}.positive`, [input]);
      writer.standardOperator('Mul', name, [positive, positive]);
      return;
    }
  }
}

/** Adds activation(gate) · up. */
export function printGatedActivation(
  printer: StandardPrinter,
  { name, activation, gate, up }: NodeOf<'gated'>,
): void {
  printActivation(printer, `${name}.active`, gate, activation);
  printer.writer.standardOperator('Mul', name, [`${name}.active`, up]);
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
      if (node.groups === 1) writer.split(name, node.input, node.parts);
      else printGroupedSplit({ writer, number, rowAxis }, node);
      return;
    case 'multiply':
      writer.standardOperator('Mul', name, [node.a, node.b]);
      return;
    case 'open': {
      const open = writer.standardOperator('Sigmoid', `${name}.sigmoid`, [node.gate]);
      writer.standardOperator('Mul', name, [node.input, open]);
      return;
    }
    case 'concat':
      writer.standardOperator('Concat', name, node.inputs, { axis: { int: -1 } });
      return;
    case 'activate':
      printActivation({ writer, number, rowAxis }, name, node.input, node.activation);
      return;
    case 'sigmoid-gate': {
      const open = writer.standardOperator('Sigmoid', `${name}.open`, [node.gate]);
      const gated = writer.standardOperator('Mul', `${name}.gated`, [node.input, open]);
      writer.standardOperator('Add', name, [gated, node.added]);
      return;
    }
  }
}

/** Cuts every group of columns, and puts what belongs together side by side. */
function printGroupedSplit(
  { writer, rowAxis }: StandardPrinter,
  { name, input, groups, parts }: NodeOf<'split'>,
): void {
  // A 0 keeps the dimension as it is.
  const rows = Array.from({ length: rowAxis + 1 }, () => 0);
  const reshaped = (to: string, from: string, shape: readonly number[]): string =>
    writer.standardOperator('Reshape', to, [
      from,
      writer.constant(`${to}.shape`, 'I64', [shape.length], shape),
    ]);
  const grouped = reshaped(`${name}.groups`, input, [...rows, groups, -1]);
  const cut = parts.map((part) => ({ name: `${part.name}.groups`, width: part.width / groups }));
  writer.split(name, grouped, cut);
  for (const part of parts) reshaped(part.name, `${part.name}.groups`, [...rows, -1]);
}

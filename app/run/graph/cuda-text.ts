import { AppError } from '../../contract/error.ts';
import type { PlanNode } from '../plan/index.ts';
import { rotaryTable } from './rope.ts';
import type { Attribute, OnnxInitializer, OnnxNode } from './onnx.ts';

/**
 * The text that native-kernels/cuda/decoder/plan.h reads: the nodes of a graph in our dialect with their stored inputs,
 * and nothing of how they hang together, which the names say.
 */

function valueOf(attribute: Attribute): number | string {
  if ('int' in attribute) return attribute.int;
  if ('float' in attribute) return attribute.float;
  if ('text' in attribute) return attribute.text;
  throw new AppError('internal', 'An operator of a decoder has a list among its attributes.');
}

function storedInput({ type, data }: OnnxInitializer, files: string[]): string {
  if ('bytes' in data) return `${type}#${Buffer.from(data.bytes).toString('hex')}`;
  if (!files.includes(data.file)) files.push(data.file);
  return `${type}@${files.indexOf(data.file)}:${data.byteOffset}:${data.byteLength}`;
}

/**
 * Writes a plan.
 *
 * @param nodes of our dialect only, one for each matrix
 * @throws AppError `malformed-file` for a file whose name does not fit on a line
 */
export function writeCudaText(
  nodes: readonly OnnxNode[],
  initializers: ReadonlyMap<string, OnnxInitializer>,
): string {
  const files: string[] = [];
  const lines = nodes.map(({ operator, name, inputs, attributes }) => {
    const values = Object.entries(attributes).map(
      ([key, attribute]) => `${key}=${valueOf(attribute)}`,
    );
    const stored = inputs.flatMap((input, index) => {
      const initializer = initializers.get(input);
      return initializer === undefined ? [] : [`${index}=${storedInput(initializer, files)}`];
    });
    return ['node', operator, name, ...values, ...stored].join(' ');
  });
  const broken = files.find((file) => /[\r\n]/.test(file));
  if (broken !== undefined)
    throw new AppError(
      'malformed-file',
      `The name of a weights file holds a line break: ${JSON.stringify(broken)}.`,
      { remedy: 'Rename the file, and its entry in model.safetensors.index.json.' },
    );
  return [...files.map((file) => `file ${file}`), ...lines, ''].join('\n');
}

/** Why the kernels of native-kernels/cuda do not compute a node; null where they do. */
export function cudaObstacle(node: PlanNode): string | null {
  switch (node.op) {
    case 'rotary':
      if (node.index > 0) return 'its layers rotate in more than one way';
      return rotaryTable(node.embedding.rope, node.embedding.dimensions).beyond === null
        ? null
        : 'its rotary embeddings change with the length of the text';
    case 'embedding':
      return node.scale === 1 ? null : 'it scales its embeddings';
    case 'rms-norm':
      // The only norm that is not joined with a sum is the first layer's.
      return node.name === 'layers.0.start' && node.norm.weightOffset === 0
        ? null
        : 'it normalizes what a block computed';
    case 'residual-norm':
      return node.norm.weightOffset === 0 ? null : 'it stores the weights of its norms less one';
    case 'attention':
      return node.attention.rope === null || node.attention.softcap !== null
        ? 'its attention has no rotation, or limits its scores'
        : null;
    case 'gated':
      return node.activation === 'silu' ? null : `its activation is ${node.activation}`;
    case 'linear':
    case 'wanted-rows':
      return null;
    case 'add':
    case 'scale':
    case 'softcap':
    case 'sigmoid-gate':
      return 'it scales, limits or adds what a block computed';
    case 'experts':
      return 'it chooses among experts';
  }
}

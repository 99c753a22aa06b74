import { AppError } from '../../contract/error.ts';
import type { Activation, ExpertsFeedForward } from '../../models/index.ts';
import type { Plan, PlanNode } from '../plan/index.ts';
import type { LinearContext } from './linear.ts';
import { printNode } from './nibble-printer.ts';
import type { Attribute, OnnxInitializer, OnnxNode } from './onnx.ts';
import { rotaryTable } from './rope.ts';

/**
 * The text that native-kernels/cuda/decoder/plan.h reads: the nodes of a plan in the order in which they run, each with
 * the values that it reads and writes and the places of its weights. app/run/plan/README.md lists the operators.
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

/** Operators that compute an activation at once. */
const activations: Readonly<Record<Activation, string>> = {
  silu: 'Silu',
  gelu: 'Gelu',
  'gelu-tanh': 'GeluTanh',
  'quick-gelu': 'QuickGelu',
  relu: 'Relu',
  relu2: 'Relu2',
};

/**
 * Adds a node of a plan. What a graph composes of several standard operators is one here: a kernel computes it at once.
 */
function printCudaNode(context: LinearContext, node: PlanNode): void {
  const { writer } = context;
  switch (node.op) {
    case 'wanted-rows':
      writer.operator('WantedRows', node.name, [node.input, 'logit_rows']);
      return;
    case 'add':
      writer.operator('Add', node.name, [node.a, node.b]);
      return;
    case 'scale':
      writer.operator('Scale', node.name, [node.input], { factor: { float: node.factor } });
      return;
    case 'softcap':
      writer.operator('Softcap', node.name, [node.input], { cap: { float: node.cap } });
      return;
    case 'activate':
      writer.operator(activations[node.activation], node.name, [node.input]);
      return;
    case 'sigmoid-gate':
      writer.operator('SigmoidGate', node.name, [node.input, node.gate, node.added]);
      return;
    case 'split': {
      const [first, ...others] = node.parts;
      if (first === undefined) return;
      const widths = node.parts.map(({ width }, i): [string, Attribute] => [
        `width${i}`,
        { int: width },
      ]);
      const groups = node.groups === 1 ? {} : { groups: { int: node.groups } };
      const further = others.map(({ name }) => name);
      writer.operator(
        'Split',
        first.name,
        [node.input],
        { ...Object.fromEntries(widths), ...groups },
        further,
      );
      return;
    }
    case 'rotary':
    case 'embedding':
    case 'positions':
    case 'rms-norm':
    case 'layer-norm':
    case 'residual-norm':
    case 'scale-stored':
    case 'linear':
    case 'xielu':
    case 'attention':
    case 'latent-attention':
    case 'gated':
    case 'experts':
    case 'convolution':
    case 'gated-delta':
    case 'state-space':
    case 'gated-norm':
      printNode(context, node);
      return;
    case 'open':
      writer.operator('Open', node.name, [node.input, node.gate]);
      return;
    case 'multiply':
      writer.operator('Multiply', node.name, [node.a, node.b]);
      return;
    case 'concat':
      writer.operator('Concat', node.name, node.inputs);
      return;
    case 'match-rms':
    case 'mix':
    case 'spread':
    case 'sparsify':
      throw new AppError('internal', `CUDA has no operator for ${node.op}.`);
  }
}

function lineOf(
  { operator, name, inputs, outputs, attributes }: OnnxNode,
  initializers: ReadonlyMap<string, OnnxInitializer>,
  files: string[],
): string {
  const values = Object.entries(attributes).map(
    ([key, attribute]) => `${key}=${valueOf(attribute)}`,
  );
  const read = inputs.flatMap((input, index) => {
    if (input === '') return [];
    const initializer = initializers.get(input);
    return `${index}=${initializer === undefined ? `$${input}` : storedInput(initializer, files)}`;
  });
  // The first output is the node's namesake.
  const written = outputs.slice(1).map((output, index) => `output${index + 1}=$${output}`);
  return ['node', operator, name, ...values, ...read, ...written].join(' ');
}

/**
 * Prints a plan as text.
 *
 * @param context For one matrix a node.
 * @throws AppError `malformed-file` when a tensor is missing or does not fit, or for a file whose name does not fit on a
 *   line
 */
export function printCudaText(context: LinearContext, plan: Plan): string {
  for (const node of plan.nodes) printCudaNode(context, node);
  const { nodes, initializers } = context.writer.contents;
  const files: string[] = [];
  const lines = nodes.map((node) => lineOf(node, initializers, files));
  const broken = files.find((file) => /[\r\n]/.test(file));
  if (broken !== undefined)
    throw new AppError(
      'malformed-file',
      `The name of a weights file holds a line break: ${JSON.stringify(broken)}.`,
      { remedy: 'Rename the file, and its entry in model.safetensors.index.json.' },
    );
  return [...files.map((file) => `file ${file}`), ...lines, ''].join('\n');
}

function expertsObstacle({ routing }: ExpertsFeedForward): string | null {
  if (routing.scores === 'sparse-mixer')
    return 'its router chooses two experts one after the other';
  return routing.weighs === 'input' ? 'its router weighs what experts read' : null;
}

/**
 * Why the kernels of native-kernels/cuda do not compute a node; null where they do. What they need of how nodes are
 * joined, and of sizes, native-kernels/cuda/decoder/read_decoder.cpp asks.
 */
export function cudaObstacle(node: PlanNode): string | null {
  switch (node.op) {
    case 'rotary':
      return rotaryTable(node.embedding.rope, node.embedding.dimensions).beyond === null
        ? null
        : 'its rotary embeddings change with the length of the text';
    case 'latent-attention':
      return 'its attention reads latent vectors';
    case 'layer-norm':
      return 'weights' in node.norm && node.norm.weights === 'modules'
        ? 'it stores the norms of its heads one by one'
        : null;
    case 'gated':
      return node.activation === 'silu' || node.activation === 'gelu-tanh'
        ? null
        : `its activation is ${node.activation}`;
    case 'attention':
      return node.attention.chunk === undefined ? null : 'its attention ends at chunks of the text';
    case 'experts':
      return expertsObstacle(node.feedForward);
    case 'residual-norm':
    case 'rms-norm':
    case 'activate':
    case 'embedding':
    case 'linear':
    case 'positions':
    case 'split':
    case 'wanted-rows':
    case 'xielu':
    case 'add':
    case 'scale':
    case 'scale-stored':
    case 'softcap':
    case 'sigmoid-gate':
      return null;
    case 'match-rms':
    case 'mix':
    case 'spread':
      return 'its layers compute one of several streams';
    case 'sparsify':
      return 'its gates are made sparse';
    case 'open':
    case 'concat':
    case 'multiply':
    case 'convolution':
    case 'gated-delta':
    case 'state-space':
    case 'gated-norm':
      return 'some of its layers remember in a state instead of keys and values';
  }
}

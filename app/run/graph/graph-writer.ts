import { isRuntimeWeightsFile, isWeightsFile } from '../../checkpoint/index.ts';
import type { TensorInfo } from '../../contract/checkpoint.ts';
import { AppError, because } from '../../contract/error.ts';
import { missingTensor, type ModelTensor } from '../../models/on-demand.ts';
import {
  encodeOnnx,
  type Attribute,
  type ElementType,
  type OnnxInitializer,
  type OnnxNode,
  type OnnxValue,
} from './onnx.ts';

/** Our operators' domain and the version of it described in native-kernels/runtime/operators/README.md. */
export const OPERATOR_DOMAIN = { domain: 'nibble', version: 2 } as const;

/** The domain of the operators that ONNX Runtime has beside standard ONNX. */
const CONTRIBUTED = { domain: 'com.microsoft', version: 1 } as const;

/** Float weights that the operators read as they are. */
export const floatTypes = ['BF16', 'F16', 'F32'] as const satisfies ElementType[];

/** What a stored tensor must be for an operator to read it. */
export interface Expected {
  readonly types: readonly ElementType[];
  /** The exact shape in the file. */
  readonly shape: readonly number[];
}

function sameShape(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((size, i) => size === b[i]);
}

/** The error for a tensor that is stored in another way than a graph needs it. */
function misfit(
  tensor: TensorInfo,
  types: readonly ElementType[],
  shape: readonly number[],
): AppError {
  const found = `[${tensor.shape.join(', ')}]`;
  const expected = `[${shape.join(', ')}]`;
  const remedy = 'Its config.json belongs to another model, or the file is damaged.';
  return new AppError(
    'malformed-file',
    `The tensor ${tensor.name} is ${tensor.dtype} ${found} but must be ${types.join(' or ')} ${expected}.`,
    sameShape(tensor.shape, shape)
      ? because('tensor-type', { tensor: tensor.name, type: tensor.dtype }, { remedy })
      : because('tensor-shape', { tensor: tensor.name, found, expected }, { remedy }),
  );
}

/** A stored tensor as the attribute `stored` of our operator domain has it: which input it is, and where it lies. */
function storedPlace(index: number, { type, dims, data }: StoredInitializer): string {
  const shape = dims.length === 0 ? '' : ` ${dims.join(' ')}`;
  return `${index} ${type} ${data.byteOffset}${shape}/${data.file}`;
}

/** An initializer whose bytes lie in a weights file. */
type StoredInitializer = OnnxInitializer & {
  readonly data: Extract<OnnxInitializer['data'], { readonly file: string }>;
};

function isStored(initializer: OnnxInitializer | undefined): initializer is StoredInitializer {
  return initializer !== undefined && 'file' in initializer.data;
}

/**
 * The location is resolved against the graph's folder; a path in it could point anywhere on the disk.
 *
 * @throws AppError `malformed-file`
 */
function requireBareName(file: string): string {
  const isKnown = isWeightsFile(file) || isRuntimeWeightsFile(file);
  if (!isKnown || /[/\\]/.test(file))
    throw new AppError('malformed-file', `${file} is not the bare name of a file of weights.`);
  return file;
}

/** How many of the inputs are left when absent ones at the end are dropped: a shorter list says the same. */
function usedInputs(inputs: readonly string[]): readonly string[] {
  return inputs.slice(0, inputs.findLastIndex((input) => input !== '') + 1);
}

/**
 * Collects nodes and initializers of one graph. Weights are only ever referred to, in the safetensors file, however many
 * nodes use them.
 */
export class GraphWriter {
  readonly #tensors: ReadonlyMap<string, ModelTensor>;
  readonly #nodes = new Map<string, OnnxNode>();
  readonly #initializers = new Map<string, OnnxInitializer>();
  /** Files that weights may lie in: a few, referred to by thousands of tensors. */
  readonly #files = new Set<string>();

  constructor(tensors: ReadonlyMap<string, ModelTensor>) {
    this.#tensors = tensors;
  }

  has(name: string): boolean {
    return this.#tensors.has(name);
  }

  /** @throws AppError `malformed-file` when the tensor is not there */
  tensor(name: string): ModelTensor {
    const tensor = this.#tensors.get(name);
    if (tensor === undefined) throw missingTensor(name, (other) => this.has(other));
    return tensor;
  }

  /**
   * Refers to a stored tensor as it is.
   *
   * @returns the name to use as a node's input
   * @throws AppError `malformed-file` when its type or shape is not the expected one
   */
  weight(name: string, { types, shape }: Expected): string {
    const tensor = this.tensor(name);
    const type = types.find((candidate) => candidate === tensor.dtype);
    if (type === undefined || !sameShape(tensor.shape, shape)) throw misfit(tensor, types, shape);
    const { transposed } = tensor;
    // By columns the block that it lies in is referred to.
    this.#refer(tensor, type, transposed ? [shape[1] ?? 0, transposed.width] : shape);
    return name;
  }

  /**
   * Refers to a stored tensor as a row of plain bytes, whatever type the file gives them: bitsandbytes may view packed
   * codes as bfloat16 or float32 (`quant_storage`) without changing a bit of them.
   *
   * @throws AppError `malformed-file` when it has another length
   */
  bytes(name: string, byteLength: number): string {
    const tensor = this.tensor(name);
    if (tensor.byteLength !== byteLength)
      throw new AppError(
        'malformed-file',
        `The tensor ${name} has ${tensor.byteLength} bytes but must have ${byteLength}.`,
        because('tensor-shape', {
          tensor: name,
          found: String(tensor.byteLength),
          expected: String(byteLength),
        }),
      );
    this.#refer(tensor, 'U8', [byteLength]);
    return name;
  }

  /** Stores a small table inside the graph. */
  table(name: string, values: Float32Array<ArrayBuffer>): string {
    return this.constant(name, 'F32', [values.length], [...values]);
  }

  /**
   * Stores a few numbers inside the graph.
   *
   * @param dims Row-major shape; none for a scalar.
   */
  constant(
    name: string,
    type: 'F32' | 'U8' | 'I32' | 'I64',
    dims: readonly number[],
    values: readonly number[],
  ): string {
    const size = { F32: 4, U8: 1, I32: 4, I64: 8 }[type];
    const bytes = new Uint8Array(values.length * size);
    const view = new DataView(bytes.buffer);
    // ONNX is little-endian on every machine.
    values.forEach((value, i) => {
      if (type === 'F32') view.setFloat32(i * size, value, true);
      else if (type === 'I64') view.setBigInt64(i * size, BigInt(value), true);
      else if (type === 'I32') view.setInt32(i * size, value, true);
      else view.setUint8(i, value);
    });
    this.#initializers.set(name, { name, type, dims, data: { bytes } });
    return name;
  }

  /** Adds an operator of our operator domain and returns the name of its first output, which is the node's own name. */
  operator(
    operator: string,
    name: string,
    inputs: readonly string[],
    attributes: Readonly<Record<string, Attribute>> = {},
    furtherOutputs: readonly string[] = [],
  ): string {
    return this.#add(operator, OPERATOR_DOMAIN.domain, name, inputs, attributes, [
      name,
      ...furtherOutputs,
    ]);
  }

  /** The same where no output is the node's namesake; `outputs` are the names that they get. */
  operatorOf(
    operator: string,
    name: string,
    inputs: readonly string[],
    attributes: Readonly<Record<string, Attribute>>,
    outputs: readonly string[],
  ): void {
    this.#add(operator, OPERATOR_DOMAIN.domain, name, inputs, attributes, outputs);
  }

  /** Adds an operator of standard ONNX. */
  standardOperator(
    operator: string,
    name: string,
    inputs: readonly string[],
    attributes: Readonly<Record<string, Attribute>> = {},
  ): string {
    return this.#add(operator, '', name, inputs, attributes, [name]);
  }

  /** Cuts the last dimension of a value into parts of these widths. */
  split(
    name: string,
    input: string,
    parts: readonly { readonly name: string; readonly width: number }[],
  ): void {
    const widths = parts.map(({ width }) => width);
    const sizes = this.constant(`${name}.sizes`, 'I64', [widths.length], widths);
    const outputs = parts.map((part) => part.name);
    this.#add('Split', '', name, [input, sizes], { axis: { int: -1 } }, outputs);
  }

  /** Adds an operator that ONNX Runtime has beside standard ONNX; an output without a name is not wanted. */
  contributedOperator(
    operator: string,
    name: string,
    inputs: readonly string[],
    attributes: Readonly<Record<string, Attribute>> = {},
    furtherOutputs: readonly string[] = [],
  ): string {
    return this.#add(operator, CONTRIBUTED.domain, name, inputs, attributes, [
      name,
      ...furtherOutputs,
    ]);
  }

  /**
   * The bytes of a graph file in our own operators: its operators find their weights themselves, by an attribute. As
   * initializers they would be looked up and mapped one by one, which took ONNX Runtime most of a model's loading.
   */
  finish(inputs: readonly OnnxValue[], outputs: readonly OnnxValue[]): Uint8Array {
    return encodeOnnx({
      nodes: Array.from(this.#nodes.values(), (node) => this.#withStoredInputs(node)),
      initializers: [...this.#initializers.values()].filter((each) => !isStored(each)),
      inputs,
      outputs,
      domains: { [OPERATOR_DOMAIN.domain]: OPERATOR_DOMAIN.version },
      metadata: { 'nibble.dialect': String(OPERATOR_DOMAIN.version) },
    });
  }

  /** The bytes of a graph file of operators that ONNX Runtime has kernels for. */
  finishContrib(inputs: readonly OnnxValue[], outputs: readonly OnnxValue[]): Uint8Array {
    return encodeOnnx({
      nodes: [...this.#nodes.values()],
      initializers: [...this.#initializers.values()],
      inputs,
      outputs,
      domains: { [CONTRIBUTED.domain]: CONTRIBUTED.version },
      metadata: { 'nibble.dialect': 'standard' },
    });
  }

  /** What was added so far: nodes in order, and tensors by the names that nodes read. */
  get contents(): {
    readonly nodes: readonly OnnxNode[];
    readonly initializers: ReadonlyMap<string, OnnxInitializer>;
  } {
    return { nodes: [...this.#nodes.values()], initializers: this.#initializers };
  }

  #withStoredInputs(node: OnnxNode): OnnxNode {
    const places: string[] = [];
    const inputs = node.inputs.map((input, index) => {
      const initializer = this.#initializers.get(input);
      if (!isStored(initializer)) return input;
      places.push(storedPlace(index, initializer));
      return '';
    });
    if (places.length === 0) return node;
    return {
      ...node,
      inputs: usedInputs(inputs),
      attributes: { ...node.attributes, stored: { text: places.join('/') } },
    };
  }

  #add(
    operator: string,
    domain: string,
    name: string,
    inputs: readonly string[],
    attributes: Readonly<Record<string, Attribute>>,
    outputs: readonly string[],
  ): string {
    const before = this.#nodes.get(name);
    if (before !== undefined && before.operator !== operator)
      throw new AppError('internal', `Two nodes of a graph are called ${name}.`);
    this.#nodes.set(name, {
      operator,
      domain,
      name,
      inputs: usedInputs(inputs),
      outputs,
      attributes,
    });
    return name;
  }

  #refer(tensor: TensorInfo, type: ElementType, dims: readonly number[]): void {
    if (!this.#files.has(tensor.file)) this.#files.add(requireBareName(tensor.file));
    const { name, file, byteOffset, byteLength } = tensor;
    this.#initializers.set(name, { name, type, dims, data: { file, byteOffset, byteLength } });
  }
}

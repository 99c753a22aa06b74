import type { TensorInfo } from '../../contract/checkpoint.ts';
import { AppError } from '../../contract/error.ts';
import {
  encodeOnnx,
  type Attribute,
  type ElementType,
  type OnnxInitializer,
  type OnnxNode,
  type OnnxValue,
} from './onnx.ts';

/** Our operators' domain and the version of the dialect described in native-kernels/README.md. */
export const DIALECT = { domain: 'nibble', version: 1 } as const;

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

/**
 * Collects nodes and initializers of one graph. Weights are only ever referred to: each becomes an initializer whose
 * data lie in the safetensors file, once, however many nodes use it.
 */
export class GraphWriter {
  readonly #tensors: ReadonlyMap<string, TensorInfo>;
  readonly #nodes: OnnxNode[] = [];
  readonly #initializers = new Map<string, OnnxInitializer>();

  constructor(tensors: ReadonlyMap<string, TensorInfo>) {
    this.#tensors = tensors;
  }

  has(name: string): boolean {
    return this.#tensors.has(name);
  }

  /** @throws AppError `malformed-file` when the tensor is not there */
  tensor(name: string): TensorInfo {
    const tensor = this.#tensors.get(name);
    if (tensor === undefined)
      throw new AppError('malformed-file', `The tensor ${name} is missing from the weights.`, {
        remedy: 'Download the checkpoint again, or check that all of its files are there.',
      });
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
    if (type === undefined || !sameShape(tensor.shape, shape))
      throw new AppError(
        'malformed-file',
        `The tensor ${name} is ${tensor.dtype} [${tensor.shape.join(', ')}] but must be ${types.join(' or ')} [${shape.join(', ')}].`,
        { remedy: 'Its config.json belongs to another model, or the file is damaged.' },
      );
    this.#refer(tensor, type, shape);
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
      );
    this.#refer(tensor, 'U8', [byteLength]);
    return name;
  }

  /** Stores a small table inside the graph. */
  table(name: string, values: Float32Array<ArrayBuffer>): string {
    const bytes = new Uint8Array(values.byteLength);
    const view = new DataView(bytes.buffer);
    // ONNX is little-endian on every machine.
    values.forEach((value, i) => {
      view.setFloat32(i * Float32Array.BYTES_PER_ELEMENT, value, true);
    });
    this.#initializers.set(name, { name, type: 'F32', dims: [values.length], data: { bytes } });
    return name;
  }

  /** Adds an operator of our dialect and returns the name of its first output, which is the node's own name. */
  operator(
    operator: string,
    name: string,
    inputs: readonly string[],
    attributes: Readonly<Record<string, Attribute>> = {},
    furtherOutputs: readonly string[] = [],
  ): string {
    return this.#add(operator, DIALECT.domain, name, inputs, attributes, furtherOutputs);
  }

  /** Adds an operator of standard ONNX. */
  standardOperator(
    operator: string,
    name: string,
    inputs: readonly string[],
    attributes: Readonly<Record<string, Attribute>> = {},
  ): string {
    return this.#add(operator, '', name, inputs, attributes, []);
  }

  /** The bytes of the graph file. */
  finish(inputs: readonly OnnxValue[], outputs: readonly OnnxValue[]): Uint8Array {
    return encodeOnnx({
      nodes: this.#nodes,
      initializers: [...this.#initializers.values()],
      inputs,
      outputs,
      domains: { [DIALECT.domain]: DIALECT.version },
      metadata: { 'nibble.dialect': String(DIALECT.version) },
    });
  }

  #add(
    operator: string,
    domain: string,
    name: string,
    inputs: readonly string[],
    attributes: Readonly<Record<string, Attribute>>,
    furtherOutputs: readonly string[],
  ): string {
    // ONNX forbids trailing empty inputs nowhere, but a shorter list says the same and is easier to read.
    const used = inputs.findLastIndex((input) => input !== '') + 1;
    this.#nodes.push({
      operator,
      domain,
      name,
      inputs: inputs.slice(0, used),
      outputs: [name, ...furtherOutputs],
      attributes,
    });
    return name;
  }

  #refer(tensor: TensorInfo, type: ElementType, dims: readonly number[]): void {
    // The location is resolved against the graph's folder; a path in it could point anywhere on the disk.
    if (!/^[^/\\]+\.safetensors$/.test(tensor.file))
      throw new AppError('malformed-file', `${tensor.file} is not a bare safetensors file name.`);
    const { name, file, byteOffset, byteLength } = tensor;
    this.#initializers.set(name, { name, type, dims, data: { file, byteOffset, byteLength } });
  }
}

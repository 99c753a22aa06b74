import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, afterEach } from 'vitest';
import {
  encodeOnnx,
  type Attribute,
  type ElementType,
  type OnnxInitializer,
  type OnnxNode,
} from '../../app/run/graph/onnx.ts';
import { Model, type OpenOptions } from '../../native-kernels/runtime.ts';

/** Tiny graphs of the operators of native-kernels/runtime/operators/README.md, and models opened on them. */

export interface Tensor {
  type: ElementType;
  dims: number[];
  bytes: Uint8Array;
}

function tensor(type: ElementType, dims: number[], data: ArrayBufferView): Tensor {
  return { type, dims, bytes: new Uint8Array(data.buffer, data.byteOffset, data.byteLength) };
}

export const f32 = (dims: number[], values: ArrayLike<number>): Tensor =>
  tensor('F32', dims, Float32Array.from(values));
export const f16 = (dims: number[], values: ArrayLike<number>): Tensor =>
  tensor('F16', dims, Float16Array.from(values));
export const u8 = (dims: number[], values: ArrayLike<number>): Tensor =>
  tensor('U8', dims, Uint8Array.from(values));
export const i8 = (dims: number[], values: ArrayLike<number>): Tensor =>
  tensor('I8', dims, Int8Array.from(values));
/** Cuts the lower half off. */
export const bf16 = (dims: number[], values: ArrayLike<number>): Tensor =>
  tensor(
    'BF16',
    dims,
    Uint16Array.from(values, (value) => bfloat16Bits(value)),
  );

function bfloat16Bits(value: number): number {
  return at(new Uint32Array(Float32Array.of(value).buffer), 0) >>> 16;
}

/** What a bf16 tensor holds of `value`. */
export function asBfloat16(value: number): number {
  return at(new Float32Array(Uint32Array.of(bfloat16Bits(value) << 16).buffer), 0);
}

/** Numbers from -1 to 1, the same for the same seed, all exact in float32. */
export function noise(count: number, seed: number): Float32Array {
  let state = seed >>> 0;
  return Float32Array.from({ length: count }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return (state >>> 8) / 2 ** 23 - 1;
  });
}

/** An element that is there; an index below 0 counts from the end. */
export function at<T>(values: ArrayLike<T>, index: number): T {
  const value = values[index < 0 ? values.length + index : index];
  if (value === undefined) throw new Error(`there is no element ${String(index)}`);
  return value;
}

export interface Graph {
  nodes: OnnxNode[];
  tensors: Record<string, Tensor>;
  /** The value whose rows become the logits, and its width. */
  result: string;
  width: number;
}

/** The stored inputs of `Linear`, in its order. */
export function linearInputs(names: {
  codes: string;
  scales?: string;
  zeroPoints?: string;
  levels?: string;
  nestedScales?: string;
  nestedMap?: string;
  bias?: string;
}): string[] {
  const { codes, scales, zeroPoints, levels, nestedScales, nestedMap, bias } = names;
  return [codes, scales, zeroPoints, levels, nestedScales, nestedMap, bias].map(
    (name) => name ?? '',
  );
}

/** What `Linear` says of a matrix of floats. */
export const floatLinear = (
  format: string,
  outFeatures: number,
  inFeatures: number,
): Record<string, Attribute> => ({
  format: { text: format },
  out_features: { int: outFeatures },
  in_features: { int: inFeatures },
});

/** A node of our domain; its first output has its name. */
export function node(
  operator: string,
  name: string,
  inputs: string[],
  attributes: Record<string, Attribute> = {},
  furtherOutputs: string[] = [],
): OnnxNode {
  const outputs = [name, ...furtherOutputs];
  return { operator, domain: 'nibble', name, inputs, outputs, attributes };
}

/** The bytes of the graph: the rows of `result` that `logit_rows` asks for are the logits. */
export function encodeGraph({ nodes, tensors, result, width }: Graph): Uint8Array {
  const gather: OnnxNode = {
    operator: 'Gather',
    domain: '',
    name: 'logits',
    inputs: [result, 'logit_rows'],
    outputs: ['logits'],
    attributes: { axis: { int: 0 } },
  };
  return encodeOnnx({
    nodes: [...nodes, gather],
    initializers: Object.entries(tensors).map(([name, { type, dims, bytes }]): OnnxInitializer => {
      return { name, type, dims, data: { bytes } };
    }),
    inputs: [
      { name: 'input_ids', type: 'I64', dims: ['tokens'] },
      { name: 'position', type: 'I64', dims: [1] },
      { name: 'logit_rows', type: 'I64', dims: ['rows'] },
    ],
    outputs: [{ name: 'logits', type: 'F32', dims: ['rows', width] }],
    domains: { nibble: 1 },
    metadata: {},
  });
}

const folder = mkdtempSync(path.join(tmpdir(), 'nibble-graphs-'));
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});
const open = new Set<Model>();
afterEach(async () => {
  await Promise.all([...open].map(async (model) => model.close()));
  open.clear();
});
let graphs = 0;

export function writeGraph(bytes: Uint8Array): string {
  const file = path.join(folder, `${String(graphs++)}.onnx`);
  writeFileSync(file, bytes);
  return file;
}

/** Opens a graph in the exact mode; it is closed after the test. */
export async function openGraph(
  graph: Graph | Uint8Array,
  options: Partial<OpenOptions> = {},
): Promise<Model> {
  const bytes = graph instanceof Uint8Array ? graph : encodeGraph(graph);
  const model = await Model.open({
    graphPath: writeGraph(bytes),
    contextLength: 2048,
    threads: 1,
    mode: 'exact',
    cacheType: 'f32',
    ...options,
  });
  open.add(model);
  return model;
}

/** A model whose logits are the row of `table` that the last token names: sampling without a network. */
export function lookupGraph(table: ArrayLike<number>, vocabulary: number): Graph {
  return {
    nodes: [node('Embedding', 'row', ['input_ids', 'table'])],
    tensors: { table: f32([table.length / vocabulary, vocabulary], table) },
    result: 'row',
    width: vocabulary,
  };
}

/** Rows 0, 1, 2, … of a table: as many as it has. */
export function countTo(count: number): number[] {
  return Array.from({ length: count }, (_, i) => i);
}

export function largestDifference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length) throw new Error(`lengths differ: ${a.length} and ${b.length}`);
  let largest = 0;
  for (let i = 0; i < a.length; i++) {
    const difference = Math.abs(at(a, i) - at(b, i));
    if (!(difference <= largest)) largest = difference;
  }
  return largest;
}

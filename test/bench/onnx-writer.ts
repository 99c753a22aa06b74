import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import path from 'node:path';
import { CONFIG_FILE } from '../../app/checkpoint/index.ts';
import { readDecoder } from '../../app/models/index.ts';
import {
  elementTypes,
  encodeOnnx,
  type Attribute,
  type ElementType,
  type OnnxInitializer,
  type OnnxNode,
  type OnnxValue,
} from '../../app/run/graph/onnx.ts';
import { rotaryTable } from '../../app/run/graph/rope.ts';
import { MATMUL_BLOCK, packMatMulNBits, type MatMulBits } from './onnx-blocks.ts';
import { fileNameOf, weightsOf, type Shape, type WeightSpec } from './shapes.ts';
import { roundToBf16, valuesOf } from './synthetic-weights.ts';

/**
 * The same weights as a graph of ONNX Runtime's own operators: MatMulNBits (symmetric, blocks of 32, int8 activations),
 * GroupQueryAttention with rotation, the head in 8 bits.
 */

const MICROSOFT = 'com.microsoft';
/** Positions that the rotation's tables have; the bench needs fewer. */
const POSITIONS = 4096;
/** MatMulNBits rounds activations to int8, as llama.cpp and Nibble do. */
const INT8_ACTIVATIONS = 4;
/** ONNX Runtime maps external data only from page boundaries. */
const ALIGNMENT = 4096;

/** TensorProto.DataType: GroupQueryAttention takes positions of this type, which no graph of the product has. */
const INT32 = 6;

class OnnxFile {
  readonly nodes: OnnxNode[] = [];
  readonly initializers: OnnxInitializer[] = [];
  readonly #dataName: string;
  readonly #file: number;
  #offset = 0;

  constructor(dataPath: string) {
    this.#dataName = path.basename(dataPath);
    this.#file = openSync(dataPath, 'w');
  }

  /** Writes a tensor into the data file and returns its name. */
  tensor(name: string, type: ElementType, dims: readonly number[], array: ArrayBufferView): string {
    const bytes = new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
    const byteOffset = Math.ceil(this.#offset / ALIGNMENT) * ALIGNMENT;
    for (let start = 0; start < bytes.length;)
      start += writeSync(
        this.#file,
        bytes,
        start,
        Math.min(bytes.length - start, 1 << 28),
        byteOffset + start,
      );
    this.#offset = byteOffset + bytes.length;
    const data = { file: this.#dataName, byteOffset, byteLength: bytes.length };
    this.initializers.push({ name, type, dims, data });
    return name;
  }

  /** Adds a node and returns the name of its first output. */
  node(
    operator: string,
    name: string,
    inputs: readonly string[],
    attributes: Readonly<Record<string, Attribute>> = {},
    options: { readonly domain?: string; readonly outputs?: readonly string[] } = {},
  ): string {
    const outputs = options.outputs ?? [name];
    const { domain = '' } = options;
    this.nodes.push({ operator, domain, name, inputs, outputs, attributes });
    return outputs[0] ?? name;
  }

  close(): void {
    closeSync(this.#file);
  }
}

export function onnxPath(folder: string, shape: Shape, bits: MatMulBits): string {
  return path.join(folder, `${fileNameOf(shape)}-int${bits}.onnx`);
}

/** Writes the graph and its data once; returns the path of the graph. */
export function writeOnnx(
  folder: string,
  checkpoint: string,
  shape: Shape,
  bits: MatMulBits,
): string {
  mkdirSync(folder, { recursive: true });
  const target = onnxPath(folder, shape, bits);
  if (existsSync(target)) return target;
  const file = new OnnxFile(`${target}.data`);
  const specs = new Map(weightsOf(shape).map((spec, index) => [spec.name, { spec, index }]));
  const weights = (name: string): { spec: WeightSpec; values: Float32Array } => {
    const found = specs.get(`${name}.weight`);
    if (found === undefined) throw new Error(`no weight ${name}`);
    return { spec: found.spec, values: roundToBf16(valuesOf(found.spec, found.index)) };
  };
  const { heads, kvHeads, headDim, layers } = shape;
  const epsilon = { epsilon: { float: 1e-5 } };

  const linear = (name: string, input: string, width: MatMulBits = bits, output = name): string => {
    const { spec, values } = weights(name);
    const [rows = 0, columns = 0] = spec.shape;
    const blocks = columns / MATMUL_BLOCK;
    const { codes, scales } = packMatMulNBits(values, width);
    const blob = (MATMUL_BLOCK * width) / 8;
    return file.node(
      'MatMulNBits',
      output,
      [
        input,
        file.tensor(`${output}.codes`, 'U8', [rows, blocks, blob], codes),
        file.tensor(`${output}.scales`, 'F32', [rows * blocks], scales),
      ],
      {
        K: { int: columns },
        N: { int: rows },
        bits: { int: width },
        block_size: { int: MATMUL_BLOCK },
        accuracy_level: { int: INT8_ACTIVATIONS },
      },
      { domain: MICROSOFT },
    );
  };
  const normWeight = (name: string): string => {
    const { values } = weights(name);
    return file.tensor(`${name}.weight`, 'F32', [values.length], values);
  };

  const config = readDecoder(JSON.parse(readFileSync(path.join(checkpoint, CONFIG_FILE), 'utf8')));
  const { inverseFrequencies } = rotaryTable(
    config.rotaryEmbeddings[0]?.rope ?? { kind: 'default', theta: 1e4 },
    headDim,
  );
  const angles = (turn: (angle: number) => number): Float32Array =>
    Float32Array.from({ length: POSITIONS * inverseFrequencies.length }, (_, i) => {
      const pair = i % inverseFrequencies.length;
      return turn(Math.floor(i / inverseFrequencies.length) * (inverseFrequencies[pair] ?? 0));
    });
  const tableShape = [POSITIONS, headDim / 2];
  const cos = file.tensor('cos', 'F32', tableShape, angles(Math.cos));
  const sin = file.tensor('sin', 'F32', tableShape, angles(Math.sin));

  const embedding = weights('model.embed_tokens');
  file.tensor('embedding', 'F16', embedding.spec.shape, Float16Array.from(embedding.values));
  file.node('Gather', 'embedded16', ['embedding', 'input_ids']);
  let stream = file.node('Cast', 'embedded', ['embedded16'], { to: { int: elementTypes.F32 } });
  let normed = file.node(
    'SimplifiedLayerNormalization',
    'start',
    [stream, normWeight('model.layers.0.input_layernorm')],
    { ...epsilon, axis: { int: -1 }, stash_type: { int: elementTypes.F32 } },
  );
  const addAndNorm = (name: string, added: string, weight: string): void => {
    const sum = `${name}.sum`;
    normed = file.node(
      'SkipSimplifiedLayerNormalization',
      name,
      [added, stream, normWeight(weight)],
      epsilon,
      { domain: MICROSOFT, outputs: [name, '', '', sum] },
    );
    stream = sum;
  };
  const int32 = (name: string): string =>
    file.node('Cast', `${name}.int32`, [name], { to: { int: INT32 } });
  const lastPosition = int32('last_position');
  const contextLength = int32('context_length');
  const cacheValues: { inputs: OnnxValue[]; outputs: OnnxValue[] } = { inputs: [], outputs: [] };
  for (let layer = 0; layer < layers; layer++) {
    const module = `model.layers.${layer}`;
    const past = ['key', 'value'].map((part) => `past.${layer}.${part}`);
    const present = ['key', 'value'].map((part) => `present.${layer}.${part}`);
    const dims = [1, kvHeads, 'positions', headDim];
    cacheValues.inputs.push(...past.map((name) => ({ name, type: 'F32' as const, dims })));
    cacheValues.outputs.push(...present.map((name) => ({ name, type: 'F32' as const, dims })));
    const attention = file.node(
      'GroupQueryAttention',
      `attention.${layer}`,
      [
        linear(`${module}.self_attn.q_proj`, normed),
        linear(`${module}.self_attn.k_proj`, normed),
        linear(`${module}.self_attn.v_proj`, normed),
        ...past,
        lastPosition,
        contextLength,
        cos,
        sin,
      ],
      { num_heads: { int: heads }, kv_num_heads: { int: kvHeads }, do_rotary: { int: 1 } },
      { domain: MICROSOFT, outputs: [`attention.${layer}`, ...present] },
    );
    addAndNorm(
      `middle.${layer}`,
      linear(`${module}.self_attn.o_proj`, attention),
      `${module}.post_attention_layernorm`,
    );
    const gate = linear(`${module}.mlp.gate_proj`, normed);
    const up = linear(`${module}.mlp.up_proj`, normed);
    const sigmoid = file.node('Sigmoid', `sigmoid.${layer}`, [gate]);
    const silu = file.node('Mul', `silu.${layer}`, [gate, sigmoid]);
    const gated = file.node('Mul', `gated.${layer}`, [silu, up]);
    addAndNorm(
      `end.${layer}`,
      linear(`${module}.mlp.down_proj`, gated),
      layer === layers - 1 ? 'model.norm' : `model.layers.${layer + 1}.input_layernorm`,
    );
  }
  const last = file.node('Gather', 'last', [normed, 'last_row'], { axis: { int: 1 } });
  linear('model.embed_tokens', last, 8, 'logits');
  file.close();
  const value = (name: string, type: ElementType, dims: (number | string)[]): OnnxValue => ({
    name,
    type,
    dims,
  });
  const bytes = encodeOnnx({
    nodes: file.nodes,
    initializers: file.initializers,
    inputs: [
      value('input_ids', 'I64', [1, 'tokens']),
      value('last_row', 'I64', [1]),
      value('last_position', 'I64', [1]),
      value('context_length', 'I64', []),
      ...cacheValues.inputs,
    ],
    outputs: [value('logits', 'F32', [1, 1, shape.vocabularySize]), ...cacheValues.outputs],
    domains: { [MICROSOFT]: 1 },
    metadata: {},
  });
  // Written last: its presence says that the data are whole.
  writeFileSync(target, bytes);
  return target;
}

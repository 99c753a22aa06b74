import { readFile, stat, utimes, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { openCheckpoint, parseSafetensorsHeader } from '../../../app/checkpoint/index.ts';
import { ensureGraph } from '../../../app/run/index.ts';
import { quantizeFolder } from '../../fixtures/quantize-folder.ts';
import { readOnnx, type ReadGraph, type ReadNode } from '../../fixtures/read-onnx.ts';
import { scratchFolder } from '../../fixtures/scratch.ts';
import {
  encodeSafetensors,
  writeTinyCheckpoint,
  type FixtureTensor,
  type TinyCheckpointOptions,
} from '../../fixtures/tiny-checkpoint.ts';

/** The names of all tensors in a folder, by where they lie. */
async function namesByPlace(directory: string): Promise<Map<string, string>> {
  const checkpoint = await openCheckpoint(directory);
  await checkpoint.close();
  const runtime = path.join(directory, 'nibble-runtime.tensors');
  const bytes = await readFile(runtime).catch(() => null);
  const copies =
    bytes === null
      ? []
      : parseSafetensorsHeader(bytes, bytes.byteLength, 'nibble-runtime.tensors').tensors;
  return new Map(
    [...checkpoint.tensors, ...copies].map(({ file, byteOffset, name }) => [
      `${file}:${byteOffset}`,
      name,
    ]),
  );
}

/** A graph whose nodes have the names of stored tensors among their inputs. */
async function graphOf(directory: string, mode: 'fast' | 'exact' = 'fast'): Promise<ReadGraph> {
  const { graphPath } = await ensureGraph(directory, mode);
  const graph = readOnnx(await readFile(graphPath));
  const names = await namesByPlace(directory);
  const nodes = graph.nodes.map((node) => {
    const inputs = [...node.inputs];
    for (const { index, file, offset } of node.stored) {
      while (inputs.length < index) inputs.push('');
      expect(inputs[index] ?? '').toBe('');
      inputs[index] = names.get(`${file}:${offset}`) ?? 'no tensor begins there';
    }
    return { ...node, inputs };
  });
  return { ...graph, nodes };
}

async function tinyGraph(
  options: TinyCheckpointOptions,
): Promise<{ directory: string; graph: ReadGraph; tensors: FixtureTensor[] }> {
  const directory = await scratchFolder();
  const tensors = await writeTinyCheckpoint(directory, options);
  return { directory, graph: await graphOf(directory), tensors };
}

function nodes(graph: ReadGraph, operator: string): ReadNode[] {
  return graph.nodes.filter((node) => node.operator === operator);
}

const floats = ['bf16', 'f16', 'f32'];

/** The products with weights of one of these formats. */
function linears(graph: ReadGraph, formats: readonly string[]): ReadNode[] {
  return nodes(graph, 'Linear').filter(({ format }) => format !== null && formats.includes(format));
}

/** The input of `Linear` that is the bias. */
const BIAS = 7;

describe('the graph', () => {
  it('has the inputs, the output and the versions of the operators', async () => {
    const { graph } = await tinyGraph({});
    expect(graph.inputs).toEqual(['input_ids', 'position', 'logit_rows']);
    expect(graph.outputs).toEqual(['logits']);
    expect(graph.domains).toEqual({ '': 21, nibble: 2 });
    expect(graph.metadata).toEqual({ 'nibble.dialect': '2' });
  });

  it('computes every value before it is used, and names each once', async () => {
    const { graph } = await tinyGraph({ modelType: 'qwen2' });
    const known = new Set([...graph.inputs, ...graph.initializers.keys(), '']);
    for (const node of graph.nodes) {
      for (const [index, input] of node.inputs.entries())
        if (!node.stored.some((place) => place.index === index))
          expect(known, `${node.name} uses ${input}`).toContain(input);
      for (const output of node.outputs) {
        expect(known).not.toContain(output);
        known.add(output);
      }
    }
    expect(known).toContain('logits');
  });

  it('refers to the weights by offset and copies none of them', async () => {
    const { directory, graph, tensors } = await tinyGraph({ shards: 2 });
    const places = new Map(
      graph.nodes.flatMap(({ inputs, stored }) =>
        stored.map((place) => [inputs[place.index] ?? '', place] as const),
      ),
    );
    const shards = new Map<string, Buffer>();
    for (const { name, bytes, shape } of tensors) {
      const { file: location = '', offset = -1, dims, type } = places.get(name) ?? {};
      expect([type, dims]).toEqual(['BF16', shape]);
      expect(location).toMatch(/^model-0000[12]-of-00002\.safetensors$/);
      const file = shards.get(location) ?? (await readFile(path.join(directory, location)));
      shards.set(location, file);
      expect(file.subarray(offset, offset + bytes.byteLength).equals(bytes)).toBe(true);
    }
    expect(shards.size).toBe(2);
    expect([...graph.initializers.keys()]).toEqual(['rotary.inverse_frequencies']);
    expect((await stat(path.join(directory, 'graph.onnx'))).size).toBeLessThan(16_384);
  });

  it('gathers the wanted rows before the last layer’s products', async () => {
    const { graph } = await tinyGraph({ layers: 3 });
    const gathers = nodes(graph, 'Gather');
    expect(gathers.map(({ inputs }) => inputs)).toEqual([
      ['layers.2.attention', 'logit_rows'],
      ['layers.1.end.sum', 'logit_rows'],
    ]);
    expect(gathers.map(({ domain }) => domain)).toEqual(['', '']);
    const output = graph.nodes.find(({ name }) => name === 'layers.2.o');
    expect(output?.inputs[0]).toBe('wanted.attention');
  });

  it('gives llama a tied head and no biases', async () => {
    const { graph } = await tinyGraph({ modelType: 'llama' });
    const products = linears(graph, floats);
    expect(products).toHaveLength(2 * 7 + 1);
    expect(products.every(({ inputs }) => inputs.length === 2)).toBe(true);
    expect(products.at(-1)?.inputs[1]).toBe('model.embed_tokens.weight');
    const [first] = nodes(graph, 'Attention');
    expect(first?.attributes).toMatchObject({
      layer: 0,
      heads: 4,
      kv_heads: 2,
      head_dim: 16,
      scale: 0.25,
      window: 0,
      softcap: 0,
    });
    expect(first?.inputs).toHaveLength(6);
    expect(nodes(graph, 'RmsNorm')[0]?.attributes['epsilon']).toBeCloseTo(1e-5, 12);
  });

  it('gives llama biases where its config asks for them', async () => {
    const addBiases = (tensors: FixtureTensor[]): FixtureTensor[] =>
      tensors.flatMap((tensor) => {
        if (!/proj\.weight$/.test(tensor.name)) return [tensor];
        const [rows = 0] = tensor.shape;
        const name = tensor.name.replace('weight', 'bias');
        return [tensor, { name, dtype: 'F32', shape: [rows], bytes: new Uint8Array(rows * 4) }];
      });
    const { graph } = await tinyGraph({
      config: { attention_bias: true, mlp_bias: true },
      change: addBiases,
    });
    const withBias = linears(graph, floats).filter(({ inputs }) => inputs.length === BIAS + 1);
    expect(withBias).toHaveLength(2 * 7);
  });

  it('gives mistral its sliding window and a head of its own', async () => {
    const { graph } = await tinyGraph({
      modelType: 'mistral',
      tied: false,
      config: { sliding_window: 32 },
    });
    expect(nodes(graph, 'Attention').map(({ attributes }) => attributes['window'])).toEqual([
      32, 32,
    ]);
    expect(linears(graph, floats).at(-1)?.inputs[1]).toBe('lm_head.weight');
  });

  it('gives qwen2 biases on queries, keys and values, and windows on its later layers', async () => {
    const { graph } = await tinyGraph({
      modelType: 'qwen2',
      config: { use_sliding_window: true, sliding_window: 64, max_window_layers: 1 },
    });
    expect(nodes(graph, 'Attention').map(({ attributes }) => attributes['window'])).toEqual([
      0, 64,
    ]);
    const biases = linears(graph, floats).map(({ inputs }) => inputs[BIAS] ?? null);
    expect(biases.slice(0, 4)).toEqual([
      'model.layers.0.self_attn.q_proj.bias',
      'model.layers.0.self_attn.k_proj.bias',
      'model.layers.0.self_attn.v_proj.bias',
      null,
    ]);
  });

  it('gives qwen3 norms on queries and keys', async () => {
    const { graph } = await tinyGraph({ modelType: 'qwen3' });
    expect(nodes(graph, 'Attention')[1]?.inputs.slice(-2)).toEqual([
      'model.layers.1.self_attn.q_norm.weight',
      'model.layers.1.self_attn.k_norm.weight',
    ]);
  });

  it.each([
    ['nf4', 'levels4', ['U8', 'F32', 'F32']],
    ['nf4-dq', 'levels4', ['U8', 'U8', 'F32', 'F32', 'F32']],
    ['fp4-dq', 'levels4', ['U8', 'U8', 'F32', 'F32', 'F32']],
    ['llm-int8', 'int8_rows', ['I8', 'F32']],
    ['int8-absmax', 'int8', ['I8', 'F32']],
    ['int8-zeropoint', 'int8', ['I8', 'F32', 'I8']],
    ['int4', 'int4', ['U8', 'F32', 'I8']],
  ] as const)(
    'multiplies %s weights as %s, and the head in 16 bit where it must be exact',
    async (scheme, format, types) => {
      const folder = await scratchFolder();
      await writeTinyCheckpoint(path.join(folder, 'source'));
      await quantizeFolder(path.join(folder, 'source'), path.join(folder, scheme), scheme);
      const graph = await graphOf(path.join(folder, scheme), 'exact');
      const quantized = linears(graph, [format]);
      expect(quantized).toHaveLength(2 * 4);
      expect(linears(graph, floats).map(({ name }) => name)).toEqual(['logits']);
      const alone = quantized.find(({ name }) => name === 'layers.0.o');
      const found = alone?.stored.map(({ type }) => type);
      expect(found).toEqual(types);
      const fused = quantized.map(({ name, outputs }) => [name, ...outputs]);
      expect(fused.slice(0, 3)).toEqual([
        ['layers.0.qkv', 'layers.0.q', 'layers.0.k', 'layers.0.v'],
        ['layers.0.o', 'layers.0.o'],
        ['layers.0.gate_up', 'layers.0.gate', 'layers.0.up'],
      ]);
      expect(quantized.at(-1)?.attributes).toMatchObject({ in_features: 192, out_features: 64 });
      const fast = await graphOf(path.join(folder, scheme));
      expect(linears(fast, floats)).toEqual([]);
      expect(linears(fast, ['int8']).at(-1)?.name).toBe('logits');
    },
  );

  it('takes the block size of each layer from the file', async () => {
    const folder = await scratchFolder();
    const source = path.join(folder, 'source');
    // 96 columns cannot be cut into blocks of 64; 40 not into any.
    await writeTinyCheckpoint(source, { hiddenSize: 64, intermediateSize: 96 });
    await quantizeFolder(source, path.join(folder, 'nf4'), 'nf4');
    const graph = await graphOf(path.join(folder, 'nf4'));
    const blocks = linears(graph, ['levels4']).map(({ attributes }) => attributes['block_size']);
    expect(blocks.slice(0, 4)).toEqual([64, 64, 64, 32]);
  });

  it('chooses layer by layer: what cannot be quantized stays in 16 bit', async () => {
    const folder = await scratchFolder();
    const source = path.join(folder, 'source');
    await writeTinyCheckpoint(source, { intermediateSize: 40 });
    await quantizeFolder(source, path.join(folder, 'nf4'), 'nf4');
    const graph = await graphOf(path.join(folder, 'nf4'));
    expect(graph.nodes.find(({ name }) => name === 'layers.0.gate_up')?.format).toBe('levels4');
    expect(graph.nodes.find(({ name }) => name === 'layers.0.down')?.format).toBe('bf16');
  });

  it('prefers a head that was made for the runner', async () => {
    const directory = await scratchFolder();
    await writeTinyCheckpoint(directory);
    const head = [
      { name: 'lm_head.weight', dtype: 'I8', shape: [160, 64], bytes: new Uint8Array(160 * 64) },
      {
        name: 'lm_head.weight.scales',
        dtype: 'F32',
        shape: [160, 1],
        bytes: new Uint8Array(160 * 4),
      },
    ];
    await writeFile(path.join(directory, 'nibble-runtime.tensors'), encodeSafetensors(head));
    const graph = await graphOf(directory);
    expect(graph.nodes.at(-1)).toMatchObject({ name: 'logits', format: 'int8' });
    expect(graph.nodes.at(-1)?.stored.map(({ file }) => file)).toEqual([
      'nibble-runtime.tensors',
      'nibble-runtime.tensors',
    ]);
  });
});

describe('ensureGraph', () => {
  it('leaves a graph that fits as it is, and replaces one that does not', async () => {
    const { directory } = await tinyGraph({});
    const file = path.join(directory, 'graph.onnx');
    const right = await readFile(file);
    const long = new Date(0);
    await utimes(file, long, long);
    await ensureGraph(directory);
    expect((await stat(file)).mtimeMs).toBe(0);

    for (const wrong of [Buffer.from('not a graph'), right.subarray(0, 100), Buffer.alloc(0)]) {
      await writeFile(file, wrong);
      await ensureGraph(directory);
      expect((await readFile(file)).equals(right)).toBe(true);
    }
  });

  it('follows a changed config', async () => {
    const { directory, graph } = await tinyGraph({ modelType: 'mistral' });
    expect(nodes(graph, 'Attention')[0]?.attributes['window']).toBe(0);
    const file = path.join(directory, 'config.json');
    const text = await readFile(file, 'utf8');
    await writeFile(file, text.replace('"sliding_window": null', '"sliding_window": 7'));
    expect(nodes(await graphOf(directory), 'Attention')[0]?.attributes['window']).toBe(7);
  });
});

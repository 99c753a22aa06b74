// Checkpoints of several types: transformers leaves the weights of a quantized folder as they are stored, and PyTorch
// multiplies no matrices of two types. So what is kept has one type, and every value stays what it was.
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, it } from 'vitest';
import { openCheckpoint } from '../../../app/checkpoint/index.ts';
import type { SchemeName } from '../../../app/contract/scheme.ts';
import { widenedTypes, widenToFloat32 } from '../../../app/quantize/widen.ts';
import { ensureGraph } from '../../../app/run/index.ts';
import { quantizeFolder } from '../../fixtures/quantize-folder.ts';
import { scratchFolder } from '../../fixtures/scratch.ts';
import { writeTinyCheckpoint, type FixtureTensor } from '../../fixtures/tiny-checkpoint.ts';

const EMBEDDINGS = 'model.embed_tokens.weight';
const HEAD = 'lm_head.weight';

function float32(tensor: FixtureTensor): FixtureTensor {
  if (tensor.dtype !== 'BF16') return tensor;
  return { ...tensor, dtype: 'F32', bytes: widenToFloat32(tensor.bytes, 'BF16') };
}

/** Makes an artifact of a tiny model of bfloat16 of which some tensors are in float32. @returns types and bytes by name */
async function made(
  scheme: SchemeName,
  tied: boolean,
  isWide: (name: string) => boolean,
): Promise<{ source: Map<string, FixtureTensor>; types: Map<string, string>; folder: string }> {
  const root = await scratchFolder();
  const source = new Map<string, FixtureTensor>();
  await writeTinyCheckpoint(path.join(root, 'source'), {
    tied,
    change: (tensors) =>
      tensors.map((tensor) => {
        const changed = isWide(tensor.name) ? float32(tensor) : tensor;
        source.set(tensor.name, changed);
        return changed;
      }),
  });
  const folder = path.join(root, 'made');
  await quantizeFolder(path.join(root, 'source'), folder, scheme);
  const checkpoint = await openCheckpoint(folder);
  try {
    const kept = checkpoint.tensors.filter(({ name }) => /norm|embed|lm_head/.test(name));
    for (const tensor of kept) {
      const from = source.get(tensor.name);
      const bytes = await checkpoint.readTensor(tensor);
      const wanted = tensor.dtype === 'F32' && from !== undefined ? float32(from) : from;
      expect(Buffer.compare(bytes, wanted?.bytes ?? Buffer.of())).toBe(0);
    }
    return { source, folder, types: new Map(kept.map(({ name, dtype }) => [name, dtype])) };
  } finally {
    await checkpoint.close();
  }
}

const isNorm = (name: string): boolean => name.endsWith('norm.weight');

it.each<SchemeName>(['nf4-dq', 'llm-int8'])(
  'float32 norms make the output layer of %s float32; embeddings of their own stay small',
  async (scheme) => {
    const { types, folder } = await made(scheme, false, isNorm);
    expect(types.get(HEAD)).toBe('F32');
    expect(types.get(EMBEDDINGS)).toBe('BF16');
    for (const [name, type] of types) if (isNorm(name)) expect([name, type]).toEqual([name, 'F32']);
    // What it is to be computed in stays as it was: bitsandbytes goes by the quantized layers.
    const config = await readFile(path.join(folder, 'config.json'), 'utf8');
    if (scheme === 'nf4-dq') expect(config).toContain('"bnb_4bit_compute_dtype": "bfloat16"');
    for (const mode of ['fast', 'exact'] as const) await ensureGraph(folder, mode);
  },
);

it('float32 norms make embeddings float32 that are the output layer as well', async () => {
  const { types } = await made('nf4', true, isNorm);
  expect([...new Set(types.values())]).toEqual(['F32']);
});

it('a float32 output layer makes the norms float32', async () => {
  const { types } = await made('fp4', false, (name) => name === HEAD);
  expect([types.get('model.norm.weight'), types.get(EMBEDDINGS)]).toEqual(['F32', 'BF16']);
});

it('nothing is widened where all have one type, or where only Nibble reads the folder', async () => {
  const same = await made('nf4', false, () => false);
  expect([...new Set(same.types.values())]).toEqual(['BF16']);
  const own = await made('int4', false, isNorm);
  expect(own.types.get(HEAD)).toBe('BF16');
});

it('norms that give back what they are given do not count', () => {
  const tensor = (name: string, dtype: 'BF16' | 'F16' | 'F32') => {
    return { name, dtype, shape: [2, 2], file: '', byteOffset: 0, byteLength: 0 };
  };
  const norms = [tensor('model.norm.weight', 'F32'), tensor(EMBEDDINGS, 'BF16')];
  expect([...widenedTypes(norms, { model_type: 'gemma2' })]).toEqual([]);
  expect([...widenedTypes(norms, { model_type: 'llama' })]).toEqual([[EMBEDDINGS, 'F32']]);
  const halves = [tensor(EMBEDDINGS, 'F16'), tensor(HEAD, 'BF16')];
  expect([...widenedTypes(halves, { model_type: 'gemma2' }).keys()]).toEqual([EMBEDDINGS, HEAD]);
  // bitsandbytes converts the bias of a layer that it has quantized.
  const bias = [tensor(EMBEDDINGS, 'BF16'), tensor('model.layers.0.self_attn.q_proj.bias', 'F32')];
  expect([...widenedTypes(bias, { model_type: 'qwen2' })]).toEqual([]);
});

it.each([
  ['BF16', [0x3f80, 0xc2f7, 0x0001, 0x7f80], [1, -123.5, 2 ** -133, Infinity]],
  ['F16', [0x3c00, 0xd7b8, 0x0001, 0x83ff], [1, -123.5, 2 ** -24, -1023 * 2 ** -24]],
  ['F16', [0x7bff, 0xfc00, 0x8000], [65504, -Infinity, -0]],
] as const)('reads %s bits %o as %o', (dtype, bits, numbers) => {
  const bytes = new Uint8Array(Uint16Array.from(bits).buffer);
  expect([...new Float32Array(new Uint8Array(widenToFloat32(bytes, dtype)).buffer)]).toEqual(
    numbers,
  );
});

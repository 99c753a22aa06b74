import path from 'node:path';
import { readFile, symlink, writeFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { ensureGraph } from '../../../app/run/index.ts';
import { MAX_QUANT_STATE_BYTES, parseQuantState } from '../../../app/run/graph/quant-state.ts';
import { quantizeFolder } from '../../fixtures/quantize-folder.ts';
import { readSafetensors } from '../../fixtures/read-safetensors.ts';
import { scratchFolder } from '../../fixtures/scratch.ts';
import {
  encodeSafetensors,
  writeTinyCheckpoint,
  type FixtureTensor,
} from '../../fixtures/tiny-checkpoint.ts';

const NAME = 'model.layers.0.mlp.up_proj.weight.quant_state.bitsandbytes__nf4';

function parse(state: unknown, name = NAME): ReturnType<typeof parseQuantState> {
  return parseQuantState(
    Buffer.from(typeof state === 'string' ? state : JSON.stringify(state)),
    name,
  );
}

const good = { quant_type: 'nf4', blocksize: 64, dtype: 'bfloat16', shape: [128, 64] };
const malformed = expect.objectContaining({ code: 'malformed-file' }) as Error;

describe('parseQuantState', () => {
  it('reads what bitsandbytes writes', () => {
    expect(parse(good)).toEqual({
      type: 'nf4',
      blockSize: 64,
      shape: [128, 64],
      nestedOffset: null,
    });
    const nested = { ...good, nested_blocksize: 256, nested_dtype: 'float32', nested_offset: 0.05 };
    expect(parse(nested).nestedOffset).toBe(0.05);
  });

  it.each([
    ['no JSON', '{"quant_type": "nf4"'],
    ['no object', '[]'],
    ['another type', { ...good, quant_type: 'af4' }],
    ['a type unlike the name', { ...good, quant_type: 'fp4' }],
    ['a block of nothing', { ...good, blocksize: 0 }],
    ['a negative block', { ...good, blocksize: -64 }],
    ['a block beyond any', { ...good, blocksize: 2 ** 40 }],
    ['half a block', { ...good, blocksize: 64.5 }],
    ['one dimension', { ...good, shape: [8192] }],
    ['an empty matrix', { ...good, shape: [0, 64] }],
    ['a shape of text', { ...good, shape: ['128', '64'] }],
    ['another nesting', { ...good, nested_blocksize: 128, nested_offset: 0.05 }],
    ['an offset of text', { ...good, nested_offset: '0.05' }],
    ['an infinite offset', JSON.stringify({ ...good, nested_offset: 0 }).replace(':0}', ':1e999}')],
  ])('refuses %s', (_what, state) => {
    expect(() => parse(state)).toThrow(malformed);
  });

  it('refuses more bytes than a state has, and bytes that are no text', () => {
    expect(() => parse(' '.repeat(MAX_QUANT_STATE_BYTES + 1))).toThrow(/bytes/);
    expect(() => parseQuantState(Uint8Array.of(0x7b, 0xff, 0x7d), NAME)).toThrow(malformed);
  });
});

/** An NF4 artifact with double quantization whose tensors were changed behind its back. */
async function changedArtifact(
  change: (tensors: FixtureTensor[]) => FixtureTensor[],
): Promise<string> {
  const folder = await scratchFolder();
  await writeTinyCheckpoint(path.join(folder, 'source'), { layers: 1 });
  const directory = path.join(folder, 'artifact');
  await quantizeFolder(path.join(folder, 'source'), directory, 'nf4-dq');
  const file = path.join(directory, 'model.safetensors');
  const tensors = [...readSafetensors(file)].map(([name, tensor]) => ({ name, ...tensor }));
  await writeFile(file, encodeSafetensors(change(tensors)));
  return directory;
}

const UP = 'model.layers.0.mlp.up_proj.weight';

function without(name: string): (tensors: FixtureTensor[]) => FixtureTensor[] {
  return (tensors) => tensors.filter((tensor) => tensor.name !== name);
}

function replaced(
  name: string,
  change: (tensor: FixtureTensor) => Partial<FixtureTensor>,
): (tensors: FixtureTensor[]) => FixtureTensor[] {
  return (tensors) =>
    tensors.map((tensor) => (tensor.name === name ? { ...tensor, ...change(tensor) } : tensor));
}

describe('a folder whose tensors do not fit its config', () => {
  it.each<[string, RegExp, (tensors: FixtureTensor[]) => FixtureTensor[]]>([
    ['a norm is missing', /model\.norm\.weight is missing/, without('model.norm.weight')],
    ['the scales are missing', /up_proj\.weight\.absmax is missing/, without(`${UP}.absmax`)],
    ['the table is missing', /quant_map is missing/, without(`${UP}.quant_map`)],
    [
      'there are too few codes',
      /up_proj\.weight has 100 bytes but must have 6144/,
      replaced(UP, () => ({ shape: [100, 1], bytes: new Uint8Array(100) })),
    ],
    [
      'there are too few scales',
      /absmax is U8 \[8\] but must be U8 \[192\]/,
      replaced(`${UP}.absmax`, () => ({ shape: [8], bytes: new Uint8Array(8) })),
    ],
    [
      'the nested scales are too few',
      /nested_absmax is F32 \[0\]/,
      replaced(`${UP}.nested_absmax`, () => ({ shape: [0], bytes: new Uint8Array(0) })),
    ],
    [
      'the state describes another matrix',
      /describes a \[64, 192\] matrix but config\.json asks for \[192, 64\]/,
      replaced(`${UP}.quant_state.bitsandbytes__nf4`, ({ bytes }) => {
        const text = Buffer.from(bytes).toString().replace('[192, 64]', '[64, 192]');
        return { bytes: Buffer.from(text) };
      }),
    ],
    [
      'the state lost its offset',
      /has no nested_offset/,
      replaced(`${UP}.quant_state.bitsandbytes__nf4`, () => {
        const bytes = Buffer.from(JSON.stringify({ ...good, shape: [192, 64] }));
        return { bytes, shape: [bytes.byteLength] };
      }),
    ],
    [
      'the embedding is a table of integers',
      /embed_tokens\.weight is I8/,
      replaced('model.embed_tokens.weight', ({ shape, bytes }) => ({
        dtype: 'I8',
        shape,
        bytes: bytes.subarray(0, 160 * 64),
      })),
    ],
  ])('is refused when %s', async (_what, message, change) => {
    const directory = await changedArtifact(change);
    await expect(ensureGraph(directory)).rejects.toThrow(message);
    await expect(ensureGraph(directory)).rejects.toMatchObject({ code: 'malformed-file' });
  });

  it('may view its codes as another type: the bytes are the same', async () => {
    const directory = await changedArtifact(
      replaced(UP, ({ bytes }) => ({ dtype: 'BF16', shape: [bytes.byteLength / 2, 1] })),
    );
    await expect(ensureGraph(directory)).resolves.toBeDefined();
  });

  it('is refused when it is made of links to another folder', async () => {
    const folder = await scratchFolder();
    await writeTinyCheckpoint(path.join(folder, 'blobs'));
    const directory = await scratchFolder();
    await writeFile(
      path.join(directory, 'config.json'),
      await readFile(path.join(folder, 'blobs', 'config.json')),
    );
    await symlink(
      path.join(folder, 'blobs', 'model.safetensors'),
      path.join(directory, 'model.safetensors'),
    );
    await expect(ensureGraph(directory)).rejects.toThrow(/link to another folder/);
  });
});

import { describe, expect, it } from 'vitest';
import { joinShards, readShardIndex } from '../../../../app/checkpoint/safetensors/shard-index.ts';
import type { TensorInfo } from '../../../../app/contract/checkpoint.ts';

function indexOf(weightMap: Record<string, string>): string {
  return JSON.stringify({ metadata: { total_size: 8 }, weight_map: weightMap });
}

function tensor(name: string, file: string): TensorInfo {
  return { name, dtype: 'F32', shape: [1], file, byteOffset: 100, byteLength: 4 };
}

describe('readShardIndex', () => {
  it('lists files in their order', async () => {
    const index = await readShardIndex(indexOf({ b: 'm-2.safetensors', a: 'm-1.safetensors' }));
    expect(index.files).toEqual(['m-1.safetensors', 'm-2.safetensors']);
  });

  it.each(['mein modell ü.safetensors', '模型-00001.safetensors', "it's (1).safetensors"])(
    'takes the file name %j',
    async (file) => {
      expect((await readShardIndex(indexOf({ a: file }))).files).toEqual([file]);
    },
  );

  it('takes what Python writes beside the map', async () => {
    const text = '{"metadata":{"total_size":NaN},"weight_map":{"a":"x.safetensors"}}';
    expect((await readShardIndex(text)).files).toEqual(['x.safetensors']);
  });

  it.each([
    '../model.safetensors',
    '/etc/model.safetensors',
    'sub/model.safetensors',
    'sub\\model.safetensors',
    'C:model.safetensors',
    '..\\model.safetensors',
    '.safetensors',
    '.hidden.safetensors',
    'model.bin',
    'model.safetensors\u0000',
    'a\nb.safetensors',
    '',
    `${'x'.repeat(300)}.safetensors`,
    'CON.safetensors',
    'nul.model.safetensors',
    'Com1.safetensors',
    'LPT² .safetensors',
    'conout$.safetensors',
    'a*.safetensors',
    ' a.safetensors',
    'model\u202e.safetensors',
  ])('refuses the file name %j', async (file) => {
    await expect(readShardIndex(indexOf({ a: file }))).rejects.toMatchObject({
      code: 'malformed-file',
      reason: 'unsafe-file-name',
    });
  });

  it.each([
    '',
    'x',
    '[]',
    '{}',
    '{"weight_map":[]}',
    '{"weight_map":{"a":1}}',
    '{"weight_map":{}}',
  ])('refuses %j', async (text) => {
    await expect(readShardIndex(text)).rejects.toThrow('model.safetensors.index.json');
  });
});

describe('joinShards', () => {
  const index = { files: ['x.safetensors', 'y.safetensors'] };
  const a = tensor('a', 'x.safetensors');
  const b = tensor('b', 'y.safetensors');
  const joined = (...tensors: TensorInfo[]): TensorInfo[] =>
    joinShards(
      index,
      Map.groupBy(tensors, ({ file }) => file),
    );

  it('joins the shards in the order of their names', () => {
    expect(joined(b, a)).toEqual([a, b]);
  });

  it('takes a tensor that the index does not know', () => {
    const further = tensor('c', 'x.safetensors');
    expect(joined(a, further, b)).toEqual([a, further, b]);
  });

  it('takes the last of a tensor that is in two shards, as transformers does', () => {
    const again = tensor('a', 'y.safetensors');
    expect(joined(a, b, again)).toEqual([b, again]);
  });
});

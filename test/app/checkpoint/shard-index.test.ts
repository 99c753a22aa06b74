import { describe, expect, it } from 'vitest';
import { joinShards, parseShardIndex } from '../../../app/checkpoint/index.ts';
import type { TensorInfo } from '../../../app/contract/checkpoint.ts';

function indexOf(weightMap: Record<string, string>): string {
  return JSON.stringify({ metadata: { total_size: 8 }, weight_map: weightMap });
}

function tensor(name: string, file: string): TensorInfo {
  return { name, dtype: 'F32', shape: [1], file, byteOffset: 100, byteLength: 4 };
}

describe('parseShardIndex', () => {
  it('lists files in their order and where each tensor is', () => {
    const index = parseShardIndex(indexOf({ b: 'm-2.safetensors', a: 'm-1.safetensors' }));
    expect(index.files).toEqual(['m-1.safetensors', 'm-2.safetensors']);
    expect(index.weightMap.get('b')).toBe('m-2.safetensors');
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
  ])('refuses the file name %j', (file) => {
    expect(() => parseShardIndex(indexOf({ a: file }))).toThrow(
      expect.objectContaining({ code: 'malformed-file' }),
    );
  });

  it('refuses a tensor that stands twice', () => {
    const text = '{"weight_map":{"a":"x.safetensors","a":"y.safetensors"}}';
    expect(() => parseShardIndex(text)).toThrow('"a" twice');
  });

  it.each([
    '',
    'x',
    '[]',
    '{}',
    '{"weight_map":[]}',
    '{"weight_map":{"a":1}}',
    '{"weight_map":{}}',
  ])('refuses %j', (text) => {
    expect(() => parseShardIndex(text)).toThrow('model.safetensors.index.json');
  });
});

describe('joinShards', () => {
  const index = parseShardIndex(indexOf({ a: 'x.safetensors', b: 'y.safetensors' }));
  const a = tensor('a', 'x.safetensors');
  const b = tensor('b', 'y.safetensors');

  it('joins what agrees', () => {
    const headers = new Map([
      ['y.safetensors', [b]],
      ['x.safetensors', [a]],
    ]);
    expect(joinShards(index, headers)).toEqual([a, b]);
  });

  it('refuses a tensor of the index that its shard does not have', () => {
    const headers = new Map([['x.safetensors', [a]]]);
    expect(() => joinShards(index, headers)).toThrow('b should be in y.safetensors');
  });

  it('refuses a tensor of a shard that the index does not know', () => {
    const headers = new Map([['x.safetensors', [a, tensor('c', 'x.safetensors')]]]);
    expect(() => joinShards(index, headers)).toThrow('tensor c is in x.safetensors');
  });

  it('refuses a tensor that is in two shards', () => {
    const headers = new Map([
      ['x.safetensors', [a]],
      ['y.safetensors', [b, tensor('a', 'y.safetensors')]],
    ]);
    expect(() => joinShards(index, headers)).toThrow('tensor a is in y.safetensors');
  });
});

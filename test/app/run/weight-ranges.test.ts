import path from 'node:path';
import { expect, it } from 'vitest';
import { rangesToMap } from '../../../app/run/weight-ranges.ts';

const tensor = (
  name: string,
  byteOffset: number,
  byteLength: number,
  file = 'model.safetensors',
): Parameters<typeof rangesToMap>[1][number] => ({
  name,
  dtype: 'U8',
  shape: [byteLength],
  file,
  byteOffset,
  byteLength,
});

const tensors = [
  tensor('model.layers.0.a', 100, 10),
  tensor('model.embed_tokens.weight', 110, 50),
  tensor('model.layers.0.b', 160, 5),
  tensor('model.layers.1.a', 165, 5),
];
const head = tensor('lm_head.weight', 8, 40, 'nibble-runtime.tensors');
const model = path.join('folder', 'model.safetensors');

it('joins what lies behind each other, and leaves out an embedding that is no head', () => {
  expect(rangesToMap('folder', [...tensors, head], 0)).toEqual([
    { path: model, begin: 100, end: 110 },
    { path: model, begin: 160, end: 170 },
    { path: path.join('folder', 'nibble-runtime.tensors'), begin: 8, end: 48 },
  ]);
  expect(rangesToMap('folder', tensors, 0)).toEqual([{ path: model, begin: 100, end: 170 }]);
});

it('gives nothing where it is not worth it', () => {
  expect(rangesToMap('folder', tensors, 70)).toHaveLength(1);
  expect(rangesToMap('folder', tensors, 71)).toEqual([]);
  expect(rangesToMap('folder', [...tensors, head])).toEqual([]);
  expect(rangesToMap('folder', [])).toEqual([]);
});

it('leaves experts alone: a token needs a few of them', () => {
  const mixture = [
    tensor('model.layers.0.mlp.gate.weight', 0, 10),
    tensor('model.layers.0.mlp.experts.0.up_proj.weight', 10, 10),
    tensor('model.layers.0.mlp.shared_expert.up_proj.weight', 20, 10),
  ];
  expect(rangesToMap('folder', mixture, 0)).toEqual([
    { path: model, begin: 0, end: 10 },
    { path: model, begin: 20, end: 30 },
  ]);
});

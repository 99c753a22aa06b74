// Experts that lie in one tensor: every matrix is a part of the file's tensor, by rows or by columns.
import { expect, it } from 'vitest';
import type { TensorInfo } from '../../../app/contract/checkpoint.ts';
import {
  expertStacks,
  withoutStacks,
  type ModelTensor,
} from '../../../app/models/expert-stacks.ts';

const LAYER = 'model.layers.3.';
const START = 100;

function stack(name: string, shape: number[]): TensorInfo {
  const byteLength = 2 * shape.reduce((product, size) => product * size, 1);
  const place = { file: 'model.safetensors', byteOffset: START, byteLength };
  return { name: `${LAYER}${name}`, dtype: 'BF16', shape, ...place };
}

const apart = (
  tensor: TensorInfo,
  order: 'rows' | 'columns' | 'either',
  hiddenSize = 6,
): readonly ModelTensor[] =>
  withoutStacks([tensor], expertStacks('mlp.experts', order), hiddenSize, (name) => name);

it('by rows every matrix is a run of bytes', () => {
  const parts = apart(stack('mlp.experts.gate_up_proj', [2, 8, 6]), 'rows');
  expect(
    parts.map(({ name, shape, byteOffset, byteLength }) => [name, shape, byteOffset, byteLength]),
  ).toEqual([
    [`${LAYER}mlp.experts.0.gate_proj.weight`, [4, 6], START, 48],
    [`${LAYER}mlp.experts.0.up_proj.weight`, [4, 6], START + 48, 48],
    [`${LAYER}mlp.experts.1.gate_proj.weight`, [4, 6], START + 96, 48],
    [`${LAYER}mlp.experts.1.up_proj.weight`, [4, 6], START + 144, 48],
  ]);
  expect(parts.every(({ transposed }) => transposed === undefined)).toBe(true);
});

it('by columns it is some columns of its expert', () => {
  const parts = apart(stack('mlp.experts.gate_up_proj', [2, 6, 8]), 'columns');
  expect(parts.map(({ shape, byteOffset, transposed }) => [shape, byteOffset, transposed])).toEqual(
    [
      [[4, 6], START, { width: 8, first: 0, step: 1 }],
      [[4, 6], START, { width: 8, first: 4, step: 1 }],
      [[4, 6], START + 96, { width: 8, first: 0, step: 1 }],
      [[4, 6], START + 96, { width: 8, first: 4, step: 1 }],
    ],
  );
  const [first] = expertStacks('mlp.experts', 'columns').map((each) => ({
    ...each,
    alternating: true,
  }));
  const turns = withoutStacks(
    [stack('mlp.experts.gate_up_proj', [1, 6, 8])],
    first === undefined ? [] : [first],
    6,
    (name) => name,
  );
  expect(turns.map(({ transposed }) => transposed)).toEqual([
    { width: 8, first: 0, step: 2 },
    { width: 8, first: 1, step: 2 },
  ]);
});

it('which of both it is shows in the width of the layers, by rows in doubt', () => {
  const isByRows = (name: string, shape: number[], hiddenSize: number): boolean =>
    apart(stack(name, shape), 'either', hiddenSize).every(
      ({ transposed }) => transposed === undefined,
    );
  expect(isByRows('mlp.experts.gate_up_proj', [2, 8, 6], 6)).toBe(true);
  expect(isByRows('mlp.experts.gate_up_proj', [2, 6, 8], 6)).toBe(false);
  expect(isByRows('mlp.experts.down_proj', [2, 6, 4], 6)).toBe(true);
  expect(isByRows('mlp.experts.down_proj', [2, 4, 6], 6)).toBe(false);
  expect(isByRows('mlp.experts.gate_up_proj', [2, 6, 6], 6)).toBe(true);
});

it('leaves alone what fits no stack', () => {
  for (const tensor of [
    stack('mlp.experts.gate_up_proj', [8, 6]),
    stack('mlp.experts.gate_up_proj', [2, 7, 6]),
    stack('mlp.experts.0.gate_proj.weight', [4, 6]),
    { ...stack('mlp.experts.gate_up_proj', [2, 8, 6]), name: 'other.mlp.experts.gate_up_proj' },
  ])
    expect(apart(tensor, 'rows')).toEqual([tensor]);
});

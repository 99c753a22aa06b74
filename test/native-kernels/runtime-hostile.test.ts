import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { Model } from '../../native-kernels/index.ts';
import {
  at,
  bf16,
  encodeGraph,
  f32,
  i8,
  lookupGraph,
  node,
  openGraph,
  u8,
  writeGraph,
  type Graph,
  type Tensor,
} from './runtime-graphs.ts';

const zeros = (count: number): number[] => new Array<number>(count).fill(0);
const x = node('Embedding', 'x', ['input_ids', 'table']);
const table = f32([2, 8], zeros(16));

function graphOf(
  operator: string,
  inputs: string[],
  integers: Record<string, number>,
  tensors: Record<string, Tensor>,
  format = 'levels4',
): Graph {
  const attributes = {
    ...Object.fromEntries(Object.entries(integers).map(([name, int]) => [name, { int }])),
    ...(operator === 'Linear' ? { format: { text: format }, nested_offset: { float: 0 } } : {}),
    ...(operator === 'Attention' ? { scale: { float: 1 } } : {}),
  };
  return {
    nodes: [x, node(operator, 'y', inputs, attributes)],
    tensors: { table, ...tensors },
    result: 'y',
    width: 4,
  };
}

const linear4 = {
  codes: u8([16], zeros(16)),
  absmax: f32([2], zeros(2)),
  map: f32([16], zeros(16)),
};
const shape4 = { in_features: 8, out_features: 4, block_size: 16 };
const inputs4 = ['x', 'codes', 'absmax', '', 'map'];
const shapeAffine = { in_features: 8, out_features: 4, block_size: 4 };
const shapeFloat = { in_features: 8, out_features: 4 };
const shapeRows = { in_features: 8, out_features: 4, block_size: 8 };
const affine = { w: i8([4, 8], zeros(32)), scales: f32([4, 2], zeros(8)) };

const hostile: [string, Graph][] = [
  ['short codes', graphOf('Linear', inputs4, shape4, { ...linear4, codes: u8([15], zeros(15)) })],
  ['short absmax', graphOf('Linear', inputs4, shape4, { ...linear4, absmax: f32([1], [0]) })],
  ['a short map', graphOf('Linear', inputs4, shape4, { ...linear4, map: f32([15], zeros(15)) })],
  ['an integer map', graphOf('Linear', inputs4, shape4, { ...linear4, map: u8([16], zeros(16)) })],
  ['blocks of 0', graphOf('Linear', inputs4, { ...shape4, block_size: 0 }, linear4)],
  ['negative sizes', graphOf('Linear', inputs4, { ...shape4, in_features: -8 }, linear4)],
  [
    'sizes whose product overflows',
    graphOf(
      'Linear',
      inputs4,
      { ...shape4, in_features: 2 ** 31 - 1, out_features: 2 ** 31 - 1 },
      linear4,
    ),
  ],
  [
    'double quantization without its tables',
    graphOf('Linear', inputs4, shape4, { ...linear4, absmax: u8([2], zeros(2)) }),
  ],
  [
    'a short nested absmax',
    graphOf('Linear', [...inputs4, 'nested', 'nestedMap'], shape4, {
      ...linear4,
      absmax: u8([2], zeros(2)),
      nested: f32([0], []),
      nestedMap: f32([256], zeros(256)),
    }),
  ],
  [
    'a short bias',
    graphOf(
      'Linear',
      ['x', 'w', '', '', '', '', '', 'bias'],
      shapeFloat,
      { w: bf16([4, 8], zeros(32)), bias: f32([3], zeros(3)) },
      'bf16',
    ),
  ],
  [
    'weights of integers',
    graphOf('Linear', ['x', 'w'], shapeFloat, { w: i8([4, 8], zeros(32)) }, 'f32'),
  ],
  [
    'a weight vector',
    graphOf('Linear', ['x', 'w'], shapeFloat, { w: f32([32], zeros(32)) }, 'f32'),
  ],
  ['a computed weight', graphOf('Linear', ['x', 'x'], shapeFloat, {}, 'f32')],
  [
    'a short row absmax',
    graphOf(
      'Linear',
      ['x', 'w', 'absmax'],
      shapeRows,
      { w: i8([4, 8], zeros(32)), absmax: f32([3], zeros(3)) },
      'int8_rows',
    ),
  ],
  [
    'short scales',
    graphOf(
      'Linear',
      ['x', 'w', 'scales'],
      shapeAffine,
      { ...affine, scales: f32([4], zeros(4)) },
      'int8',
    ),
  ],
  ['an unknown format', graphOf('Linear', ['x', 'w', 'scales'], shapeAffine, affine, 'int5')],
  [
    'short zero points',
    graphOf(
      'Linear',
      ['x', 'w', 'scales', 'zeros'],
      shapeAffine,
      { ...affine, zeros: i8([7], zeros(7)) },
      'int8',
    ),
  ],
  ['a norm without epsilon', graphOf('RmsNorm', ['x', 'w'], {}, { w: f32([8], zeros(8)) })],
  ['an unknown operator', graphOf('Launch', ['x'], {}, {})],
];

function attentionGraph(changes: Record<string, number>, cosWidth = 2): Graph {
  const sizes = { layer: 0, heads: 2, kv_heads: 1, head_dim: 4, window: 0, ...changes };
  const graph = graphOf('Attention', ['x', 'k', 'v', 'cos', 'sin', 'position'], sizes, {
    ks: f32([2, 4], zeros(8)),
    cosines: f32([2, cosWidth], zeros(2 * cosWidth)),
  });
  const lookup = (name: string, source: string): Graph['nodes'][number] =>
    node('Embedding', name, ['input_ids', source]);
  const lookups = [
    lookup('k', 'ks'),
    lookup('v', 'ks'),
    lookup('cos', 'cosines'),
    lookup('sin', 'cosines'),
  ];
  return { ...graph, nodes: [...graph.nodes.toSpliced(1, 0, ...lookups)], width: 8 };
}

describe('a hostile graph', () => {
  it.each([
    ...hostile,
    ['heads that cannot share', attentionGraph({ heads: 3, kv_heads: 2 })],
    ['no heads', attentionGraph({ heads: 0 })],
    ['a giant head', attentionGraph({ head_dim: 1 << 20 })],
    ['a giant layer', attentionGraph({ layer: 1 << 30 })],
    [
      'two operators for one layer',
      {
        ...attentionGraph({}),
        nodes: [
          ...attentionGraph({}).nodes,
          { ...at(attentionGraph({}).nodes, -1), name: 'z', outputs: ['z'] },
        ],
      },
    ],
  ] as [string, Graph][])('is refused when loaded: %s', async (_, graph) => {
    await expect(openGraph(graph)).rejects.toMatchObject({ code: 'malformed-file' });
  });

  it.each<[string, Graph]>([
    [
      'activations of another width',
      graphOf(
        'Linear',
        ['x', 'w'],
        { ...shapeFloat, in_features: 9 },
        { w: f32([4, 9], zeros(36)) },
        'f32',
      ),
    ],
    ['queries of another width', attentionGraph({ heads: 1 })],
    ['a rotation wider than a head', attentionGraph({}, 3)],
    [
      'a computed bias',
      graphOf(
        'Linear',
        ['x', 'w', '', '', '', '', '', 'x'],
        shapeFloat,
        { w: f32([4, 8], zeros(32)) },
        'f32',
      ),
    ],
    [
      'a norm of another width',
      {
        ...graphOf('RmsNorm', ['x', 'w'], {}, { w: f32([9], zeros(9)) }),
        nodes: [x, node('RmsNorm', 'y', ['x', 'w'], { epsilon: { float: 1 } })],
      },
    ],
    ['logits of another width than stated', { ...lookupGraph(zeros(8), 4), width: 3 }],
  ])('is refused when run: %s', async (_, graph) => {
    const model = await openGraph(graph);
    await expect(model.evaluate([0, 1], { rows: 'all' })).rejects.toMatchObject({
      code: 'malformed-file',
    });
    expect(model.position).toBe(0);
  });

  it('is refused when it is no graph at all', async () => {
    for (const bytes of [
      new Uint8Array(),
      new TextEncoder().encode('not a graph'),
      new Uint8Array(99).fill(255),
    ]) {
      await expect(openGraph(bytes)).rejects.toMatchObject({ code: 'malformed-file' });
    }
  });

  it('is refused when it is cut short anywhere', async () => {
    const whole = encodeGraph(lookupGraph(zeros(32), 8));
    for (let length = 1; length < whole.length; length += 7) {
      await expect(openGraph(whole.subarray(0, length))).rejects.toMatchObject({
        code: 'malformed-file',
      });
    }
  });
});

describe('a handle', () => {
  const addon = createRequire(import.meta.url)(
    fileURLToPath(new URL('../../native-kernels/build/nibble.node', import.meta.url)),
  ) as Record<string, (...values: unknown[]) => unknown>;

  it('of anything else is refused', async () => {
    const graphPath = writeGraph(encodeGraph(lookupGraph(zeros(4), 2)));
    await (await Model.open({ graphPath, contextLength: 4 })).close();
    for (const wrong of [undefined, null, 1, {}, [], Object.create(null), new Uint8Array(64)]) {
      for (const name of [
        'modelPosition',
        'modelMemory',
        'modelClose',
        'modelTruncate',
        'modelEvaluate',
        'modelGenerate',
      ]) {
        expect(() => addon[name]?.(wrong, 0)).toThrow(
          expect.objectContaining({ code: 'invalid-input' }),
        );
      }
    }
  });
});

describe('a missing library', () => {
  it('is reported as what it is', () => {
    const script = `
      const addon = require(${JSON.stringify(fileURLToPath(new URL('../../native-kernels/build/nibble.node', import.meta.url)))});
      for (const file of ['/nowhere/libonnxruntime.so', process.execPath, __filename]) {
        try { addon.runtimeOpen(file); console.log('opened'); } catch (error) { console.log(error.code); }
      }`;
    const { stdout } = spawnSync(process.execPath, ['-e', script], { encoding: 'utf8' });
    expect(stdout.trim().split('\n')).toEqual(new Array(3).fill('runtime-unavailable'));
  });
});

import { rename } from 'node:fs/promises';
import path from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import type { TensorStatistics } from '../../../app/contract/checkpoint.ts';
import type { SchemeName } from '../../../app/contract/scheme.ts';
import { tensorViewSchema, type TensorView } from '../../../app/contract/tensor-view.ts';
import {
  nearNames,
  viewTensor,
  type ViewTensorOptions,
} from '../../../app/inspect-tensor/index.ts';
import { codebook } from '../../../native-kernels/index.ts';
import { artifactIn } from '../../fixtures/artifact-in.ts';
import { quantizeFolder } from '../../fixtures/quantize-folder.ts';
import { floatsOf, readSafetensors } from '../../fixtures/read-safetensors.ts';
import { scratchFolder } from '../../fixtures/scratch.ts';
import { writeTinyCheckpoint } from '../../fixtures/tiny-checkpoint.ts';

const NAME = 'model.layers.1.mlp.down_proj.weight';
const ROWS = 64;
const COLUMNS = 192;
const OUTLIER = 17;

let source: string;
let weights: Float32Array;
beforeAll(async () => {
  source = await scratchFolder();
  await writeTinyCheckpoint(source, {
    dtype: 'F32',
    change: (tensors) => {
      const tensor = tensors.find(({ name }) => name === NAME);
      if (tensor === undefined) throw new Error('the fixture has another layout');
      const values = new Float32Array(tensor.bytes.slice().buffer);
      for (let row = 0; row < ROWS; row++) values[row * COLUMNS + OUTLIER] = 0.9 + row / 1000;
      return tensors.map((other) =>
        other === tensor ? { ...tensor, bytes: new Uint8Array(values.buffer) } : other,
      );
    },
  });
  const stored = readSafetensors(path.join(source, 'model.safetensors')).get(NAME);
  if (stored === undefined) throw new Error('the fixture lacks the tensor');
  weights = floatsOf(stored);
});

function statisticsOf(options: Partial<TensorStatistics> = {}): TensorStatistics {
  return {
    name: NAME,
    dtype: 'F32',
    shape: [ROWS, COLUMNS],
    treatment: 'quantized',
    reason: null,
    blockSize: 64,
    numel: ROWS * COLUMNS,
    storedBytes: 0,
    bitsPerWeight: 4,
    rmsError: 0,
    relativeError: 0,
    maxError: 0,
    sqnrDb: null,
    cosine: 1,
    sha256: '',
    ...options,
  };
}

const folders = new Map<string, Promise<string>>();
function artifactFolder(scheme: SchemeName, blockSize?: number): Promise<string> {
  const key = `${scheme}-${blockSize ?? ''}`;
  const made =
    folders.get(key) ??
    (async (): Promise<string> => {
      const folder = path.join(await scratchFolder(), key);
      await quantizeFolder(source, folder, scheme, { blockSize });
      return folder;
    })();
  folders.set(key, made);
  return made;
}

async function view(
  scheme: SchemeName,
  statistics: Partial<TensorStatistics> = {},
  options: Partial<ViewTensorOptions> = {},
): Promise<TensorView> {
  const blockSize = statistics.blockSize ?? undefined;
  const folder = await artifactFolder(scheme, blockSize);
  const shown = await viewTensor({
    artifact: await artifactIn(folder, `tiny-${scheme}`, scheme),
    tensor: statisticsOf(statistics),
    checkpointDirectory: source,
    bins: 32,
    ...options,
  });
  expect(tensorViewSchema.parse(shown)).toEqual(shown);
  return shown;
}

/** Counts by the definition: one comparison per value and edge. */
function countsOf(values: readonly number[], edges: readonly number[]): number[] {
  return edges.slice(1).map((upper, i) => {
    const isLast = i === edges.length - 2;
    const lower = edges[i] ?? 0;
    return values.filter((value) => value >= lower && (value < upper || (isLast && value <= upper)))
      .length;
  });
}

/** Largest magnitude of each block of consecutive weights. */
function absmaxOf(values: readonly number[], blockSize: number): number[] {
  const absmax: number[] = [];
  for (let start = 0; start < values.length; start += blockSize)
    absmax.push(Math.max(...values.slice(start, start + blockSize).map(Math.abs)));
  return absmax;
}

describe('viewing a tensor', () => {
  it('counts weights, normalized weights and block scales by the definition', async () => {
    const shown = await view('nf4');
    const values = [...weights];
    expect(shown.source).toBe('checkpoint');
    expect(shown.weights.edges).toHaveLength(33);
    expect(shown.weights.edges[0]).toBe(Math.min(...values));
    expect(shown.weights.edges.at(-1)).toBe(Math.max(...values));
    expect(shown.weights.counts).toEqual(countsOf(values, shown.weights.edges));

    const absmax = absmaxOf(values, 64);
    const normalized = values.map((value, i) => value / (absmax[Math.floor(i / 64)] ?? 1));
    expect(shown.normalized?.counts).toEqual(countsOf(normalized, shown.normalized?.edges ?? []));
    expect(shown.absmax?.histogram.counts).toEqual(
      countsOf(absmax, shown.absmax?.histogram.edges ?? []),
    );
    const sorted = [...absmax].sort((a, b) => a - b);
    const median = sorted[Math.floor((sorted.length - 1) / 2)] ?? 0;
    expect(shown.absmax).toMatchObject({ least: sorted[0], median, most: sorted.at(-1) });

    const index = absmax.indexOf(median);
    expect(shown.block).toMatchObject({ index, absmax: median });
    expect(shown.block?.weights).toEqual(values.slice(index * 64, index * 64 + 64));
    expect(shown.levels).toEqual([...codebook('nf4')]);
    // Each restored weight is the nearest level times the absmax.
    for (const [i, weight] of (shown.block?.weights ?? []).entries()) {
      const distances = shown.levels.map((level) => Math.abs(weight / median - level));
      const nearest = shown.levels[distances.indexOf(Math.min(...distances))] ?? 0;
      expect(shown.block?.restored[i]).toBeCloseTo(nearest * median, 6);
    }
  });

  it('finds the column that stands out', async () => {
    const { channels } = await view('nf4');
    expect(channels).toMatchObject({ count: COLUMNS, span: 1 });
    const ofColumn = (column: number): number =>
      Math.max(...[...weights].filter((_, i) => i % COLUMNS === column).map(Math.abs));
    expect(channels.absmax).toEqual(Array.from({ length: COLUMNS }, (_, i) => ofColumn(i)));
    expect(channels.outliers).toEqual([{ column: OUTLIER, absmax: ofColumn(OUTLIER) }]);
  });

  it.each([
    ['llm-int8', null, 255],
    ['int8-absmax', 0, 255],
    ['int8-absmax', 64, 255],
    ['int8-zeropoint', 64, 256],
    ['int4', 32, 16],
    ['fp4', 64, 16],
    ['nf4-dq', 64, 16],
    ['fp4-dq', 32, 16],
  ] as const)(
    'restores the example block of %s (%s) on its levels',
    async (scheme, blockSize, n) => {
      const shown = await view(scheme, { blockSize });
      expect(shown.levels).toHaveLength(n);
      const { block } = shown;
      expect(block?.restored).toHaveLength(
        blockSize === null || blockSize === 0 ? COLUMNS : blockSize,
      );
      // LLM.int8 rounds to float16 first, and double quantization moves the scale of a block a little.
      const tolerance = scheme.endsWith('dq') ? 0.08 : 0.001;
      for (const value of block?.restored ?? []) {
        const place = value / (block?.absmax ?? 1);
        const nearest = Math.min(...shown.levels.map((level) => Math.abs(level - place)));
        expect(nearest).toBeLessThan(tolerance);
      }
      const error = (block?.weights ?? []).map((weight, i) =>
        Math.abs(weight - (block?.restored[i] ?? Number.NaN)),
      );
      expect(Math.max(...error)).toBeLessThan(0.35 * (block?.absmax ?? 0));
      expect(Math.max(...error)).toBeGreaterThan(0);
    },
  );

  it('counts what the artifact restores where the checkpoint is gone', async () => {
    for (const checkpointDirectory of [null, `${source}-gone`]) {
      const shown = await view('nf4-dq', {}, { checkpointDirectory });
      expect(shown.source).toBe('artifact');
      expect(shown.weights.counts.reduce((sum, count) => sum + count, 0)).toBe(ROWS * COLUMNS);
      expect(shown.block?.weights).toEqual(shown.block?.restored);
      // All normalized weights lie on the sixteen levels: few bins are taken.
      expect(shown.normalized?.counts.filter((count) => count > 0).length).toBeLessThanOrEqual(16);
    }
  });

  it('shows a tensor that was kept without blocks, also a vector', async () => {
    const shown = await view('nf4', {
      name: 'model.norm.weight',
      shape: [64],
      treatment: 'kept',
      blockSize: null,
    });
    expect(shown).toMatchObject({ normalized: null, levels: [], absmax: null, block: null });
    expect(shown.weights.counts.reduce((sum, count) => sum + count, 0)).toBe(64);
    expect(shown.channels.count).toBe(64);
  });

  it('says what is missing and stops when told to', async () => {
    const folder = await artifactFolder('nf4');
    const artifact = await artifactIn(folder, 'tiny-nf4', 'nf4');
    await expect(
      view('nf4', {}, { artifact: { ...artifact, directory: `${folder}-gone` } }),
    ).rejects.toMatchObject({
      code: 'not-found',
      message: expect.stringContaining('tiny-nf4 is gone') as string,
    });
    await expect(view('nf4', {}, { signal: AbortSignal.abort() })).rejects.toMatchObject({
      code: 'aborted',
    });
    // Another scheme's artifact in the folder: its parts do not fit.
    const other = await artifactFolder('int8-absmax', 64);
    const moved = `${other}-moved`;
    await rename(other, moved);
    await expect(
      view('nf4', {}, { artifact: { ...artifact, directory: moved } }),
    ).rejects.toMatchObject({ code: 'malformed-file' });
  });
});

describe('near names', () => {
  it('share the most parts', () => {
    const known = [
      'model.embed_tokens.weight',
      'model.layers.0.mlp.up_proj.weight',
      'model.layers.1.mlp.up_proj.weight',
      'model.layers.1.mlp.down_proj.weight',
    ];
    expect(nearNames('layers.1.mlp.up_proj', known)[0]).toBe('model.layers.1.mlp.up_proj.weight');
    expect(nearNames('zzz', known)).toEqual([]);
  });
});

import { mkdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { mapWeightsAhead, Model } from '../../native-kernels/index.ts';
import {
  encodeGraph,
  f16,
  f32,
  floatLinear,
  node,
  writeGraph,
  type Graph,
  type Tensor,
} from './runtime-graphs.ts';

/** A row of the table that the last token names; the table lies in a file, where `stored` says. */
function storedTable(stored: string): Graph {
  return {
    nodes: [node('Embedding', 'row', ['input_ids'], { stored: { text: stored } })],
    tensors: {},
    result: 'row',
    width: 4,
  };
}

const values = [1, 2, 3, 4, -1, -2, -3, -4];
const FILE_BYTES = 40;
let folder = '';

beforeAll(() => {
  folder = path.dirname(writeGraph(new Uint8Array()));
  const put = (name: string, { bytes }: Tensor, offset: number): void => {
    const file = new Uint8Array(FILE_BYTES);
    file.set(bytes, offset);
    writeFileSync(path.join(folder, name), file);
  };
  put('a.safetensors', f32([2, 4], values), 8);
  // Mapped data need not be aligned.
  put('odd name, 2.safetensors', f16([2, 4], values), 3);
  mkdirSync(path.join(folder, 'folder.safetensors'), { recursive: true });
  writeFileSync(path.join(folder, 'empty.safetensors'), '');
  writeFileSync(path.join(folder, 'table.bin'), new Uint8Array(FILE_BYTES));
  writeFileSync(path.join(folder, '.safetensors'), new Uint8Array(FILE_BYTES));
});

async function open(graph: Graph): Promise<Model> {
  const graphPath = writeGraph(encodeGraph(graph));
  return Model.open({ graphPath, contextLength: 8, threads: 1 });
}

describe('a weight in a file beside the graph', () => {
  it.each(['1 F32 8 2 4/a.safetensors', '1 F16 3 2 4/odd name, 2.safetensors'])(
    'is read where %s says',
    async (stored) => {
      const model = await open(storedTable(stored));
      const logits = await model.evaluate([0, 1], { rows: 'all' });
      await model.close();
      expect([...logits]).toEqual(values);
    },
  );

  it('may be one of several, in other files', async () => {
    const stored = '1 F32 8 2 4/a.safetensors/7 F16 3 2/odd name, 2.safetensors';
    const model = await open({
      nodes: [
        node('Embedding', 'x', ['input_ids', 'table']),
        node('Linear', 'y', ['x'], { ...floatLinear('f32', 2, 4), stored: { text: stored } }),
      ],
      tensors: { table: f32([1, 4], [1, 1, 1, 1]) },
      result: 'y',
      width: 2,
    });
    const logits = await model.evaluate([0], { rows: 'last' });
    await model.close();
    expect([...logits]).toEqual([11, -8]);
  });

  it.each([
    ['ends behind its file', '1 F32 12 2 4/a.safetensors'],
    ['begins behind its file', '1 F32 41 0/a.safetensors'],
    ['begins where no file can', '1 F32 18446744073709551615 1 1/a.safetensors'],
    ['has a product of sizes that overflows', `1 F32 0 ${2 ** 40} ${2 ** 40}/a.safetensors`],
    ['has a size below 0', '1 F32 8 -2 4/a.safetensors'],
    ['has a place that is no number', '1 F32 8x 2 4/a.safetensors'],
    ['has no place', '1 F32/a.safetensors'],
    ['has another type', '1 F64 8 2 4/a.safetensors'],
    ['has no shape', '1 F32 8/a.safetensors'],
    ['is another input', '0 F32 8 2 4/a.safetensors'],
    ['names no file', '1 F32 8 2 4'],
    ['has a bare ending for a name', '1 F32 8 2 4/.safetensors'],
    ['names another kind of file', '1 F32 8 2 4/table.bin'],
    ["names a file that ends like the runner's", '1 F32 8 2 4/other.tensors'],
    ["names the runner's file by a path", '1 F32 8 2 4/../nibble-runtime.tensors'],
    ['names a folder', '1 F32 8 2 4/folder.safetensors'],
    ['lies in an empty file', '1 F32 0 2 4/empty.safetensors'],
    ['names a file by a path', '1 F32 8 2 4/../a.safetensors'],
    ['names a file by a path of Windows', '1 F32 8 2 4/..\\a.safetensors'],
  ])('is refused when it %s', async (_, stored) => {
    await expect(open(storedTable(stored))).rejects.toMatchObject({ code: 'malformed-file' });
  });

  it('is refused when its file is not there', async () => {
    const missing = storedTable('1 F32 8 2 4/b.safetensors');
    await expect(open(missing)).rejects.toMatchObject({ code: 'not-found' });
  });
});

// Windows does not let a mapped file be cut.
describe.skipIf(process.platform === 'win32')('weights that vanish under a model', () => {
  const rows = 4096;
  const open4096 = (name: string): Promise<Model> =>
    open(storedTable(`1 F32 0 ${rows} 4/${name}.safetensors`));
  const put = (name: string): string => {
    const file = path.join(folder, `${name}.safetensors`);
    writeFileSync(file, f32([rows, 4], new Float32Array(rows * 4).fill(7)).bytes);
    return file;
  };
  const unreadable = {
    code: 'malformed-file',
    reason: 'weights-unreadable',
    facts: { file: expect.stringMatching(/^cut/) as string },
  };

  it('fail its commands from then on, also where only zeros are read for them', async () => {
    const file = put('cut1');
    const model = await open4096('cut1');
    expect([...(await model.evaluate([rows - 1], { rows: 'last' }))]).toEqual([7, 7, 7, 7]);
    truncateSync(file, 100);
    // Behind the last page of the file, and within it.
    await expect(model.evaluate([rows - 1], { rows: 'last' })).rejects.toMatchObject(unreadable);
    await expect(model.evaluate([20], { rows: 'last' })).rejects.toMatchObject(unreadable);
    await expect(model.evaluate([0], { rows: 'last' })).rejects.toMatchObject(unreadable);
    await model.close();
  });

  it('are read anew by the next model, once the file is whole again', async () => {
    const file = put('cut2');
    const model = await open4096('cut2');
    truncateSync(file, 0);
    await expect(model.evaluate([rows - 1], { rows: 'last' })).rejects.toMatchObject(unreadable);
    put('cut2');
    const next = await open4096('cut2');
    expect([...(await next.evaluate([rows - 1], { rows: 'last' }))]).toEqual([7, 7, 7, 7]);
    await expect(model.evaluate([rows - 1], { rows: 'last' })).rejects.toMatchObject(unreadable);
    await Promise.all([model.close(), next.close()]);
  });
});

describe('weights that are mapped ahead', () => {
  const file = (name: string): string => path.join(folder, name);

  it('are those that a model is opened on, and stay when they are let go of', async () => {
    const release = mapWeightsAhead([
      { path: file('a.safetensors'), begin: 8, end: 24 },
      { path: file('a.safetensors'), begin: 24, end: 10_000 },
      { path: file('odd name, 2.safetensors'), begin: 90_000, end: 3 },
    ]);
    const model = await open(storedTable('1 F32 8 2 4/a.safetensors'));
    release();
    release();
    const logits = await model.evaluate([1, 0], { rows: 'all' });
    await model.close();
    expect([...logits]).toEqual([...values.slice(4), ...values.slice(0, 4)]);
  });

  it('are read anew where the file has become another one', async () => {
    const replaced = file('replaced.safetensors');
    const put = (first: number): void => {
      rmSync(replaced, { force: true });
      writeFileSync(replaced, f32([1, 4], [first, 0, 0, 0]).bytes);
    };
    put(1);
    const release = mapWeightsAhead([{ path: replaced, begin: 0, end: 16 }]);
    put(2);
    const model = await open(storedTable('1 F32 0 1 4/replaced.safetensors'));
    release();
    const logits = await model.evaluate([0], { rows: 'last' });
    await model.close();
    expect([...logits]).toEqual([2, 0, 0, 0]);
  });

  it('may be missing: opening the model will say so', () => {
    expect(() => {
      mapWeightsAhead([{ path: file('b.safetensors'), begin: 0, end: 16 }])();
    }).not.toThrow();
  });
});

import path from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { scratchFolder } from '../fixtures/scratch.ts';
import { writeTinyCheckpoint } from '../fixtures/tiny-checkpoint.ts';
import { mutateTemplate } from './mutate-template.ts';
import { mutateGraph, mutateJson, mutateSafetensors } from './mutate.ts';
import { FuzzWorker, LIMITS, type Verdict } from './pool.ts';
import { Random } from './random.ts';

describe('a change of a file', () => {
  const sound = Buffer.from(JSON.stringify({ a: [1, 2, { b: 'text' }], c: null }));
  it.each([
    ['JSON', mutateJson, sound],
    [
      'a template',
      mutateTemplate,
      Buffer.from('{% for m in messages %}{{ m.content }}{% endfor %}'),
    ],
    ['a graph', mutateGraph, Buffer.from('\x08stored 1 F32 16 2 4/a.safetensors')],
    [
      'safetensors',
      mutateSafetensors,
      Buffer.concat([
        Buffer.from([55, 0, 0, 0, 0, 0, 0, 0]),
        Buffer.from('{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}  '.slice(0, 55)),
        Buffer.from([0, 0, 0, 0]),
      ]),
    ],
  ])('of %s is the same for the same seed', (_, mutate, source) => {
    const changes = Array.from({ length: 50 }, (_value, seed) =>
      Buffer.from(mutate(source, new Random(seed))).toString('hex'),
    );
    expect(changes).toEqual(
      Array.from({ length: 50 }, (_value, seed) =>
        Buffer.from(mutate(source, new Random(seed))).toString('hex'),
      ),
    );
    expect(new Set(changes).size).toBeGreaterThan(15);
  });
});

describe('the harness', () => {
  let corpus = '';
  let directory = '';
  beforeAll(async () => {
    corpus = await scratchFolder();
    directory = path.join(await scratchFolder(), 'input');
    await writeTinyCheckpoint(path.join(corpus, 'llama'), { layers: 1 });
  });

  it.each<[string, Verdict['kind']]>([
    ['fault-crash', 'crash'],
    ['fault-hang', 'hang'],
    ['fault-memory', 'memory'],
    ['fault-codeless', 'codeless'],
    ['fault-none', 'fine'],
  ])('finds %s', async (target, kind) => {
    // Only the fault that never ends needs a short limit; none of the others depends on it.
    const hangMs = kind === 'hang' ? 200 : 60_000;
    const worker = new FuzzWorker({ corpus, directory, limits: { ...LIMITS, hangMs } });
    try {
      expect((await worker.examine({ target, seed: 1 })).kind).toBe(kind);
    } finally {
      worker.close();
    }
  });
});

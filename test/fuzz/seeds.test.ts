// What fuzzing has found, once and for all.
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { scratchFolder } from '../fixtures/scratch.ts';
import { KEPT_FILE, type Kept } from './child.ts';
import { writeCorpus } from './corpus.ts';
import { FuzzWorker, LIMITS } from './pool.ts';

const seeds = fileURLToPath(new URL('./seeds/', import.meta.url));
const inputs = readdirSync(seeds).map((name): [string, string, Kept] => {
  const folder = path.join(seeds, name);
  return [name, folder, JSON.parse(readFileSync(path.join(folder, KEPT_FILE), 'utf8')) as Kept];
});

describe('an input that was a finding', () => {
  let worker: FuzzWorker;
  beforeAll(async () => {
    const corpus = await scratchFolder();
    await writeCorpus(corpus);
    // The machine may be busy: only an input that never ends meets the limit.
    const limits = { ...LIMITS, hangMs: 50_000 };
    worker = new FuzzWorker({ corpus, directory: await scratchFolder(), limits });
  });
  afterAll(() => {
    worker.close();
  });

  it.each(inputs)('%s is refused or goes through', async (_, kept, { target, seed }) => {
    expect(await worker.examine({ target, seed, kept })).toMatchObject({ kind: 'fine' });
  });
});

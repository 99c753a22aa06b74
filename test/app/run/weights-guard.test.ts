// What speaks is what is said: an answer never leaves under the fingerprint of weights that it did not come from.
import { closeSync, fstatSync, openSync, readSync, writeSync } from 'node:fs';
import { cp, link, readFile, rename, stat, utimes, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Handlers } from '../../../app/contract/rpc.ts';
import type { RunnerApi } from '../../../app/contract/runner-api.ts';
import { createRunner } from '../../../app/runner.ts';
import { quantizeFolder } from '../../fixtures/quantize-folder.ts';
import { scratchFolder } from '../../fixtures/scratch.ts';
import { writeTinyCheckpoint } from '../../fixtures/tiny-checkpoint.ts';

type Loaded = Awaited<ReturnType<Handlers<RunnerApi>['load']>>;
type Answer = Awaited<ReturnType<Handlers<RunnerApi>['generate']>>;

const signal = new AbortController().signal;
const sampling = { temperature: 0, topK: 0, topP: 1, minP: 0, repetitionPenalty: 1, seed: 0 };
const WEIGHTS = 'model.safetensors';

let made: string;
let directory: string;
const file = (name: string): string => path.join(directory, name);

beforeAll(async () => {
  const source = await scratchFolder();
  await writeTinyCheckpoint(source);
  made = path.join(await scratchFolder(), 'nf4');
  await quantizeFolder(source, made, 'nf4-dq');
});
beforeEach(async () => {
  directory = path.join(await scratchFolder(), 'nf4');
  await cp(made, directory, { recursive: true, preserveTimestamps: true });
});

class Runner {
  readonly handlers = createRunner();

  load(mode: 'fast' | 'exact' = 'fast'): Promise<Loaded> {
    return this.handlers.load(
      { directory, mode, device: 'cpu', profile: false },
      { signal, emit: () => undefined },
    );
  }

  generate(maxTokens = 4, onTokens: () => void = () => undefined): Promise<Answer> {
    return this.handlers.generate(
      {
        ids: [1, 2, 3],
        sampling,
        maxTokens,
        alternatives: 0,
        ignoreStopIds: true,
        reuse: false,
      },
      { signal, emit: onTokens },
    );
  }

  check(): Promise<unknown> {
    return this.handlers.checkWeights({ now: true }, { signal, emit: () => undefined });
  }
}

async function loaded(mode?: 'fast' | 'exact'): Promise<{ runner: Runner; model: Loaded }> {
  const runner = new Runner();
  return { runner, model: await runner.load(mode) };
}

/** Loads and checks the model until the outcome is kept, which it is once the files are not brand-new. */
async function known(): Promise<Runner> {
  for (let i = 0; i < 200; i++) {
    const { runner, model } = await loaded();
    if (model.weightsCheck === 'verified') return runner;
    await runner.check();
  }
  throw new Error('Nothing was kept.');
}

/** Turns over a bit of the last byte of a file where it lies. */
function damage(name: string): void {
  const place = openSync(file(name), 'r+');
  const { size } = fstatSync(place);
  const byte = Buffer.alloc(1);
  readSync(place, byte, 0, 1, size - 1);
  writeSync(place, Buffer.from([(byte[0] ?? 0) ^ 1]), 0, 1, size - 1);
  closeSync(place);
}

/** Zeros in the place of all tensors. */
function zero(name: string): void {
  const place = openSync(file(name), 'r+');
  const header = Buffer.alloc(8);
  readSync(place, header, 0, 8, 0);
  const start = 8 + Number(header.readBigUInt64LE());
  const { size } = fstatSync(place);
  writeSync(place, Buffer.alloc(size - start), 0, size - start, start);
  closeSync(place);
}

const refused = (name: string): object => ({
  code: 'checksum-mismatch',
  reason: 'weights-changed',
  facts: { file: name, folder: directory },
});

describe('weights that are as they were made', () => {
  it('are checked behind the first answer, and known at the next load', async () => {
    const { runner, model } = await loaded();
    expect(model.weightsCheck).toBe('checking');
    const answer = await runner.generate();
    expect(answer).toMatchObject({
      weightsSha256: model.weightsSha256,
      weightsCheck: 'checking',
    });
    expect(await runner.check()).toEqual({
      weightsSha256: model.weightsSha256,
      weightsCheck: 'verified',
    });
    expect((await runner.generate()).weightsCheck).toBe('verified');
    expect((await (await known()).generate()).weightsCheck).toBe('verified');
  });

  it('stay what they are when they are touched or get a second name', async () => {
    const runner = await known();
    await utimes(file(WEIGHTS), new Date(), new Date());
    expect((await runner.generate()).weightsCheck).toBe('verified');
    await link(file(WEIGHTS), file('second'));
    expect((await runner.generate()).weightsCheck).toBe('verified');
  });
});

describe('weights that are not what was recorded', () => {
  it.each([WEIGHTS, 'nibble-runtime.tensors'])(
    'are refused at the first answer when one bit of %s was turned over',
    async (name) => {
      damage(name);
      const { runner } = await loaded();
      await expect(runner.generate()).rejects.toMatchObject(refused(name));
      await expect(runner.generate()).rejects.toMatchObject(refused(name));
      // What was found out is kept once the file is not brand-new: from then on no runner even loads.
      for (let i = 0; i < 200; i++) {
        const next = await loaded().catch((error: unknown) => error);
        if (next instanceof Error) {
          expect(next).toMatchObject(refused(name));
          return;
        }
        await expect((next as { runner: Runner }).runner.generate()).rejects.toThrow();
      }
      expect.fail('It was loaded again and again.');
    },
  );

  it('are refused once they were checked, when nothing about the file gives the change away', async () => {
    damage(WEIGHTS);
    await utimes(file(WEIGHTS), new Date(0), new Date(0));
    const { runner } = await loaded();
    expect((await runner.generate()).weightsCheck).toBe('checking');
    await expect(runner.check()).rejects.toMatchObject(refused(WEIGHTS));
    await expect(runner.generate()).rejects.toMatchObject(refused(WEIGHTS));
  });

  it('are refused when they were known before', async () => {
    await known();
    damage(WEIGHTS);
    await utimes(file(WEIGHTS), new Date(0), new Date(0));
    await expect((await loaded()).runner.generate()).rejects.toMatchObject(refused(WEIGHTS));
  });

  it('are refused at once when the size is another', async () => {
    const manifest = await readFile(file('nibble.json'), 'utf8');
    const { size } = await stat(file(WEIGHTS));
    expect(manifest).toContain(`"sizeBytes": ${size},`);
    await writeFile(
      file('nibble.json'),
      manifest.replace(`"sizeBytes": ${size},`, `"sizeBytes": ${size + 8},`),
    );
    await expect(loaded()).rejects.toMatchObject(refused(WEIGHTS));
  });

  it('do not matter where they take no part: exact mode and the copy of the output layer', async () => {
    damage('nibble-runtime.tensors');
    const { runner, model } = await loaded('exact');
    const whole = (await loaded()).model.weightsSha256;
    expect(model.weightsSha256).toBe(whole);
    await runner.check();
    expect((await runner.generate()).weightsCheck).toBe('verified');
  });
});

describe('weights that change under a loaded model', () => {
  it('are noticed at the end of the answer', async () => {
    const runner = await known();
    const answer = runner.generate(200, () => {
      zero(WEIGHTS);
    });
    await expect(answer).rejects.toMatchObject(refused(WEIGHTS));
    await expect(runner.generate()).rejects.toMatchObject(refused(WEIGHTS));
  });

  it('and are changed back leave an answer that nobody can vouch for', async () => {
    const runner = await known();
    const answer = await runner.generate(200, () => {
      damage(WEIGHTS);
      damage(WEIGHTS);
    });
    expect(answer.weightsCheck).toBe('unverified');
    expect((await runner.generate()).weightsCheck).toBe('verified');
  });

  it('are noticed between two answers', async () => {
    const runner = await known();
    damage(WEIGHTS);
    await expect(runner.generate()).rejects.toMatchObject(refused(WEIGHTS));
  });

  it('by another file of that name make it load again', async () => {
    const runner = await known();
    await cp(file(WEIGHTS), file('other'));
    await rename(file('other'), file(WEIGHTS));
    await expect(runner.generate()).rejects.toMatchObject({
      code: 'checksum-mismatch',
      reason: 'weights-replaced',
    });
    expect((await (await loaded()).runner.generate()).weightsCheck).not.toBe('unverified');
  });
});

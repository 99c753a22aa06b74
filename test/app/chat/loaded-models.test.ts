import { readFileSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import Sqlite from 'better-sqlite3';
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import type { HeldModel } from '../../../app/contract/runner-api.ts';
import { greedySampling } from '../../../app/contract/sampling.ts';
import { probeGpus } from '../../../native-kernels/index.ts';
import {
  chatHome,
  LONG_ANSWER,
  openChatEngine,
  type ChatEngine,
} from '../../fixtures/chat-home.ts';
import { buildFakeDrivers } from '../../fixtures/fake-driver/build.ts';
import { quiet } from '../../fixtures/test-engine.ts';
import { WAIT_MS } from '../../fixtures/wait.ts';

const [nf4, int8, bf16] = ['sample-nf4-dq', 'sample-llm-int8', 'sample-bf16'] as const;

const drivers = await buildFakeDrivers();
const { hasKernels } = await probeGpus();

let home: string;
let engine: ChatEngine;

beforeAll(async () => {
  home = await chatHome(['nf4-dq', 'llm-int8', 'bf16']);
});
beforeEach(async () => {
  engine = await openChatEngine(home);
  await engine.client.updateSettings({ heldModels: 2 });
});
afterEach(() => {
  delete process.env['NIBBLE_CUDA_DRIVER'];
});

function isAlive(pid: number | undefined): boolean {
  try {
    process.kill(pid ?? 0, 0);
    return true;
  } catch {
    return false;
  }
}

/** The processes that a process has started and that are still there. */
async function childrenOf(pid: number): Promise<number[]> {
  const text = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8');
  return text.trim().split(' ').filter(Boolean).map(Number);
}

/** Whether a process does anything: one that ended and whose parent is gone may be listed until the system reaps it. */
function isRunning(pid: number): boolean {
  try {
    return !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}

/** Waits until the list of models is as wanted, and gives it. */
async function until(isWanted: (models: HeldModel[]) => boolean): Promise<HeldModel[]> {
  const last = (): HeldModel[] => engine.told.at(-1) ?? [];
  await expect.poll(() => isWanted(last()), { timeout: WAIT_MS, interval: 5 }).toBe(true);
  return last();
}

/** Starts an answer that goes on until it is stopped; resolves when the model speaks. */
async function startAnswer(artifactId: string): Promise<{ stop: () => Promise<void> }> {
  const { id } = await engine.client.createConversation({
    artifactId,
    sampling: { ...greedySampling, temperature: 5 },
    maxTokens: LONG_ANSWER,
  });
  const controller = new AbortController();
  let ended: Promise<unknown> = Promise.resolve();
  await new Promise<void>((resolve, reject) => {
    ended = engine.client.say(
      { conversationId: id, parentId: null, content: 'Tell me a story.' },
      {
        signal: controller.signal,
        onEvent: ({ kind }) => {
          if (kind === 'tokens') resolve();
        },
      },
    );
    ended.catch(reject);
  });
  return {
    stop: async () => {
      controller.abort();
      await ended;
    },
  };
}

function ids(models: readonly HeldModel[]): string[] {
  return models.map(({ artifactId, state }) => `${artifactId} ${state}`);
}

describe('models that are held', () => {
  it('tell how they are loaded, rest and answer', async () => {
    const ready = await engine.client.loadModel({ artifactId: nf4 });
    expect(ready).toMatchObject({ artifactId: nf4, state: 'ready', error: null });
    expect(ready.loaded?.contextLength).toBeGreaterThan(0);
    expect(ready.loaded?.contextLength).toBeLessThanOrEqual(8192);
    expect(ready.expectedBytes).toBeGreaterThan(1_000_000);
    const [measured] = await until(([model]) => model?.state === 'ready' && model.memory !== null);
    expect(measured?.memory?.residentBytes).toBeGreaterThan(1_000_000);
    const { stop } = await startAnswer(nf4);
    await until(([model]) => model?.state === 'answering');
    await stop();
    await until(([model]) => model?.state === 'ready');
    expect(engine.told[0]).toEqual([]);
    expect(engine.told.some(([model]) => model?.state === 'loading')).toBe(true);
    expect(engine.pids).toHaveLength(1);
    await engine.client.unloadModel({ artifactId: nf4 });
    expect(engine.told.at(-1)).toEqual([]);
    expect(isAlive(engine.pids[0])).toBe(false);
    await engine.client.unloadModel({ artifactId: nf4 });
  });

  it('load once for all that ask at the same time', async () => {
    await Promise.all([1, 2, 3].map(() => engine.client.loadModel({ artifactId: nf4 })));
    expect(engine.pids).toHaveLength(1);
  });

  it('keep their context as the settings say', async () => {
    const bytes: number[] = [];
    for (const cacheType of ['f16', 'int8'] as const) {
      await engine.client.updateSettings({ cacheType });
      const { stop } = await startAnswer(nf4);
      await stop();
      const [model] = await until(
        ([first]) => first?.state === 'ready' && (first.memory?.cacheBytes ?? 0) > 0,
      );
      bytes.push(model?.memory?.cacheBytes ?? 0);
    }
    await engine.client.updateSettings({ cacheType: 'f16' });
    const [f16 = 0, int8Bytes = 0] = bytes;
    expect(int8Bytes).toBeGreaterThan(f16 / 2);
    expect(int8Bytes).toBeLessThan(f16 * 0.6);
    expect(engine.pids).toHaveLength(2);
  });

  it('make room: the one used longest ago goes, never one that answers', async () => {
    await engine.client.loadModel({ artifactId: nf4 });
    await engine.client.loadModel({ artifactId: int8 });
    const { stop } = await startAnswer(nf4);
    await engine.client.loadModel({ artifactId: bf16 });
    // nf4 was loaded first, but it is answering, and was used after int8.
    expect(ids(engine.told.at(-1) ?? [])).toEqual([`${nf4} answering`, `${bf16} ready`]);
    expect(isAlive(engine.pids[1])).toBe(false);
    await stop();
    await engine.client.loadModel({ artifactId: int8 });
    expect(ids(engine.told.at(-1) ?? [])).toEqual([`${nf4} ready`, `${int8} ready`]);
    expect(engine.pids.map(isAlive)).toEqual([true, false, false, true]);
  });

  it('wait for room where all are answering, and can be taken back', async () => {
    await engine.client.updateSettings({ heldModels: 1 });
    const { stop } = await startAnswer(nf4);
    const waiting = engine.client.loadModel({ artifactId: int8 });
    const given = new AbortController();
    const refused = engine.client.loadModel({ artifactId: bf16 }, { signal: given.signal });
    const outcome = expect(refused).rejects.toMatchObject({ code: 'aborted' });
    await until((models) => models.length === 3);
    expect(engine.pids).toHaveLength(1);
    given.abort();
    await outcome;
    await until((models) => models.length === 2);
    await stop();
    expect((await waiting).state).toBe('ready');
    await until((models) => ids(models).join() === `${int8} ready`);
    expect(engine.pids).toHaveLength(2);
    expect(isAlive(engine.pids[0])).toBe(false);
  });

  it('are seen to die while idle, and are loaded anew', async () => {
    await engine.client.loadModel({ artifactId: nf4 });
    process.kill(engine.pids[0] ?? 0, 'SIGKILL');
    const [crashed] = await until(([model]) => model?.state === 'crashed');
    expect(crashed).toMatchObject({ loaded: null, memory: null });
    expect(crashed?.error).toMatchObject({ code: 'runner-crashed' });
    expect(crashed?.error?.message).toContain('SIGKILL');
    expect(await engine.client.loadModel({ artifactId: nf4 })).toMatchObject({
      state: 'ready',
      error: null,
    });
    expect(engine.pids).toHaveLength(2);
  });

  it('can be given up while they load', async () => {
    const loading = engine.client.loadModel({ artifactId: nf4 });
    const outcome = expect(loading).rejects.toMatchObject({ code: 'aborted' });
    await until(([model]) => model?.state === 'loading');
    await engine.client.unloadModel({ artifactId: nf4 });
    await outcome;
    expect(engine.told.at(-1)).toEqual([]);
    expect(engine.pids.some(isAlive)).toBe(false);
  });

  it.skipIf(drivers === null || !hasKernels || process.platform !== 'linux')(
    'tell which device is tried first, and a stop ends that (Linux, a C compiler, a build with CUDA kernels)',
    async () => {
      process.env['NIBBLE_CUDA_DRIVER'] = drivers?.driver;
      // A runner sees nothing of the environment that it does not need.
      await writeFile(`${drivers?.driver}.mode`, 'hang');
      await engine.client.updateSettings({ device: 'auto' });
      const { id } = await engine.client.createConversation({
        artifactId: nf4,
        sampling: greedySampling,
        maxTokens: 1,
      });
      const stop = new AbortController();
      const answer = engine.client.say(
        { conversationId: id, parentId: null, content: 'Hello' },
        { signal: stop.signal },
      );
      const [trying] = await until(([model]) => (model?.trial ?? null) !== null);
      expect(trying).toMatchObject({
        state: 'loading',
        trial: { device: 'cuda', done: 0, total: null, secondsLeft: null },
      });
      const [runner] = engine.pids;
      // The program that hangs in the driver: it is started right after it was announced.
      let tried: number[] = [];
      await vi.waitUntil(
        async () => {
          tried = await childrenOf(runner ?? 0);
          return tried.length === 1;
        },
        { timeout: WAIT_MS },
      );
      stop.abort();
      expect((await answer).state).toBe('stopped');
      await until((models) => models.length === 0);
      expect(isAlive(runner)).toBe(false);
      await vi.waitUntil(() => !tried.some(isRunning), { timeout: WAIT_MS });
    },
  );

  it('are refused where the folder holds other weights than the catalog says', async () => {
    const catalog = new Sqlite(path.join(home, 'catalog.sqlite'));
    const setHash = catalog.prepare('UPDATE artifacts SET weights_sha256 = ? WHERE id = ?');
    const { weightsSha256 } = await engine.handlers.locate({ id: nf4 }, quiet);
    setHash.run('a'.repeat(64), nf4);
    await expect(engine.client.loadModel({ artifactId: nf4 })).rejects.toMatchObject({
      code: 'checksum-mismatch',
      message: expect.stringContaining(weightsSha256.slice(0, 12)) as string,
    });
    const [model] = await until(([first]) => first?.state === 'crashed');
    expect(model?.error?.code).toBe('checksum-mismatch');
    expect(engine.pids.some(isAlive)).toBe(false);
    setHash.run(weightsSha256, nf4);
    catalog.close();
    expect((await engine.client.loadModel({ artifactId: nf4 })).state).toBe('ready');
  });

  it('end when they are removed from the library', async () => {
    await engine.client.loadModel({ artifactId: bf16 });
    await engine.client.remove({ id: bf16, forever: true });
    expect(engine.told.at(-1)).toEqual([]);
    expect(isAlive(engine.pids[0])).toBe(false);
    await expect(engine.client.loadModel({ artifactId: bf16 })).rejects.toMatchObject({
      code: 'not-found',
    });
  });

  it('end with the engine', async () => {
    await engine.client.loadModel({ artifactId: nf4 });
    const loading = engine.client.loadModel({ artifactId: int8 });
    const outcome = expect(loading).rejects.toMatchObject({ code: 'aborted' });
    await until((models) => models.length === 2);
    await engine.close();
    await outcome;
    expect(engine.pids.some(isAlive)).toBe(false);
    await expect(engine.client.loadModel({ artifactId: nf4 })).rejects.toMatchObject({
      code: 'aborted',
    });
  });
});

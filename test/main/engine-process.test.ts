import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, vi } from 'vitest';
import { AppError } from '../../app/contract/error.ts';
import { ENGINE_SILENCE_LIMIT_MS } from '../../main/processes/heartbeat.ts';
import { openEngine } from '../../main/processes/open-engine.ts';
import {
  superviseEngine,
  type StartedEngine,
  type SupervisedEngine,
} from '../../main/processes/supervise-engine.ts';
import { scratchFolder } from '../fixtures/scratch.ts';
import { WAIT_MS } from '../fixtures/wait.ts';

const fixture = (name: string): string =>
  fileURLToPath(new URL(`../fixtures/processes/${name}.ts`, import.meta.url));

async function eventually(condition: () => boolean): Promise<void> {
  await vi.waitUntil(condition, { timeout: WAIT_MS, interval: 5 });
}

async function withEngine(
  engine: SupervisedEngine,
  use: (engine: SupervisedEngine) => Promise<void>,
): Promise<void> {
  try {
    await use(engine);
  } finally {
    await engine.close();
  }
}

describe('an engine process', () => {
  it('says why it cannot begin', async () => {
    const file = path.join(await scratchFolder(), 'file');
    await writeFile(file, 'no folder');
    await expect(openEngine({ home: file })).rejects.toMatchObject({
      code: expect.not.stringMatching('engine-restarted') as string,
      message: expect.stringContaining(file) as string,
    });
  });

  it('waits with calls until it is there again, as often as it dies', async () => {
    const engine = await openEngine({ home: await scratchFolder() });
    await withEngine(engine, async ({ client, pid, onRestart }) => {
      const told: string[] = [];
      const stop = onRestart((reason) => told.push(reason));
      const pids = new Set<number | null>();
      for (let i = 0; i < 3; i++) {
        expect((await client.list({})).artifacts).toEqual([]);
        pids.add(pid());
        process.kill(pid() ?? 0, 'SIGKILL');
        await eventually(() => told.length === i + 1);
      }
      expect(pids.size).toBe(3);
      expect(told.every((reason) => reason.includes('SIGKILL'))).toBe(true);
      stop();
    });
  });

  it('lets a call be cancelled while it waits', async () => {
    const engine = await openEngine({ home: await scratchFolder() });
    await withEngine(engine, async ({ client, pid }) => {
      process.kill(pid() ?? 0, 'SIGKILL');
      const controller = new AbortController();
      const call = client.list({}, { signal: controller.signal });
      controller.abort();
      await expect(call).rejects.toMatchObject({ code: 'aborted' });
    });
  });

  it('gives up on one that dies again and again, with its last words', async () => {
    const engine = await openEngine({
      home: await scratchFolder(),
      entry: fixture('dying-engine'),
    });
    await withEngine(engine, async ({ client, onRestart }) => {
      const told: string[] = [];
      onRestart((reason) => told.push(reason));
      await eventually(() => told.some((reason) => reason.includes('not started again')));
      await expect(client.list({})).rejects.toMatchObject({
        code: 'engine-restarted',
        message: expect.stringMatching(/ended 5 times.*exit code 3: The driver is gone/s) as string,
        remedy: expect.stringContaining('Wait a minute') as string,
      });
    });
  });

  it('is ended and replaced when it is frozen; calls in flight are told, later ones are answered', async () => {
    // The watcher's clock is the test's: the one thing that it must never judge is the engine that takes the place.
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    try {
      const engine = await openEngine({ home: await scratchFolder() });
      await withEngine(engine, async ({ client, pid, onRestart }) => {
        const restarted = new Promise((resolve) => onRestart(resolve));
        const frozen = pid() ?? 0;
        process.kill(frozen, 'SIGSTOP');
        const call = client.list({});
        const outcome = expect(call).rejects.toMatchObject({
          code: 'engine-restarted',
          reason: 'engine-hung',
          facts: { seconds: ENGINE_SILENCE_LIMIT_MS / 1000 },
        });
        vi.advanceTimersByTime(ENGINE_SILENCE_LIMIT_MS);
        await outcome;
        expect(await restarted).toContain('no sign of life');
        expect((await client.list({})).artifacts).toEqual([]);
        expect(pid()).not.toBe(frozen);
      });
    } finally {
      vi.useRealTimers();
    }
  });

  it('is not waited for without end when it never says that it is there', async () => {
    const entry = fixture('silent');
    const opening = openEngine({ home: await scratchFolder(), entry, readyTimeoutMs: 1 });
    await expect(opening).rejects.toMatchObject({ reason: 'engine-silent' });
  });

  it('is given up when it cannot be started, however long each start takes', async () => {
    const { promise: gone, resolve: die } = Promise.withResolvers<AppError>();
    const first = await openEngine({ home: await scratchFolder() });
    let hours = 0;
    let starts = 0;
    const started = (): Promise<StartedEngine> => {
      hours++;
      if (starts++ > 0) return Promise.reject(new AppError('internal', 'It was silent.'));
      return Promise.resolve({ client: first.client, pid: 1, gone, close: first.close });
    };
    const engine = await superviseEngine(started, {
      now: () => hours * 3_600_000,
      sleep: () => Promise.resolve(),
    });
    await withEngine(engine, async ({ client, onRestart }) => {
      const told = new Promise((resolve) => onRestart(resolve));
      die(new AppError('engine-restarted', 'It was killed.'));
      expect(await told).toContain('could not be started 4 times');
      expect(starts).toBe(5);
      // An hour later, as this clock says, one more start is tried; it fails, and this call is told.
      await expect(client.list({})).rejects.toMatchObject({
        message: expect.any(String) as string,
      });
    });
    await first.close();
  });

  it('ends when it is asked to and then takes no calls', async () => {
    const engine = await openEngine({ home: await scratchFolder() });
    const pid = engine.pid() ?? 0;
    await engine.close();
    await engine.close();
    expect(() => process.kill(pid, 0)).toThrow();
    await expect(engine.client.list({})).rejects.toMatchObject({ code: 'aborted' });
  });
});

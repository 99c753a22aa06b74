import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, vi } from 'vitest';
import { openEngine } from '../../main/processes/open-engine.ts';
import type { SupervisedEngine } from '../../main/processes/supervise-engine.ts';
import { scratchFolder } from '../fixtures/scratch.ts';
import { WAIT_MS } from '../fixtures/wait.ts';

const dyingEngine = fileURLToPath(
  new URL('../fixtures/processes/dying-engine.ts', import.meta.url),
);

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
    const engine = await openEngine({ home: await scratchFolder(), entry: dyingEngine });
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

  it('ends when it is asked to and then takes no calls', async () => {
    const engine = await openEngine({ home: await scratchFolder() });
    const pid = engine.pid() ?? 0;
    await engine.close();
    await engine.close();
    expect(() => process.kill(pid, 0)).toThrow();
    await expect(engine.client.list({})).rejects.toMatchObject({ code: 'aborted' });
  });
});

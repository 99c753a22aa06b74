import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it, vi } from 'vitest';
import { AppError } from '../../app/contract/error.ts';
import { childEnvironment } from '../../main/processes/child-environment.ts';
import { openRunner, type RunnerProcess } from '../../main/processes/open-runner.ts';
import { OutputTail } from '../../main/processes/output-tail.ts';
import { chatModel } from '../fixtures/chat-model.ts';
import { scratchFolder } from '../fixtures/scratch.ts';
import { WAIT_MS } from '../fixtures/wait.ts';

const fixture = (name: string): string =>
  fileURLToPath(new URL(`../fixtures/processes/${name}.ts`, import.meta.url));

const messages = [{ role: 'user' as const, content: 'Hello there' }];
const sampling = { temperature: 0.8, topP: 0.9, seed: 5 };
const endless = { ids: [1], sampling, maxTokens: 500, ignoreStopIds: true };

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

async function eventually(condition: () => boolean): Promise<void> {
  await vi.waitUntil(condition, { timeout: WAIT_MS, interval: 5 });
}

describe('a runner process', () => {
  let directory: string;
  beforeAll(async () => {
    directory = await chatModel();
  });

  const withRunner = async (use: (runner: RunnerProcess) => Promise<void>): Promise<void> => {
    const runner = await openRunner({ directory });
    try {
      await use(runner);
    } finally {
      await runner.close();
    }
    expect(isAlive(runner.pid)).toBe(false);
  };

  it('gives the same answer to the same seed in every process', async () => {
    const answers: number[][] = [];
    for (let i = 0; i < 2; i++)
      await withRunner(async ({ client }) => {
        const answer = await client.chat({ messages, sampling, maxTokens: 30 });
        answers.push(answer.ids);
      });
    expect(answers[0]).toHaveLength(30);
    expect(answers[1]).toEqual(answers[0]);
  });

  it('sends logits as they are, and stays usable when an answer is stopped', async () => {
    await withRunner(async ({ client }) => {
      let values = 0;
      await client.score(
        { ids: [1, 2, 3] },
        {
          onEvent: ({ logits }) => {
            expect(logits).toBeInstanceOf(Float32Array);
            expect(logits.every(Number.isFinite)).toBe(true);
            values += logits.length;
          },
        },
      );
      expect(values).toBe(3 * 4096);

      const controller = new AbortController();
      const answer = await client.generate(endless, {
        signal: controller.signal,
        onEvent: () => {
          controller.abort();
        },
      });
      expect(answer.statistics.stop).toBe('cancelled');
      expect((await client.generate({ ...endless, maxTokens: 2 })).ids).toHaveLength(2);
    });
  });

  it('is reported when it is killed in the middle of an answer', async () => {
    const runner = await openRunner({ directory });
    const pending = runner.client.generate(endless, {
      onEvent: () => {
        process.kill(runner.pid, 'SIGKILL');
      },
    });
    await expect(pending).rejects.toMatchObject({
      code: 'runner-crashed',
      message: expect.stringContaining('SIGKILL') as string,
    });
    await runner.exited;
    // What is asked later fails as well, instead of waiting for ever.
    await expect(runner.client.memory({})).rejects.toMatchObject({ code: 'runner-crashed' });
    await runner.close();
  });

  it('ends on close even in the middle of an answer, however often it is called', async () => {
    const runner = await openRunner({ directory });
    const pending = runner.client.generate(endless);
    const outcome = expect(pending).rejects.toMatchObject({ code: 'aborted' });
    await Promise.all([runner.close(), runner.close()]);
    await outcome;
    expect(isAlive(runner.pid)).toBe(false);
  });

  it('ends when its parent is killed', async () => {
    const parent = spawn(process.execPath, [fixture('parent'), directory], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [line] = (await once(parent.stdout, 'data')) as [Buffer];
    const pid = Number(line.toString());
    expect(isAlive(pid)).toBe(true);
    parent.kill('SIGKILL');
    await eventually(() => !isAlive(pid));
  });
});

describe('a runner that runs in circles', () => {
  it('is noticed, ended and told; nobody waits for ever', async () => {
    const directory = await scratchFolder();
    let pid = 0;
    const opening = openRunner({
      directory,
      entry: fixture('spinning'),
      silenceLimitMs: 200,
      onStart: (started) => {
        pid = started;
      },
    });
    await expect(opening).rejects.toMatchObject({
      code: 'runner-crashed',
      reason: 'runner-hung',
      facts: { seconds: 0.2 },
    });
    expect(isAlive(pid)).toBe(false);
  });

  it('ends when its parent is killed, without having looked up', async () => {
    const directory = await scratchFolder();
    const parent = spawn(process.execPath, [fixture('parent'), directory, fixture('spinning')], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [line] = (await once(parent.stdout, 'data')) as [Buffer];
    const pid = Number(line.toString());
    await eventually(() => existsSync(path.join(directory, 'spinning')));
    expect(isAlive(pid)).toBe(true);
    parent.kill('SIGKILL');
    await eventually(() => !isAlive(pid));
  });
});

describe('the environment of a child', () => {
  const parent = {
    Path: '/bin',
    LC_ALL: 'C',
    CUDA_VISIBLE_DEVICES: '0',
    https_proxy: 'http://proxy',
    HF_TOKEN: 'hf_secret',
    AWS_SECRET_ACCESS_KEY: 'secret',
    GITHUB_TOKEN: 'secret',
    NODE_OPTIONS: '--require /tmp/x.js',
    NIBBLE_ADDON: '/tmp/x.node',
    NIBBLE_PARENT: '1',
  };
  const seen = (kind: 'engine' | 'runner', entry: string): string[] =>
    Object.keys(childEnvironment(kind, entry, parent)).filter((name) => name in parent);

  it('has what it needs of its parent, and nobody else’s secrets', () => {
    const plain = ['Path', 'LC_ALL', 'CUDA_VISIBLE_DEVICES'];
    expect(seen('runner', 'r.js')).toEqual([...plain, 'NIBBLE_PARENT']);
    expect(seen('engine', 'e.js')).toEqual([...plain, 'https_proxy', 'HF_TOKEN', 'NIBBLE_PARENT']);
    expect(childEnvironment('runner', 'r.js', parent)['NIBBLE_PARENT']).toBe(`${process.pid}`);
  });

  it('chooses which code is run in a checkout alone', () => {
    expect(seen('runner', 'r.ts')).toContain('NIBBLE_ADDON');
    expect(seen('engine', 'e.js')).not.toContain('NIBBLE_ADDON');
  });
});

describe('opening a runner', () => {
  it('fails as loading fails, and leaves no process behind', async () => {
    const directory = await scratchFolder();
    await expect(openRunner({ directory })).rejects.toMatchObject({ code: 'not-found' });
  });

  it('repeats the last words of a process that dies at once', async () => {
    const opening = openRunner({ directory: '.', entry: fixture('dying') });
    await expect(opening).rejects.toMatchObject({
      code: 'runner-crashed',
      message: expect.stringMatching(/exit code 7: about to fail \| fatal: out of luck/) as string,
    });
  });

  it('repeats the last words of a process that crashes while it loads', async () => {
    const opening = openRunner({ directory: '.', entry: fixture('crashing') });
    await expect(opening).rejects.toMatchObject({
      code: 'runner-crashed',
      message: expect.stringMatching(/SIGABRT.*the first call was the last/) as string,
    });
  });

  it('gives up on a process that says nothing', async () => {
    const opening = openRunner({ directory: '.', entry: fixture('silent'), readyTimeoutMs: 50 });
    await expect(opening).rejects.toMatchObject({
      code: 'runner-crashed',
      message: expect.stringContaining('50 ms') as string,
    });
  });

  it('can be cancelled before, while the process starts and while it loads', async () => {
    const aborted = { code: 'aborted' };
    const directory = await chatModel();
    await expect(openRunner({ directory, signal: AbortSignal.abort() })).rejects.toMatchObject(
      aborted,
    );
    for (const ms of [5, 400]) {
      const opening = openRunner({
        directory: '.',
        entry: fixture('silent'),
        signal: AbortSignal.timeout(ms),
      });
      await expect(opening).rejects.toMatchObject(aborted);
    }
  });
});

describe('the tail of an output', () => {
  it('keeps only the end of what a process says', () => {
    const tail = new OutputTail(21);
    tail.append('first line\n');
    tail.append('a line that is much too long to be kept\nlast\n\n');
    expect(tail.lastLines(2)).toBe('ong to be kept | last');
  });
});

describe('a runner file that is started by hand', () => {
  it('explains itself', async () => {
    const file = fileURLToPath(new URL('../../main/processes/runner-process.ts', import.meta.url));
    const child = spawn(process.execPath, [file], { stdio: ['ignore', 'ignore', 'pipe'] });
    let said = '';
    child.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()));
    const [code] = (await once(child, 'close')) as [number];
    expect(code).not.toBe(0);
    expect(said).toContain('started by Nibble itself');
    expect(said).toContain(AppError.name);
  });
});

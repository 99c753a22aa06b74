import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { randomNumbers, writeTinyCheckpoint } from '../../fixtures/tiny-checkpoint.ts';
import { fingerprintOf } from '../../fixtures/tensors-hash.ts';

const child = fileURLToPath(new URL('./quantize-child.ts', import.meta.url));

let directory: string;
let source: string;

beforeAll(async () => {
  directory = await mkdtemp(path.join(tmpdir(), 'nibble-resume-'));
  source = path.join(directory, 'checkpoint');
  await writeTinyCheckpoint(source, { layers: 16, hiddenSize: 192, intermediateSize: 384 });
});
afterAll(async () => {
  await rm(directory, { recursive: true });
});

function start(target: string, scheme: string, ...more: string[]): ChildProcess {
  return spawn(process.execPath, [child, source, target, scheme, ...more], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
}

async function runToEnd(target: string, scheme: string): Promise<string> {
  const running = start(target, scheme);
  let output = '';
  running.stdout?.on('data', (data: Buffer) => (output += data.toString()));
  const [code] = (await once(running, 'close')) as [number | null];
  expect(code).toBe(0);
  return (JSON.parse(output) as { weightsSha256: string }).weightsSha256;
}

/** Finished tensors by the journal in the partial folder. */
async function journalLines(target: string): Promise<string[]> {
  const text = await readFile(`${target}.partial/journal.jsonl`, 'utf8').catch(() => '');
  return text.split('\n').slice(1, -1);
}

async function killed(running: ChildProcess): Promise<void> {
  const closed = once(running, 'close');
  running.kill('SIGKILL');
  await closed;
}

it.each([
  ['nf4-dq', 4],
  ['llm-int8', 2],
])(
  'killed again and again while it makes %s, gives the same bytes in the end',
  async (scheme, kills) => {
    const undisturbed = await runToEnd(path.join(directory, `${scheme}-whole`), scheme);
    const target = path.join(directory, scheme);
    const random = randomNumbers(scheme.length);
    // Before anything is done, and then in the middle.
    await killed(start(target, scheme));
    for (let kill = 0; kill < kills; kill++) {
      const before = await journalLines(target);
      const [lines, delayMs] = [before.length + 20, Math.floor(random() * 10)];
      const running = start(target, scheme, 'kill-after', String(lines), String(delayMs));
      expect(await once(running, 'close')).toEqual([null, 'SIGKILL']);
      const after = await journalLines(target);
      // What an earlier run finished is not done again: its lines stay in their place.
      expect(after.length).toBeGreaterThanOrEqual(lines);
      expect(after.slice(0, before.length)).toEqual(before);
    }
    expect(await runToEnd(target, scheme)).toBe(undisturbed);
    expect(fingerprintOf(target)).toBe(undisturbed);
    expect((await readdir(directory)).filter((name) => name.startsWith(`${scheme}.`))).toEqual([]);
  },
);

it('killed after the last tensor, has published nothing, keeps others out no longer, and goes on from there', async () => {
  const target = path.join(directory, 'late');
  const running = start(target, 'int4', 'hang-at-finish');
  if (running.stdout === null) throw new Error('The child was started with a pipe.');
  await once(running.stdout, 'data');
  expect(await readdir(directory)).not.toContain('late');

  const second = spawn(process.execPath, [child, source, target, 'int4'], { stdio: 'pipe' });
  let errors = '';
  second.stderr.on('data', (data: Buffer) => (errors += data.toString()));
  await once(second, 'close');
  expect(errors).toContain(`late is being worked on by process ${running.pid}`);

  await killed(running);
  expect(await readdir(directory)).not.toContain('late');
  // The job, 16 layers of nine tensors, two more, and the copy of the output layer.
  expect(await journalLines(target)).toHaveLength(16 * 9 + 3);
  const sha256 = await runToEnd(target, 'int4');
  expect(fingerprintOf(target)).toBe(sha256);
});

import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { contentOf } from '../../fixtures/hub-faults.ts';
import { sha256File, SHARDS } from '../../fixtures/hub-model.ts';
import { LocalSession, NAME } from './local-session.ts';

const CHILD = fileURLToPath(new URL('../../fixtures/pull-child.ts', import.meta.url));

/** Runs the pull in a process; kills it `afterMs` after its first request for content. @returns its exit code or signal */
function run(session: LocalSession, afterMs: number | null): Promise<number | string | null> {
  const child = spawn(
    process.execPath,
    [CHILD, session.server.endpoint, NAME, session.target.directory],
    { stdio: ['ignore', 'ignore', 'inherit'] },
  );
  session.log.clear();
  const watch =
    afterMs === null
      ? undefined
      : setInterval(() => {
          if (session.log.count(contentOf('.safetensors')) === 0) return;
          clearInterval(watch);
          setTimeout(() => child.kill('SIGKILL'), afterMs);
        }, 2);
  return new Promise((resolve) => {
    child.on('exit', (code, signal) => {
      clearInterval(watch);
      resolve(signal ?? code);
    });
  });
}

it('ends with the same files however often it is killed', { timeout: 30_000 }, async () => {
  await using session = await LocalSession.start({
    shardBytes: 6_000_000,
    intercept: (request) =>
      contentOf('.safetensors')(request)
        ? { kind: 'slow', pieceBytes: 60_000, pauseMs: 5 }
        : undefined,
  });
  // Random moments: in the middle of a block, of the journal, of a rename.
  for (let kills = 0; kills < 5; kills++) await run(session, Math.random() * 500);
  expect(await run(session, null)).toBe(0);
  for (const name of [...SHARDS, 'config.json', 'tokenizer.json', 'README.md'])
    expect(sha256File(session.target.join(name)), name).toBe(sha256File(session.source.join(name)));
  expect(existsSync(session.target.join(`${SHARDS[0] ?? ''}.part`))).toBe(false);
  // Every run went on from where the last one was killed.
  session.log.clear();
  expect(await run(session, null)).toBe(0);
  expect(session.log.count(({ file }) => file !== null)).toBe(0);
});

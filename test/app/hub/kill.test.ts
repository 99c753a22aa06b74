import { spawn } from 'node:child_process';
import { existsSync, statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { contentOf } from '../../fixtures/hub-faults.ts';
import { sha256File, SHARDS } from '../../fixtures/hub-model.ts';
import { LocalSession, NAME } from './local-session.ts';

/** Each costs the start of a process. */
const KILLS = 3;

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

function partBytes(session: LocalSession): Record<string, number> {
  return Object.fromEntries(
    SHARDS.map((shard) => {
      const found = statSync(session.target.join(`${shard}.part`), { throwIfNoEntry: false });
      return [shard, found?.size ?? 0];
    }),
  );
}

it('ends with the same files however often it is killed', { timeout: 120_000 }, async () => {
  let isSlow = true;
  await using session = await LocalSession.start({
    shardBytes: 12_000_000,
    intercept: (request) =>
      isSlow && contentOf('.safetensors')(request)
        ? { kind: 'slow', pieceBytes: 30_000, pauseMs: 6 }
        : undefined,
  });
  // Random moments: in the middle of a block, of the journal, of a rename.
  let before = partBytes(session);
  for (let kills = 0; kills <= KILLS; kills++) {
    const isLast = kills === KILLS;
    isSlow = !isLast;
    const end = await run(session, isLast ? null : 50 + Math.random() * 300);
    expect(end).toBe(isLast ? 0 : 'SIGKILL');
    // Every run asks for what is missing, and the bytes only grow.
    for (const shard of SHARDS) {
      const asked = session.log.requests.find(contentOf(shard))?.headers['range'];
      const bytes = before[shard] ?? 0;
      expect([bytes === 0 ? undefined : `bytes=${bytes}-`, 'not asked']).toContain(
        session.log.count(contentOf(shard)) === 0 ? 'not asked' : asked,
      );
      if (!isLast) expect(partBytes(session)[shard]).toBeGreaterThanOrEqual(bytes);
    }
    before = partBytes(session);
  }
  for (const name of [...SHARDS, 'config.json', 'tokenizer.json', 'README.md'])
    expect(sha256File(session.target.join(name)), name).toBe(sha256File(session.source.join(name)));
  expect(existsSync(session.target.join(`${SHARDS[0] ?? ''}.part`))).toBe(false);
  session.log.clear();
  expect(await run(session, null)).toBe(0);
  expect(session.log.count(({ file }) => file !== null)).toBe(0);
});

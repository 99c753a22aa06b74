import { spawn } from 'node:child_process';
import { existsSync, statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { contentOf } from '../../fixtures/hub/hub-faults.ts';
import { sha256File, SHARDS } from '../../fixtures/hub-model.ts';
import { LocalSession, NAME } from './local-session.ts';

/** Before which change of a file the process is killed; what it did before is not done again. Each costs the start of a process. */
const KILLS = [7, 9, 30];

const CHILD = fileURLToPath(new URL('../../fixtures/pull-child.ts', import.meta.url));

const DIE_AT = new URL('../../fixtures/processes/die-at.mjs', import.meta.url).href;

/** Runs the pull in a process; with `call` it is killed before its so many-th change of a file. @returns its exit code or signal */
function run(session: LocalSession, call: number | null): Promise<number | string | null> {
  const preload = call === null ? [] : ['--import', `${DIE_AT}?call=${call}`];
  const child = spawn(
    process.execPath,
    [...preload, CHILD, session.server.endpoint, NAME, session.target.directory],
    { stdio: ['ignore', 'ignore', 'inherit'] },
  );
  session.log.clear();
  return new Promise((resolve) => {
    child.on('exit', (code, signal) => {
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

it('ends with the same files however often it is killed', async () => {
  await using session = await LocalSession.start({ shardBytes: 12_000_000 });
  // Between any two changes of the disk: in the middle of a file, of the journal, of a rename.
  let before = partBytes(session);
  for (const call of [...KILLS, null]) {
    expect(await run(session, call)).toBe(call === null ? 0 : 'SIGKILL');
    // Every run asks for what is missing, and the bytes only grow.
    for (const shard of SHARDS) {
      const asked = session.log.requests.find(contentOf(shard))?.headers['range'];
      const bytes = before[shard] ?? 0;
      expect([bytes === 0 ? undefined : `bytes=${bytes}-`, 'not asked']).toContain(
        session.log.count(contentOf(shard)) === 0 ? 'not asked' : asked,
      );
      if (call !== null) expect(partBytes(session)[shard]).toBeGreaterThanOrEqual(bytes);
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

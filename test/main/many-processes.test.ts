// Several commands that make the same artifact in one home at the same time.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { openCatalog } from '../../app/catalog/index.ts';
import { artifactSchema } from '../../app/contract/checkpoint.ts';
import { runCli, runJson } from '../fixtures/run-cli.ts';
import { scratchFolder } from '../fixtures/scratch.ts';
import { writeTinyCheckpoint } from '../fixtures/tiny-checkpoint.ts';

const entry = fileURLToPath(new URL('../../main/cli/cli.ts', import.meta.url));
const stopItself = new URL('../fixtures/processes/stop-itself.mjs', import.meta.url).href;

// Windows stops no process by a signal.
it.skipIf(process.platform === 'win32')(
  'quantizing one folder three times at once makes one artifact, and tells the others in words',
  async () => {
    const home = await scratchFolder();
    const source = path.join(await scratchFolder(), 'tiny');
    await writeTinyCheckpoint(source);
    const args = ['quantize', source, '--scheme', 'nf4', '--device', 'cpu'];
    const partial = path.join(home, 'artifacts', 'tiny-nf4.partial');
    // The first one holds still right after it made the folder that it works in.
    const first = spawn(
      process.execPath,
      ['--import', `${stopItself}?role=cli&moment=partial`, entry, '--json', ...args],
      { env: { ...process.env, NIBBLE_HOME: home }, stdio: ['ignore', 'pipe', 'pipe'] },
    );
    let stdout = '';
    first.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
    first.stderr.resume();
    const ended = once(first, 'close');
    try {
      while (!existsSync(partial) && first.exitCode === null)
        await new Promise((resolve) => setImmediate(resolve));
      const others = await Promise.all([
        runCli(['--json', ...args], { home }),
        runCli(['--json', ...args], { home }),
      ]);
      for (const { code, stdout: said, stderr } of others) {
        expect(code).toBe(1);
        expect(JSON.parse(said)).toMatchObject({ error: { code: 'busy' } });
        expect(said + stderr).not.toMatch(/constraint|SQLITE/i);
      }
    } finally {
      first.kill('SIGCONT');
      await ended;
    }
    const made = artifactSchema.array().parse(JSON.parse(stdout));
    expect(made).toHaveLength(1);
    // Whoever asks again gets the same one.
    expect(artifactSchema.array().parse(await runJson(args, { home }))).toEqual(made);
    const catalog = openCatalog(path.join(home, 'catalog.sqlite'));
    expect(catalog.models.artifacts()).toEqual(made);
    expect(catalog.models.checkpoints()).toHaveLength(1);
    catalog.close();
    expect(existsSync(partial)).toBe(false);
  },
);

import path from 'node:path';
import Sqlite from 'better-sqlite3';
import { expect, it } from 'vitest';
import { artifactSchema } from '../../../app/contract/checkpoint.ts';
import { runCli, runJson } from '../../fixtures/run-cli.ts';
import { scratchFolder } from '../../fixtures/scratch.ts';
import { writeTinyCheckpoint } from '../../fixtures/tiny-checkpoint.ts';

it('never runs the weights of one model under the name of another', async () => {
  const home = await scratchFolder();
  const source = await scratchFolder();
  await writeTinyCheckpoint(source);
  const [nf4, int4] = artifactSchema
    .array()
    .parse(await runJson(['quantize', source, '--scheme', 'nf4,int4'], { home }));
  const generate = ['generate', nf4?.id ?? '', '--ids', '1,2', '--max-tokens', '2', '--json'];
  expect((await runCli(generate, { home })).code).toBe(0);

  // The row of one is replaced by that of the other's folder.
  const catalog = new Sqlite(path.join(home, 'catalog.sqlite'));
  const move = catalog.prepare('UPDATE artifacts SET directory = ? WHERE id = ?');
  move.run('elsewhere', int4?.id);
  move.run(int4?.directory, nf4?.id);
  catalog.close();
  const { code, stdout } = await runCli(generate, { home });
  expect(code).toBe(1);
  expect(JSON.parse(stdout)).toMatchObject({
    error: {
      reason: 'weights-of-another',
      facts: { found: int4?.weightsSha256, expected: nf4?.weightsSha256 },
    },
  });
});

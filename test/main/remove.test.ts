import { appendFileSync, existsSync, readdirSync, renameSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { artifactSchema } from '../../app/contract/checkpoint.ts';
import { runCli, runJson } from '../fixtures/run-cli.ts';
import { scratchFolder } from '../fixtures/scratch.ts';
import { writeTinyCheckpoint } from '../fixtures/tiny-checkpoint.ts';

describe('nibble remove', () => {
  it('deletes for good, or with --trash moves to the trash', async () => {
    const home = await scratchFolder();
    const source = await scratchFolder();
    await writeTinyCheckpoint(source);
    const [forGood, toTrash, changed] = artifactSchema
      .array()
      .parse(await runJson(['quantize', source, '--scheme', 'nf4,int4,fp4'], { home }));
    // Nothing may get into the real trash of whoever runs the tests.
    const dataHome = await scratchFolder();
    const environment = { XDG_DATA_HOME: dataHome };
    const deleted = await runJson(['remove', forGood?.id ?? '', '--yes'], { home, environment });
    expect(deleted).toMatchObject({ deletedFiles: true, freedBytes: forGood?.sizeBytes });
    expect(existsSync(forGood?.directory ?? '')).toBe(false);
    expect(readdirSync(dataHome)).toEqual([]);

    const { code, stdout } = await runCli(['remove', toTrash?.id ?? '', '--yes', '--trash'], {
      home,
      environment,
    });
    expect(code).toBe(0);
    expect(stdout).toContain('to the trash');
    expect(existsSync(toTrash?.directory ?? '')).toBe(false);
    if (process.platform === 'linux')
      expect(readdirSync(path.join(dataHome, 'Trash', 'files'))).toHaveLength(1);

    expect(stdout).toContain(`then: nibble add ${toTrash?.directory ?? ''}`);
    if (process.platform === 'linux') {
      const trashed = path.join(dataHome, 'Trash', 'files');
      renameSync(path.join(trashed, readdirSync(trashed)[0] ?? ''), toTrash?.directory ?? '');
      const back = await runCli(['list'], { home });
      expect(back.stdout).toContain(`Not in the library\n${toTrash?.directory ?? ''}\n`);
      expect(back.stdout).not.toContain('Unfinished');
      const added = await runJson(['add', toTrash?.directory ?? ''], { home });
      expect(added).toMatchObject({ isNew: true, artifact: { scheme: 'int4' } });
      await runJson(['remove', toTrash?.id ?? '', '--yes'], { home });
    }

    // What is not as Nibble wrote it may be somebody's work: it stays, and that is said.
    const file = path.join(changed?.directory ?? '', 'model.safetensors');
    appendFileSync(file, ' ');
    const partly = await runCli(['remove', changed?.id ?? '', '--yes'], { home, environment });
    expect(partly.stdout).toContain(
      `Left in ${changed?.directory ?? ''}, because it is not what Nibble wrote: model.safetensors.`,
    );
    expect(existsSync(file)).toBe(true);
    expect(await runJson(['list'], { home })).toMatchObject({ artifacts: [] });
  });
});

import { chmod, mkdir, readdir, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { fileSecrets } from '../../../../app/engine/home/secrets.ts';
import { scratchFolder } from '../../../fixtures/scratch.ts';
import { TestEngine } from '../../../fixtures/test-engine.ts';

async function modeOf(place: string): Promise<number> {
  return (await stat(place)).mode & 0o777;
}

describe.skipIf(process.platform === 'win32')('the home', () => {
  it('is for its owner alone, catalog and conversations included', async () => {
    const home = path.join(await scratchFolder(), 'new', 'home');
    await using engine = await TestEngine.open(home);
    await fileSecrets(home).write('token');
    for (const name of await readdir(home)) {
      const place = path.join(home, name);
      expect([name, (await modeOf(place)) & 0o077]).toEqual([name, 0]);
    }
    expect(await modeOf(home)).toBe(0o700);
    expect(await readdir(home)).toContain('catalog.sqlite-wal');
    await engine.close();
  });

  it.runIf(process.platform === 'linux')(
    'fails where no folder can be made, instead of trying for ever',
    async () => {
      for (const home of ['/proc/nibble', '/proc/nibble/home'])
        await expect(TestEngine.open(home)).rejects.toMatchObject({ code: 'not-found' });
    },
  );

  it('is refused as what it is where a file lies in its place, or above it', async () => {
    const file = path.join(await scratchFolder(), 'file');
    await writeFile(file, '');
    for (const home of [file, path.join(file, 'in', 'it')])
      await expect(TestEngine.open(home)).rejects.toMatchObject({
        code: 'invalid-input',
        reason: 'home-is-a-file',
        facts: { path: file, folder: home },
      });
  });

  it('is closed where an earlier version left it open', async () => {
    const home = path.join(await scratchFolder(), 'home');
    await mkdir(home);
    await writeFile(path.join(home, 'catalog.sqlite'), '');
    await chmod(home, 0o755);
    await chmod(path.join(home, 'catalog.sqlite'), 0o644);
    await using engine = await TestEngine.open(home);
    expect(await modeOf(home)).toBe(0o700);
    for (const suffix of ['', '-wal', '-shm'])
      expect(await modeOf(path.join(home, `catalog.sqlite${suffix}`))).toBe(0o600);
    await engine.close();
  });
});

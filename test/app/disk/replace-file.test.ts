import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { AppError } from '../../../app/contract/error.ts';
import {
  createFile,
  replaceFile,
  replaceFileNow,
  replaceFileWith,
} from '../../../app/disk/index.ts';
import { scratchFolder } from '../../fixtures/scratch.ts';
import { WAIT_MS } from '../../fixtures/wait.ts';

/** The number of a process that has ended. */
function endedProcess(): number {
  return spawnSync(process.execPath, ['-e', '']).pid;
}

/** As a killed process leaves it that had begun to write `name`. */
function partialOf(name: string, pid: number): string {
  return `${name}.${pid}-1.0123abcd.partial`;
}

describe.each([
  ['replaceFile', replaceFile],
  ['createFile', createFile],
  [
    'replaceFileWith',
    (file: string, content: string) => replaceFileWith(file, (handle) => handle.writeFile(content)),
  ],
] as const)('%s', (_, write) => {
  it('deletes what a process left that was killed while it wrote the same file', async () => {
    const directory = await scratchFolder();
    const left = partialOf('record.json', endedProcess());
    const other = partialOf('other.json', endedProcess());
    const strange = 'record.json.of-mine.partial';
    for (const name of [left, other, strange])
      await writeFile(path.join(directory, name), 'half of');
    await write(path.join(directory, 'record.json'), 'whole');
    expect((await readdir(directory)).sort()).toEqual([other, strange, 'record.json'].sort());
    expect(await readFile(path.join(directory, 'record.json'), 'utf8')).toBe('whole');
  });

  it('leaves what a process is still writing', async () => {
    const directory = await scratchFolder();
    // Named as earlier versions did, without the start of the process.
    const running = `record.json.${process.pid}.partial`;
    await writeFile(path.join(directory, running), 'half of');
    await write(path.join(directory, 'record.json'), 'whole');
    expect(await readdir(directory)).toContain(running);
  });
});

describe('replaceFileNow', () => {
  it('has replaced the file when it returns, and deletes what killed processes left of it', async () => {
    const directory = await scratchFolder();
    const file = path.join(directory, 'window.json');
    const left = partialOf('window.json', endedProcess());
    await writeFile(path.join(directory, left), 'half of');
    replaceFileNow(file, 'whole');
    expect(readFileSync(file, 'utf8')).toBe('whole');
    await vi.waitUntil(() => !existsSync(path.join(directory, left)), { timeout: WAIT_MS });
    expect(await readdir(directory)).toEqual(['window.json']);
  });
});

describe('files that are written piece by piece', () => {
  it('do not meet in one place: two at once are both whole, and the last one stays', async () => {
    const directory = await scratchFolder();
    const file = path.join(directory, 'logits.safetensors');
    const foreign = `${file}.partial`;
    await writeFile(foreign, 'of the person');
    const first = Promise.withResolvers<undefined>();
    const slow = replaceFileWith(file, async (handle) => {
      await handle.write('slow ');
      await first.promise;
      await handle.write('end');
    });
    await replaceFileWith(file, (handle) => handle.writeFile('quick'));
    expect(readFileSync(file, 'utf8')).toBe('quick');
    first.resolve(undefined);
    await slow;
    expect(readFileSync(file, 'utf8')).toBe('slow end');
    expect(readFileSync(foreign, 'utf8')).toBe('of the person');
  });

  it('leave the file that was there, and nothing else, when they fail', async () => {
    const directory = await scratchFolder();
    const file = path.join(directory, 'logits.safetensors');
    await writeFile(file, 'before');
    const failing = replaceFileWith(file, () => Promise.reject(new AppError('aborted', 'No.')));
    await expect(failing).rejects.toMatchObject({ code: 'aborted' });
    expect(await readdir(directory)).toEqual(['logits.safetensors']);
    expect(readFileSync(file, 'utf8')).toBe('before');
  });
});

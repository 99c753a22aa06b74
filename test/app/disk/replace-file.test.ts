import { spawnSync } from 'node:child_process';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { createFile, replaceFile } from '../../../app/disk/index.ts';
import { scratchFolder } from '../../fixtures/scratch.ts';

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

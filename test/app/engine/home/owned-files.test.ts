import { createHash } from 'node:crypto';
import { lstatSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import { sortFiles } from '../../../../app/engine/home/owned-files.ts';
import { scratchFolder } from '../../../fixtures/scratch.ts';

it('looks into a file that was written to as its model was listed, whose time may lie before that', async () => {
  const directory = await scratchFolder();
  const file = path.join(directory, 'config.json');
  writeFileSync(file, 'others');
  const recorded = {
    name: 'config.json',
    sizeBytes: 6,
    sha256: createHash('sha256').update('mine..').digest('hex'),
  };
  // The clock is ahead of the file system's by less than one of its steps.
  const createdAt = new Date(lstatSync(file).ctimeMs + 5).toISOString();
  expect((await sortFiles(directory, [recorded], createdAt)).others).toEqual(['config.json']);
});

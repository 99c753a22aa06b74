import { appendFile, cp, readFile, rm, truncate, utimes, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { artifactSchema } from '../../../app/contract/checkpoint.ts';
import { loadModel } from '../../../app/run/load-model.ts';
import { requireRecordedFiles } from '../../../app/run/recorded-files.ts';
import { readListing } from '../../../app/run/weights-record.ts';
import { scratchFolder } from '../../fixtures/scratch.ts';
import { quiet, TestEngine } from '../../fixtures/test-engine.ts';
import { writeTinyCheckpoint } from '../../fixtures/tiny-checkpoint.ts';

let made: string;
let folder: string;
const inFolder = (name: string): string => path.join(folder, name);

beforeAll(async () => {
  const source = await scratchFolder();
  await writeTinyCheckpoint(source);
  await writeFile(path.join(source, 'generation_config.json'), '{"eos_token_id": 3}');
  await using engine = await TestEngine.open(await scratchFolder());
  const [artifact] = await engine.handlers.quantize(
    { source, schemes: ['nf4'], device: 'cpu' },
    quiet,
  );
  made = await scratchFolder();
  await cp(artifactSchema.parse(artifact).directory, made, { recursive: true });
});
beforeEach(async () => {
  folder = await scratchFolder();
  await cp(made, folder, { recursive: true });
});

describe('the files that were recorded with an artifact', () => {
  it('are taken as they are, also copied elsewhere or written with the same bytes', async () => {
    await requireRecordedFiles(folder, await readListing(folder));
    await writeFile(inFolder('config.json'), await readFile(inFolder('config.json')));
    await requireRecordedFiles(folder, await readListing(folder));
  });

  it('count as changed with other bytes of the same length, whatever their times say', async () => {
    const text = await readFile(inFolder('config.json'), 'utf8');
    await writeFile(inFolder('config.json'), text.replace(/\d(?=\D*$)/, '9'));
    await writeFile(inFolder('generation_config.json'), '{"eos_token_id": 4}');
    await utimes(inFolder('generation_config.json'), 1, 1);
    await expect(requireRecordedFiles(folder, await readListing(folder))).rejects.toMatchObject({
      code: 'checksum-mismatch',
      reason: 'recorded-file-changed',
    });
  });

  it.each<[string, string, () => Promise<void>, string]>([
    [
      'longer',
      'generation_config.json',
      () => appendFile(inFolder('generation_config.json'), ' '),
      'recorded-file-changed',
    ],
    [
      'cut',
      'model.safetensors',
      () => truncate(inFolder('model.safetensors'), 1000),
      'weights-changed',
    ],
    ['gone', 'config.json', () => rm(inFolder('config.json')), 'missing-file'],
    [
      'gone',
      'generation_config.json',
      () => rm(inFolder('generation_config.json')),
      'missing-file',
    ],
  ])('that are %s keep the model from being loaded: %s', async (_, file, damage, reason) => {
    await damage();
    await expect(
      loadModel({ directory: folder, mode: 'fast', device: 'cpu' }),
    ).rejects.toMatchObject({ reason, facts: { file, folder } });
  });

  it('may lack the copy of the output layer; and a folder without a record is not looked at', async () => {
    await rm(inFolder('nibble-runtime.tensors'));
    await requireRecordedFiles(folder, await readListing(folder));
    await rm(inFolder('nibble.json'));
    await rm(inFolder('config.json'));
    await requireRecordedFiles(folder, await readListing(folder));
  });
});

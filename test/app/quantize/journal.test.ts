import { appendFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { writeFully } from '../../../app/disk/index.ts';
import { Journal } from '../../../app/quantize/journal.ts';
import type { JournalEntry } from '../../../app/quantize/journal.ts';

let directory: string;
let file: string;

beforeEach(async () => {
  directory = await mkdtemp(path.join(tmpdir(), 'nibble-journal-'));
  file = path.join(directory, 'journal.jsonl');
});
afterEach(async () => {
  await rm(directory, { recursive: true });
});

function entry(name: string): JournalEntry {
  return {
    nestedOffset: 0.1,
    statistics: {
      name,
      dtype: 'BF16',
      shape: [2, 2],
      treatment: 'quantized',
      reason: null,
      blockSize: 64,
      numel: 4,
      storedBytes: 2,
      bitsPerWeight: 4,
      rmsError: 0,
      relativeError: 0,
      maxError: 0,
      sqnrDb: null,
      cosine: 1,
      sha256: 'x',
    },
  };
}

async function openJournal(fingerprint: string): Promise<Journal | null> {
  return await Journal.open(file, fingerprint, (handle, bytes, position) =>
    writeFully(handle, bytes, position, { directory }),
  );
}

async function namesIn(fingerprint: string): Promise<string[] | null> {
  const journal = await openJournal(fingerprint);
  await journal?.close();
  return journal?.finished.map(({ statistics }) => statistics.name) ?? null;
}

it('remembers what was finished', async () => {
  const journal = await openJournal('one');
  await journal?.add([entry('a'), entry('b')]);
  await journal?.add([entry('c')]);
  await journal?.close();
  expect(await namesIn('one')).toEqual(['a', 'b', 'c']);
});

it('refuses the work of another job', async () => {
  expect(await namesIn('one')).toEqual([]);
  expect(await namesIn('two')).toBeNull();
});

it('drops a line that was being written when the process died, and goes on after the last sound one', async () => {
  const journal = await openJournal('one');
  await journal?.add([entry('a')]);
  await journal?.close();
  const sound = await readFile(file, 'utf8');
  for (const end of ['{"statistics":{"na', 'garbage\n', '{}\n', JSON.stringify(entry('b'))]) {
    await writeFile(file, sound + end);
    const resumed = await openJournal('one');
    expect(resumed?.finished).toHaveLength(1);
    await resumed?.add([entry('c')]);
    await resumed?.close();
    expect(await namesIn('one')).toEqual(['a', 'c']);
  }
});

it('starts anew when not even the first line was complete', async () => {
  await appendFile(file, '{"fingerpr');
  expect(await namesIn('one')).toEqual([]);
});

it('remembers the copy of the output layer among the tensors, and cuts off what is neither', async () => {
  const copy = {
    tensor: 'lm_head.weight',
    scheme: 'int8-absmax' as const,
    blockSize: 64,
    sizeBytes: 100,
    sha256: 'a'.repeat(64),
    rmsError: 0.1,
    relativeError: 0.01,
    maxError: 0.2,
    sqnrDb: 40,
  };
  const journal = await openJournal('one');
  expect(journal?.finishedCopy).toBeNull();
  await journal?.add([entry('a')]);
  await journal?.addCopy(copy);
  await journal?.close();
  await appendFile(file, `${JSON.stringify({ outputLayerCopy: { ...copy, sha256: 'no' } })}\n`);
  const again = await openJournal('one');
  expect(again?.finishedCopy).toEqual(copy);
  await again?.add([entry('b')]);
  await again?.close();
  expect(await namesIn('one')).toEqual(['a', 'b']);
});

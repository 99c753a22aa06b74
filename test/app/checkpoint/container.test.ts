import { mkdtemp, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  containers,
  openCheckpoint,
  type CheckpointSource,
  type Container,
} from '../../../app/checkpoint/index.ts';
import type { TensorInfo } from '../../../app/contract/checkpoint.ts';
import { writeTinyCheckpoint } from '../../fixtures/tiny-checkpoint.ts';

/**
 * A container that nobody has: `NAME:floats` in a line of text, then the floats of all. Its config is its first line, its
 * tokenizer its second.
 */
const plain: Container = {
  id: 'plain',
  hubTag: 'plain',
  expects: 'weights.plain',
  index: null,
  required: [],
  isWeightsFile: (name) => name.endsWith('.plain'),
  weightsAmong: (names) => names.filter((name) => name === 'weights.plain'),
  read: async (source: CheckpointSource) => {
    const file = 'weights.plain';
    const size = await source.sizeOf(file);
    if (size === null) throw source.missing(file);
    const head = Buffer.from(await source.withFile(file, (read) => read(0, 128))).toString();
    const [configText = '', tokenizer = '', list = ''] = head.split('\n');
    let offset = 128;
    const tensors = list.split(' ').map((entry): TensorInfo => {
      const [name = '', floats = ''] = entry.split(':');
      const byteLength = Number(floats) * 4;
      offset += byteLength;
      const shape = [Number(floats)];
      return { name, dtype: 'F32', shape, file, byteOffset: offset - byteLength, byteLength };
    });
    return {
      config: { model_type: JSON.parse(configText) as string },
      configText,
      files: [file],
      tensors,
      auxiliary: new Map([['tokenizer.json', tokenizer]]),
    };
  },
};
const known = [...containers, plain];

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(path.join(tmpdir(), 'nibble-container-'));
});
afterEach(async () => {
  await rm(directory, { recursive: true, force: true });
});

/** Two tensors of 2 and 3 floats. */
async function writePlain(): Promise<void> {
  const head = Buffer.alloc(128, ' ');
  head.write('"made-up"\n{"model":{}}\na:2 b:3\n');
  const body = Buffer.from(Float32Array.of(1, 2, 3, 4, 5).buffer);
  await writeFile(path.join(directory, 'weights.plain'), Buffer.concat([head, body]));
}

describe('a container that was added', () => {
  it('is opened, read, and told where its bytes lie, as any other', async () => {
    await writePlain();
    const reader = await openCheckpoint(directory, known);
    expect(reader).toMatchObject({ container: 'plain', config: { model_type: 'made-up' } });
    expect(reader.indexFile).toBeNull();
    const [, b] = reader.tensors;
    if (b === undefined) throw new Error('It has two tensors.');
    const floats = new Float32Array(Uint8Array.from(await reader.readTensor(b)).buffer);
    expect([...floats]).toEqual([3, 4, 5]);
    expect((await reader.readStart(b, 4)).byteLength).toBe(4);
    const place = await reader.place(b);
    expect(place).toMatchObject({ byteOffset: 136, byteLength: 12, dtype: 'F32' });
    const file = await readFile(place.path);
    expect(file.readFloatLE(place.byteOffset)).toBe(3);
    expect(await reader.readAuxiliary('tokenizer.json', 100)).toBe('{"model":{}}');
    expect(await reader.readAuxiliary('merges.txt', 100)).toBeNull();
    await truncate(place.path, 140);
    await expect(reader.place(b)).rejects.toMatchObject({ code: 'malformed-file' });
    await reader.close();
  });

  it('is not taken where safetensors lie beside it', async () => {
    await writePlain();
    await writeTinyCheckpoint(directory);
    const reader = await openCheckpoint(directory, known);
    expect(reader.container).toBe('safetensors');
    await reader.close();
  });

  it('is nothing to one who does not know it', async () => {
    await writePlain();
    await expect(openCheckpoint(directory)).rejects.toMatchObject({ code: 'not-found' });
  });
});

describe('a checkpoint in safetensors', () => {
  it('has its auxiliary texts beside the weights, bounded', async () => {
    await writeTinyCheckpoint(directory, { shards: 2 });
    await writeFile(path.join(directory, 'merges.txt'), 'a b');
    const reader = await openCheckpoint(directory);
    expect(await reader.readAuxiliary('merges.txt', 3)).toBe('a b');
    await expect(reader.readAuxiliary('merges.txt', 2)).rejects.toMatchObject({
      code: 'malformed-file',
    });
    expect(reader.indexFile).toBe('model.safetensors.index.json');
    await reader.close();
  });
});

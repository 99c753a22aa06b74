import { execFileSync } from 'node:child_process';
import { mkdtemp, rename, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openCheckpoint } from '../../../app/checkpoint/index.ts';
import { readTextFile } from '../../../app/run/read-json.ts';
import { writeTinyCheckpoint } from '../../fixtures/tiny-checkpoint.ts';

let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(path.join(tmpdir(), 'nibble-checkpoint-'));
});
afterEach(async () => {
  await rm(directory, { recursive: true, force: true });
});

describe('openCheckpoint', () => {
  it.each([1, 3])('reads every tensor of a checkpoint in %i file(s)', async (shards) => {
    const written = await writeTinyCheckpoint(directory, { shards });
    const checkpoint = await openCheckpoint(directory);
    expect(checkpoint.files).toHaveLength(shards);
    expect(checkpoint.config['model_type']).toBe('llama');
    expect(checkpoint.tensors.map(({ name }) => name)).toEqual(written.map(({ name }) => name));
    for (const [index, tensor] of checkpoint.tensors.entries())
      expect(Uint8Array.from(await checkpoint.readTensor(tensor))).toEqual(
        Uint8Array.from(written[index]?.bytes ?? []),
      );
    await checkpoint.close();
  });

  it.each([
    ['[]', 'array'],
    ['null', 'null'],
    ['7', 'number'],
  ])('says of a config.json that is %s what it is', async (text, found) => {
    await writeTinyCheckpoint(directory);
    await writeFile(path.join(directory, 'config.json'), text);
    await expect(openCheckpoint(directory)).rejects.toMatchObject({
      reason: 'json-not-object',
      facts: { file: 'config.json', found },
    });
  });

  it('reads a part of a tensor', async () => {
    const written = await writeTinyCheckpoint(directory);
    const checkpoint = await openCheckpoint(directory);
    const tensor = checkpoint.tensors[3];
    if (tensor === undefined) throw new Error('The fixture has more tensors than that.');
    const part = await checkpoint.readRange(tensor, 10, 20);
    expect([...part]).toEqual([...(written[3]?.bytes.subarray(10, 20) ?? [])]);
    await expect(checkpoint.readRange(tensor, 0, tensor.byteLength + 1)).rejects.toThrow(
      tensor.name,
    );
    await checkpoint.close();
  });

  it.each([1, 3])('reads how tensors begin, in %i file(s), in any order', async (shards) => {
    const written = await writeTinyCheckpoint(directory, { shards });
    const checkpoint = await openCheckpoint(directory);
    const both = [...checkpoint.tensors.entries(), ...[...checkpoint.tensors.entries()].reverse()];
    // Large tensors are longer than what is read at a time, small ones shorter than the limit.
    for (const limit of [5, 200, 1_000_000])
      for (const [index, tensor] of both)
        expect(Uint8Array.from(await checkpoint.readStart(tensor, limit))).toEqual(
          Uint8Array.from(written[index]?.bytes.subarray(0, limit) ?? []),
        );
    await checkpoint.close();
  });

  it('notices a file that ends before the beginning of a tensor does', async () => {
    await writeTinyCheckpoint(directory);
    const checkpoint = await openCheckpoint(directory);
    const [first] = checkpoint.tensors;
    const last = checkpoint.tensors.at(-1);
    if (first === undefined || last === undefined) throw new Error('The fixture has tensors.');
    await truncate(path.join(directory, 'model.safetensors'), first.byteOffset + 8);
    expect((await checkpoint.readStart(first, 8)).byteLength).toBe(8);
    for (const [tensor, limit] of [[first, 9] as const, [last, 1] as const])
      await expect(checkpoint.readStart(tensor, limit)).rejects.toMatchObject({
        code: 'malformed-file',
      });
    await checkpoint.close();
  });

  it('follows symbolic links, as in the cache of the hub', async () => {
    await writeTinyCheckpoint(directory);
    const elsewhere = await mkdtemp(path.join(tmpdir(), 'nibble-blobs-'));
    const file = path.join(directory, 'model.safetensors');
    await rename(file, path.join(elsewhere, 'blob'));
    await symlink(path.join(elsewhere, 'blob'), file);
    const checkpoint = await openCheckpoint(directory);
    expect(checkpoint.tensors.length).toBeGreaterThan(10);
    await checkpoint.close();
    await rm(elsewhere, { recursive: true });
  });

  it('stops reading when it is cancelled', async () => {
    await writeTinyCheckpoint(directory);
    const checkpoint = await openCheckpoint(directory);
    const tensor = checkpoint.tensors[0];
    if (tensor === undefined) throw new Error('The fixture has tensors.');
    await expect(
      checkpoint.readTensor(tensor, { signal: AbortSignal.abort() }),
    ).rejects.toMatchObject({ code: 'aborted' });
    await checkpoint.close();
  });

  it('notices a file that became shorter after it was opened', async () => {
    await writeTinyCheckpoint(directory);
    const checkpoint = await openCheckpoint(directory);
    await truncate(path.join(directory, 'model.safetensors'), 3000);
    const tensor = checkpoint.tensors.at(-1);
    if (tensor === undefined) throw new Error('The fixture has tensors.');
    await expect(checkpoint.readTensor(tensor)).rejects.toMatchObject({ code: 'malformed-file' });
    await checkpoint.close();
  });

  it('says which file is missing', async () => {
    await expect(openCheckpoint(directory)).rejects.toThrow('config.json');
    await writeFile(path.join(directory, 'config.json'), '{}');
    await expect(openCheckpoint(directory)).rejects.toMatchObject({ code: 'not-found' });
    await writeTinyCheckpoint(directory, { shards: 2 });
    await rm(path.join(directory, 'model-00002-of-00002.safetensors'));
    await expect(openCheckpoint(directory)).rejects.toThrow('model-00002-of-00002.safetensors');
  });

  it('refuses a config.json that is no JSON object', async () => {
    await writeTinyCheckpoint(directory);
    for (const text of ['', '[]', 'null', '{"a":']) {
      await writeFile(path.join(directory, 'config.json'), text);
      await expect(openCheckpoint(directory)).rejects.toMatchObject({ code: 'malformed-file' });
    }
  });

  it('refuses weights that are not a regular file instead of waiting for them', async () => {
    await writeTinyCheckpoint(directory);
    const file = path.join(directory, 'model.safetensors');
    await rm(file);
    execFileSync('mkfifo', [file]);
    await expect(openCheckpoint(directory)).rejects.toThrow('not a regular file');
  });

  it('refuses a configuration that is a pipe instead of waiting for it', async () => {
    if (process.platform === 'win32') return;
    await writeTinyCheckpoint(directory);
    await rm(path.join(directory, 'config.json'));
    execFileSync('mkfifo', [path.join(directory, 'config.json')]);
    await expect(openCheckpoint(directory)).rejects.toThrow('not a regular file');
    await expect(readTextFile(directory, 'config.json')).rejects.toThrow('not a regular file');
  });

  it('refuses a shard whose header was tampered with', async () => {
    await writeTinyCheckpoint(directory, {
      change: (tensors) =>
        tensors.map((tensor) =>
          tensor.name === 'model.norm.weight' ? { ...tensor, shape: [65] } : tensor,
        ),
    });
    await expect(openCheckpoint(directory)).rejects.toThrow('model.norm.weight');
  });
});

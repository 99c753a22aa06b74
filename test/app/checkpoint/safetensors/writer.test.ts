import { mkdtemp, open, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, it } from 'vitest';
import {
  layoutSafetensors,
  parseSafetensorsHeader,
  safetensorsPrefix,
  SafetensorsWriter,
} from '../../../../app/checkpoint/index.ts';
import type { TensorSpec } from '../../../../app/checkpoint/index.ts';
import { writeFully } from '../../../../app/disk/index.ts';

const specs: TensorSpec[] = [
  { name: 'one', dtype: 'U8', shape: [] },
  { name: 'odd', dtype: 'F32', shape: [3] },
  { name: 'text', dtype: 'U8', shape: [40], isVariable: true },
  { name: 'wide', dtype: 'BF16', shape: [8, 64] },
  { name: 'other', dtype: 'U8', shape: [90], isVariable: true },
  { name: 'wide2', dtype: 'U8', shape: [64, 1] },
];

it('writes what the parser reads, whatever the length of the variable tensors', async () => {
  const directory = await mkdtemp(path.join(tmpdir(), 'nibble-writer-'));
  const layout = layoutSafetensors(specs, { format: 'pt' });
  for (const text of ['', 'x', 'y'.repeat(40)]) {
    const name = path.join(directory, 'model.safetensors');
    const file = await open(name, 'w');
    const writer = new SafetensorsWriter(file, layout, (handle, bytes, position) =>
      writeFully(handle, bytes, position, { directory }),
    );
    await writer.writeTensor('wide2', new Uint8Array(64).fill(2));
    await writer.writePart('wide', new Uint8Array(1000).fill(1), 24);
    await writer.writePart('wide', new Uint8Array(24).fill(1), 0);
    await writer.writeTensor('odd', new Uint8Array(12).fill(3));
    await writer.writeTensor('one', new Uint8Array(1).fill(4));
    await writer.writePrefix(
      new Map([
        ['text', Buffer.from(text)],
        ['other', Buffer.from('other')],
      ]),
    );
    await file.close();
    const bytes = await readFile(name);
    expect(bytes.byteLength).toBe(layout.fileBytes);
    const { tensors, metadata } = parseSafetensorsHeader(bytes, bytes.byteLength, 'm');
    expect(metadata).toEqual({ format: 'pt' });
    const contents = new Map(
      tensors.map((tensor) => [
        tensor.name,
        bytes.subarray(tensor.byteOffset, tensor.byteOffset + tensor.byteLength),
      ]),
    );
    expect(contents.get('text')?.toString()).toBe(text);
    expect(contents.get('other')?.toString()).toBe('other');
    expect(contents.get('wide')?.every((value) => value === 1)).toBe(true);
    expect([...(contents.get('odd') ?? [])]).toEqual(Array(12).fill(3));
    const offsets = Object.fromEntries(tensors.map((tensor) => [tensor.name, tensor.byteOffset]));
    expect((offsets['wide'] ?? 1) % 64).toBe(0);
    expect((offsets['wide2'] ?? 1) % 64).toBe(0);
    expect((offsets['odd'] ?? 1) % 4).toBe(0);
  }
  await rm(directory, { recursive: true });
});

it('keeps the data 8-byte aligned where nothing varies', () => {
  const fixed = specs.filter((spec) => spec.isVariable !== true);
  const prefix = safetensorsPrefix(layoutSafetensors(fixed, {}), new Map());
  expect(Buffer.from(prefix).readBigUInt64LE(0) % 8n).toBe(0n);
  expect(prefix.byteLength % 64).toBe(0);
});

it('refuses bytes that do not fit their place', async () => {
  const layout = layoutSafetensors(specs, {});
  const directory = await mkdtemp(path.join(tmpdir(), 'nibble-writer-'));
  const file = await open(path.join(directory, 'x'), 'w');
  const writer = new SafetensorsWriter(file, layout, () => Promise.resolve());
  await expect(writer.writeTensor('one', new Uint8Array(2))).rejects.toThrow('one');
  await expect(writer.writePart('odd', new Uint8Array(5), 8)).rejects.toThrow('odd');
  await expect(writer.writePart('text', new Uint8Array(5), 0)).rejects.toThrow('text');
  await expect(writer.writePart('none', new Uint8Array(5), 0)).rejects.toThrow('none');
  const contents = new Map([
    ['text', new Uint8Array(41)],
    ['other', new Uint8Array(1)],
  ]);
  await expect(writer.writePrefix(contents)).rejects.toThrow('text');
  await file.close();
  await rm(directory, { recursive: true });
});

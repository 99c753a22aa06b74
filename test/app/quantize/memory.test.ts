import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, open, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import {
  encodeWeights,
  randomWeights,
  writeTinyCheckpoint,
} from '../../fixtures/tiny-checkpoint.ts';

const child = fileURLToPath(new URL('./quantize-child.ts', import.meta.url));

/** One linear layer: 8 MiB of bf16. */
const ROWS = 2048;
const COLUMNS = 2048;
const TENSOR_BYTES = ROWS * COLUMNS * 2;

/** A checkpoint of many equal layers and one large embedding, made by writing the same random bytes again and again. */
async function writeLargeCheckpoint(directory: string): Promise<number> {
  const tensors: [string, number[]][] = [['model.embed_tokens.weight', [4 * ROWS * 4, COLUMNS]]];
  for (let layer = 0; layer < 20; layer++)
    tensors.push([`model.layers.${layer}.mlp.up_proj.weight`, [ROWS, COLUMNS]]);
  await writeTinyCheckpoint(directory);
  const piece = Buffer.from(encodeWeights(randomWeights(ROWS * COLUMNS, 1), 'BF16'));
  let offset = 0;
  const entries: Record<string, unknown> = {};
  for (const [name, shape] of tensors) {
    const end = offset + 2 * (shape[0] ?? 0) * (shape[1] ?? 0);
    entries[name] = { dtype: 'BF16', shape, data_offsets: [offset, end] };
    offset = end;
  }
  const header = Buffer.from(JSON.stringify(entries));
  const prefix = Buffer.alloc(8);
  prefix.writeBigUInt64LE(BigInt(header.byteLength));
  const file = path.join(directory, 'model.safetensors');
  await writeFile(file, Buffer.concat([prefix, header]));
  const handle = await open(file, 'a');
  for (let written = 0; written < offset; written += TENSOR_BYTES) await handle.write(piece);
  await handle.close();
  return offset;
}

async function peakBytesOf(source: string, target: string): Promise<number> {
  const running = spawn(process.execPath, [child, source, target, 'nf4-dq'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let output = '';
  running.stdout.on('data', (data: Buffer) => (output += data.toString()));
  await once(running, 'close');
  return (JSON.parse(output) as { peakBytes: number }).peakBytes;
}

it.skipIf(process.platform === 'win32')(
  'needs memory for a few tensors, not for the model',
  async () => {
    const directory = await mkdtemp(path.join(tmpdir(), 'nibble-memory-'));
    try {
      const large = path.join(directory, 'large');
      const small = path.join(directory, 'small');
      const sourceBytes = await writeLargeCheckpoint(large);
      await writeTinyCheckpoint(small);
      expect(sourceBytes).toBeGreaterThan(280e6);
      const base = await peakBytesOf(small, path.join(directory, 'small-nf4'));
      const peak = await peakBytesOf(large, path.join(directory, 'large-nf4'));
      // Two tensors being read and quantized, two in their new form being written, and what the collector has not
      // taken back yet.
      expect(peak - base).toBeLessThan(16 * TENSOR_BYTES);
    } finally {
      await rm(directory, { recursive: true });
    }
  },
);

// The runner's 8-bit copy of the output layer: what it holds, when it is made, and that exact mode leaves it alone.
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openCheckpoint, parseSafetensorsHeader } from '../../../app/checkpoint/index.ts';
import type { SchemeName } from '../../../app/contract/scheme.ts';
import {
  manifestSchema,
  planQuantization,
  quantizeCheckpoint,
} from '../../../app/quantize/index.ts';
import type { QuantizedArtifact, QuantizeOptions } from '../../../app/quantize/index.ts';
import { ensureGraph } from '../../../app/run/index.ts';
import { quantizeAffine } from '../../../native-kernels/index.ts';
import { writeTinyCheckpoint } from '../../fixtures/tiny-checkpoint.ts';
import type { TinyCheckpointOptions } from '../../fixtures/tiny-checkpoint.ts';
import { tensorsHashOf } from '../../fixtures/tensors-hash.ts';

let directory: string;
let source: string;
let target: string;

beforeEach(async () => {
  directory = await mkdtemp(path.join(tmpdir(), 'nibble-head-'));
  source = path.join(directory, 'checkpoint');
  target = path.join(directory, 'artifact');
});
afterEach(async () => {
  await rm(directory, { recursive: true, force: true });
});

function floatsOf(bytes: Uint8Array): Float32Array {
  return new Float32Array(new Uint8Array(bytes).buffer);
}

const headFile = (): string => path.join(target, 'nibble-runtime.tensors');

async function make(
  scheme: SchemeName,
  options: TinyCheckpointOptions = {},
  more: Partial<QuantizeOptions> = {},
  outputLayerCopy?: boolean,
): Promise<QuantizedArtifact> {
  // Written once: another time of change would make it another job.
  if (!existsSync(source)) await writeTinyCheckpoint(source, options);
  const checkpoint = await openCheckpoint(source);
  try {
    const { tensors, config } = checkpoint;
    return await quantizeCheckpoint({
      checkpoint,
      origin: { repository: null, revision: null, commit: null, endpoint: null },
      plan: planQuantization({ tensors, config, scheme, outputLayerCopy }),
      directory: target,
      toolVersion: '0.0.0-test',
      ...more,
    });
  } finally {
    await checkpoint.close();
  }
}

/** The tensors of nibble-runtime.tensors, by name. */
async function stored(): Promise<Map<string, Uint8Array>> {
  const bytes = await readFile(headFile());
  const { tensors } = parseSafetensorsHeader(bytes, bytes.byteLength, 'nibble-runtime.tensors');
  return new Map(
    tensors.map(({ name, byteOffset, byteLength }) => [
      name,
      bytes.subarray(byteOffset, byteOffset + byteLength),
    ]),
  );
}

describe('the runner’s head', () => {
  it.each([
    ['the embeddings where they are tied', { tied: true }, 'model.embed_tokens.weight'],
    ['lm_head where it stands alone', { tied: false, dtype: 'F16' }, 'lm_head.weight'],
    ['f32 in three shards', { tied: false, dtype: 'F32', shards: 3 }, 'lm_head.weight'],
  ] as const)('is %s in 8 bits', async (_, options, name) => {
    const made = await make('nf4-dq', options);
    const checkpoint = await openCheckpoint(source);
    const tensor = checkpoint.tensors.find((each) => each.name === name);
    if (tensor === undefined) throw new Error(`${name} is missing`);
    const bytes = await checkpoint.readTensor(tensor);
    await checkpoint.close();
    const types = { BF16: 'bf16', F16: 'f16', F32: 'f32' } as const;
    const [rows = 0, columns = 0] = tensor.shape;
    const { codes, scales } = await quantizeAffine(
      { bytes, type: types[tensor.dtype as 'BF16'] },
      { rows, columns },
      { mode: 'absmax', bits: 8, granularity: { kind: 'block', blockSize: 64 } },
    );
    const parts = await stored();
    expect([...parts.keys()].sort()).toEqual(['lm_head.weight', 'lm_head.weight.scales']);
    expect(
      Buffer.compare(parts.get('lm_head.weight') ?? new Uint8Array(), Buffer.from(codes.buffer)),
    ).toBe(0);
    expect(
      Buffer.compare(
        parts.get('lm_head.weight.scales') ?? new Uint8Array(),
        Buffer.from(scales.buffer),
      ),
    ).toBe(0);
    expect(made.fileHashes.get('nibble-runtime.tensors')).toEqual({
      sha256: tensorsHashOf(await readFile(headFile())),
      hashKind: 'sha256-tensors-1',
    });
  });

  it('is recorded with its hash and with what rounding cost', async () => {
    const made = await make('nf4-dq', { tied: true, dtype: 'F32' });
    const checkpoint = await openCheckpoint(source);
    const tensor = checkpoint.tensors.find(({ name }) => name === 'model.embed_tokens.weight');
    if (tensor === undefined) throw new Error('no embeddings');
    const weights = floatsOf(await checkpoint.readTensor(tensor));
    await checkpoint.close();
    const parts = await stored();
    const codes = parts.get('lm_head.weight') ?? new Uint8Array();
    const scales = floatsOf(parts.get('lm_head.weight.scales') ?? new Uint8Array());
    let errorSquares = 0;
    let squares = 0;
    let maxError = 0;
    for (const [i, weight] of weights.entries()) {
      const code = ((codes[i] ?? 0) << 24) >> 24;
      // Single precision, as the kernels dequantize.
      const error = weight - Math.fround(code * (scales[Math.floor(i / 64)] ?? Number.NaN));
      errorSquares += error * error;
      squares += weight * weight;
      maxError = Math.max(maxError, Math.abs(error));
    }
    const bytes = await readFile(headFile());
    const { outputLayerCopy } = made.manifest;
    expect(outputLayerCopy).toMatchObject({
      tensor: 'model.embed_tokens.weight',
      scheme: 'int8-absmax',
      blockSize: 64,
      sizeBytes: bytes.byteLength,
      sha256: tensorsHashOf(bytes),
    });
    // The kernels add float32 products up in an order of their own.
    const ratio = (found: number | null | undefined, wanted: number): number =>
      (found ?? Number.NaN) / wanted;
    expect(ratio(outputLayerCopy?.rmsError, Math.sqrt(errorSquares / weights.length))).toBeCloseTo(
      1,
      5,
    );
    expect(ratio(outputLayerCopy?.relativeError, Math.sqrt(errorSquares / squares))).toBeCloseTo(
      1,
      5,
    );
    expect(ratio(outputLayerCopy?.maxError, maxError)).toBeCloseTo(1, 4);
    expect(outputLayerCopy?.sqnrDb).toBeCloseTo(10 * Math.log10(squares / errorSquares), 4);
    expect(outputLayerCopy?.relativeError).toBeGreaterThan(0.001);
    const manifest: unknown = JSON.parse(await readFile(path.join(target, 'nibble.json'), 'utf8'));
    expect(manifestSchema.parse(manifest).outputLayerCopy).toEqual(outputLayerCopy);
  });

  it('is left away on demand', async () => {
    const made = await make('nf4', {}, {}, false);
    await expect(stat(headFile())).rejects.toMatchObject({ code: 'ENOENT' });
    expect(made.outputLayerCopy).toBeNull();
    expect(made.manifest).not.toHaveProperty('outputLayerCopy');
    expect(made.manifest.files.map(({ name }) => name)).not.toContain('nibble-runtime.tensors');
  });

  it('is not made where all weights are kept, nor for a model that cannot be run', async () => {
    await make('bf16');
    await expect(stat(headFile())).rejects.toMatchObject({ code: 'ENOENT' });
    const tensors = [
      {
        name: 'model.layers.0.mlp.up_proj.weight',
        dtype: 'BF16' as const,
        shape: [64, 64],
        file: 'model.safetensors',
        byteOffset: 0,
        byteLength: 8192,
      },
    ];
    const config = { model_type: 'llama', tie_word_embeddings: true };
    expect(planQuantization({ tensors, config, scheme: 'nf4' }).head).toBeNull();
  });

  it('is left alone by the exact mode', async () => {
    await make('llm-int8');
    const fast = await readFile((await ensureGraph(target, 'fast')).graphPath);
    const exact = await readFile((await ensureGraph(target, 'exact')).graphPath);
    expect(fast.includes('nibble-runtime.tensors')).toBe(true);
    expect(exact.includes('nibble-runtime.tensors')).toBe(false);
  });

  it('names a head with NaN in it', async () => {
    const failing = make('nf4', {
      tied: false,
      change: (tensors) =>
        tensors.map((tensor) =>
          tensor.name === 'lm_head.weight'
            ? { ...tensor, bytes: tensor.bytes.map((byte, i) => (i < 2 ? 0xff : byte)) }
            : tensor,
        ),
    });
    await expect(failing).rejects.toMatchObject({
      code: 'invalid-weights',
      message: 'lm_head.weight has a weight that is NaN or infinite.',
    });
    await expect(stat(target)).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it('is taken from an earlier run only when it is whole', async () => {
    const failing = { finish: () => Promise.reject(new Error('interrupted')) };
    await expect(make('nf4', {}, failing)).rejects.toThrow('interrupted');
    const left = path.join(`${target}.partial`, 'nibble-runtime.tensors');
    const wanted = await readFile(left);
    const { ino } = await stat(left);
    await expect(make('nf4', {}, failing)).rejects.toThrow('interrupted');
    expect((await stat(left)).ino).toBe(ino);
    for (const damaged of [
      wanted.subarray(0, wanted.byteLength / 2),
      Buffer.from(wanted).fill(7, wanted.byteLength - 9),
    ]) {
      await writeFile(left, damaged);
      await expect(make('nf4', {}, failing)).rejects.toThrow('interrupted');
      expect(Buffer.compare(await readFile(left), wanted)).toBe(0);
    }
    const made = await make('nf4');
    expect(Buffer.compare(await readFile(headFile()), wanted)).toBe(0);
    expect(made.outputLayerCopy?.sha256).toBe(tensorsHashOf(wanted));
    expect(made.outputLayerCopy?.relativeError).toBeGreaterThan(0);
  });
});

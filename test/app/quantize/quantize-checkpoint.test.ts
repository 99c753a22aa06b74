import { acquireLock } from '../../../app/disk/index.ts';
import {
  chmod,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, assert, beforeEach, describe, expect, it } from 'vitest';
import { openCheckpoint } from '../../../app/checkpoint/index.ts';
import type { Progress } from '../../../app/contract/progress.ts';
import { schemeNames } from '../../fixtures/known-schemes.ts';
import type { SchemeName } from '../../../app/contract/scheme.ts';
import {
  manifestSchema,
  planQuantization,
  quantizeCheckpoint,
} from '../../../app/quantize/index.ts';
import type { QuantizedArtifact, QuantizeOptions } from '../../../app/quantize/index.ts';
import { encodeWeights, writeTinyCheckpoint } from '../../fixtures/tiny-checkpoint.ts';
import type { TinyCheckpointOptions } from '../../fixtures/tiny-checkpoint.ts';
import { partsHashOf, tensorsHashOf } from '../../fixtures/tensors-hash.ts';
import { readArtifact, sha256Of, stored } from './read-artifact.ts';

/** The hash of model.safetensors, as it was recorded. */
function weightsHashOf({ fileHashes }: QuantizedArtifact): string | undefined {
  return fileHashes.get('model.safetensors')?.sha256;
}

let directory: string;
let source: string;
let target: string;

beforeEach(async () => {
  directory = await mkdtemp(path.join(tmpdir(), 'nibble-quantize-'));
  source = path.join(directory, 'checkpoint');
  target = path.join(directory, 'artifacts', 'model');
});
afterEach(async () => {
  await rm(directory, { recursive: true, force: true });
});

const origin = { repository: 'someone/tiny', revision: 'main', commit: 'c0ffee', endpoint: null };

async function run(
  scheme: SchemeName,
  changes: Partial<QuantizeOptions> & { blockSize?: number } = {},
): Promise<QuantizedArtifact> {
  const { blockSize, ...options } = changes;
  const checkpoint = await openCheckpoint(source);
  try {
    const { tensors, config } = checkpoint;
    const plan = planQuantization({ tensors, config, scheme, blockSize });
    return await quantizeCheckpoint({
      checkpoint,
      origin,
      plan,
      directory: target,
      toolVersion: '0.0.0-test',
      ...options,
    });
  } finally {
    await checkpoint.close();
  }
}

const fixtures: [string, TinyCheckpointOptions][] = [
  ['bf16', { tied: false }],
  ['f16', { dtype: 'F16', modelType: 'qwen2' }],
  ['f32 in three shards', { dtype: 'F32', shards: 3, modelType: 'qwen3' }],
  // 48 columns: no block size divides them, so these layers are kept.
  ['odd widths', { hiddenSize: 48, intermediateSize: 96 }],
];

describe.each(fixtures)('a checkpoint of %s', (_, fixture) => {
  it.each(schemeNames)('as %s has the planned bytes, tensors and hashes', async (scheme) => {
    const original = await writeTinyCheckpoint(source, fixture);
    const checkpoint = await openCheckpoint(source);
    const { tensors, config } = checkpoint;
    const plan = planQuantization({ tensors, config, scheme });
    await checkpoint.close();
    const made = await run(scheme);
    if (plan.layout === null) {
      const sizes = await Promise.all(
        checkpoint.files.map(async ({ name }) => (await stat(path.join(target, name))).size),
      );
      expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(plan.weightsBytes);
      return;
    }
    const artifact = await readArtifact(target);
    expect(artifact.bytes.byteLength).toBe(plan.weightsBytes);
    expect(tensorsHashOf(artifact.bytes)).toBe(weightsHashOf(made));
    expect([...artifact.tensors.keys()]).toEqual(plan.layout.tensors.map(({ name }) => name));
    const order = [...artifact.tensors.keys()];
    for (const {
      source: { name },
      treatment,
      outputs,
    } of plan.tensors) {
      const names = outputs
        .map((output) => output.name)
        .sort((a, b) => order.indexOf(a) - order.indexOf(b));
      const bytes = names.map((output) => stored(artifact.tensors, output).bytes);
      const statistics = made.tensors.find((entry) => entry.name === name);
      expect(statistics?.sha256).toBe(partsHashOf(...bytes));
      expect(statistics?.storedBytes).toBe(bytes.reduce((sum, part) => sum + part.length, 0));
      if (treatment === 'kept')
        expect(
          bytes[0]?.equals(original.find((tensor) => tensor.name === name)?.bytes ?? Buffer.of()),
        ).toBe(true);
    }
  });
});

describe('quantizeCheckpoint', () => {
  it('writes the golden bytes of bitsandbytes', async () => {
    // Made with the CPU backend of bitsandbytes 0.50: w[i] = ((i * 7919 + 104729) mod 65521) / 65521 - 0.5, each
    // step in float32.
    const weights = Float32Array.from(
      { length: 32_768 },
      (_, i) => Math.fround(((i * 7919 + 104_729) % 65_521) / 65_521) - 0.5,
    );
    await writeTinyCheckpoint(source, {
      dtype: 'F32',
      change: () =>
        ['model.embed_tokens', 'model.layers.0.mlp.up_proj'].map((name) => ({
          name: `${name}.weight`,
          dtype: 'F32',
          shape: [128, 256],
          bytes: encodeWeights(weights, 'F32'),
        })),
    });
    const hashes = async (scheme: SchemeName, ...names: string[]): Promise<string[]> => {
      await rm(target, { recursive: true, force: true });
      await run(scheme);
      const { tensors } = await readArtifact(target);
      return names.map((name) =>
        sha256Of(stored(tensors, `model.layers.0.mlp.up_proj.${name}`).bytes).slice(0, 16),
      );
    };
    const nf4 = ['b2c1c2c5f5f4efe6', '37034dc74b4a9c9f', '8501941daa1b8a90'];
    expect(await hashes('nf4', 'weight', 'weight.absmax', 'weight.quant_map')).toEqual(nf4);
    expect(
      await hashes(
        'nf4-dq',
        'weight',
        'weight.absmax',
        'weight.nested_absmax',
        'weight.nested_quant_map',
      ),
    ).toEqual([nf4[0], '1c475b2839613815', '8804155f38d1a023', 'e732639a65f497b4']);
    expect(await hashes('fp4', 'weight', 'weight.quant_map')).toEqual([
      '7d05ff5a49abd7ae',
      'b830bcf8857895e5',
    ]);
    await rm(target, { recursive: true });
    await run('nf4-dq');
    const { tensors } = await readArtifact(target);
    expect(
      stored(
        tensors,
        'model.layers.0.mlp.up_proj.weight.quant_state.bitsandbytes__nf4',
      ).bytes.toString(),
    ).toBe(
      '{"quant_type": "nf4", "blocksize": 64, "dtype": "float32", "shape": [128, 256], "nested_blocksize": 256, "nested_dtype": "float32", "nested_offset": 0.49567753076553345}',
    );
    await rm(target, { recursive: true });
    await run('llm-int8');
    const int8 = await readArtifact(target);
    expect(stored(int8.tensors, 'model.layers.0.mlp.up_proj.weight_format')).toEqual({
      dtype: 'U8',
      shape: [],
      bytes: Buffer.of(0),
    });
  });

  it('describes 4-bit weights in the exact 80 bytes of bitsandbytes', async () => {
    await writeTinyCheckpoint(source, {
      hiddenSize: 192,
      heads: 4,
      kvHeads: 2,
      intermediateSize: 128,
    });
    await run('nf4');
    const { tensors } = await readArtifact(target);
    const state = stored(
      tensors,
      'model.layers.0.mlp.gate_proj.weight.quant_state.bitsandbytes__nf4',
    );
    expect(state.bytes.toString()).toBe(
      '{"quant_type": "nf4", "blocksize": 64, "dtype": "bfloat16", "shape": [128, 192]}',
    );
    expect(state.bytes).toHaveLength(80);
  });

  it('makes a complete folder and nothing else', async () => {
    await writeTinyCheckpoint(source);
    for (const name of ['tokenizer.json', 'chat_template.jinja', 'LICENSE', 'README.md', 'x.bin'])
      await writeFile(path.join(source, name), name);
    const made = await run('nf4-dq', {
      finish: (partial) => writeFile(path.join(partial, 'graph.onnx'), 'graph'),
    });
    expect(await readdir(path.dirname(target))).toEqual(['model']);
    expect((await readdir(target)).sort()).toEqual([
      'LICENSE',
      'chat_template.jinja',
      'config.json',
      'generation_config.json',
      'graph.onnx',
      'model.safetensors',
      'nibble-runtime.tensors',
      'nibble.json',
      'tokenizer.json',
    ]);
    const manifest = manifestSchema.parse(
      JSON.parse(await readFile(path.join(target, 'nibble.json'), 'utf8')),
    );
    expect(manifest).toEqual(made.manifest);
    expect(manifest.source).toEqual(origin);
    expect(manifest.weightsSha256).toBe(made.weightsSha256);
    for (const { name, sha256, hashKind, sizeBytes } of manifest.files) {
      const bytes = await readFile(path.join(target, name));
      const isWeights = /\.(?:safetensors|tensors)$/.test(name);
      expect([name, hashKind]).toEqual([name, isWeights ? 'sha256-tensors-1' : undefined]);
      const expected = isWeights ? tensorsHashOf(bytes) : sha256Of(bytes);
      expect([name, sha256, sizeBytes]).toEqual([name, expected, bytes.byteLength]);
    }
    expect(await readFile(path.join(target, 'config.json'), 'utf8')).toContain('10000.0');
  });

  it('reports what the quantization cost', async () => {
    await writeTinyCheckpoint(source);
    const made = await run('nf4');
    const { relativeError } = made.totals;
    assert(relativeError !== null);
    expect(relativeError).toBeGreaterThan(0.07);
    expect(relativeError).toBeLessThan(0.11);
    expect(made.totals.sqnrDb).toBeCloseTo(-20 * Math.log10(relativeError), 6);
    expect(made.totals.quantizedBitsPerWeight).toBe(4.5);
    const norm = made.tensors.find(({ name }) => name === 'model.norm.weight');
    expect(norm).toMatchObject({ treatment: 'kept', rmsError: 0, sqnrDb: null, cosine: 1 });
  });

  it('gives the same bytes whatever the number of threads', async () => {
    await writeTinyCheckpoint(source);
    const one = await run('nf4-dq', { threads: 1 });
    await rm(target, { recursive: true });
    const three = await run('nf4-dq', { threads: 3 });
    expect(three.weightsSha256).toBe(one.weightsSha256);
  });

  it('reports progress that only grows and ends at its total', async () => {
    await writeTinyCheckpoint(source, { layers: 8 });
    for (const scheme of ['nf4-dq', 'llm-int8', 'bf16'] as const) {
      await rm(target, { recursive: true, force: true });
      const seen: Progress[] = [];
      await run(scheme, { onProgress: (progress) => seen.push(progress) });
      const done = seen.map((progress) => progress.done);
      expect(done).toEqual([...done].sort((a, b) => a - b));
      expect(seen.at(-1)).toMatchObject({ phase: 'quantize', step: 'model', secondsLeft: 0 });
      expect(seen.at(-1)?.done).toBe(seen.at(-1)?.total);
    }
  });

  it('copies the files of a person, who may write to them later', async () => {
    await writeTinyCheckpoint(source);
    const made = await run('bf16');
    const weights = path.join(source, 'model.safetensors');
    expect((await stat(weights)).nlink).toBe(1);
    await writeFile(weights, Buffer.alloc((await stat(weights)).size));
    const { bytes } = await readArtifact(target);
    expect(tensorsHashOf(bytes)).toBe(made.weightsSha256);
  });

  it('copies a file that a folder of ours only links to', async () => {
    await writeTinyCheckpoint(path.join(directory, 'blobs'));
    await mkdir(source);
    for (const name of ['config.json', 'model.safetensors'])
      await symlink(path.join('..', 'blobs', name), path.join(source, name));
    await run('bf16', { isOwned: true });
    expect((await stat(path.join(target, 'model.safetensors'))).nlink).toBe(1);
  });

  it('links the files of a download instead of copying them', async () => {
    await writeTinyCheckpoint(source, { shards: 2 });
    const made = await run('bf16', { isOwned: true });
    const file = 'model-00001-of-00002.safetensors';
    const [from, to] = await Promise.all([
      stat(path.join(source, file)),
      stat(path.join(target, file)),
    ]);
    expect([to.ino, to.nlink]).toEqual([from.ino, 2]);
    const lines = [];
    for (const name of [file, 'model-00002-of-00002.safetensors'])
      lines.push(`${tensorsHashOf(await readFile(path.join(target, name)))}  ${name}\n`);
    expect(made.weightsSha256).toBe(sha256Of(Buffer.from(lines.join(''))));
    const copy = await openCheckpoint(target);
    expect(copy.tensors).toHaveLength(made.tensors.length);
    await copy.close();
  });

  it('links the file behind a symbolic link, so that the artifact outlives the link', async () => {
    await writeTinyCheckpoint(path.join(directory, 'blobs'));
    await mkdir(source);
    for (const name of ['config.json', 'model.safetensors'])
      await symlink(path.join('..', 'blobs', name), path.join(source, name));
    const made = await run('bf16');
    expect(tensorsHashOf(await readFile(path.join(target, 'model.safetensors')))).toBe(
      made.weightsSha256,
    );
  });

  it.each([
    ['NaN', Number.NaN],
    ['infinity', Number.POSITIVE_INFINITY],
  ])(
    'names tensor, row and column of a weight that is %s, and leaves nothing',
    async (_, value) => {
      await writeTinyCheckpoint(source, {
        dtype: 'F32',
        change: (tensors) => {
          for (const { name, bytes } of tensors)
            if (name === 'model.layers.1.self_attn.o_proj.weight')
              new DataView(bytes.buffer, bytes.byteOffset).setFloat32(
                4 * (5 * 64 + 7),
                value,
                true,
              );
          return tensors;
        },
      });
      await expect(run('nf4')).rejects.toMatchObject({
        code: 'invalid-weights',
        message: expect.stringMatching(
          /^model\.layers\.1\.self_attn\.o_proj\.weight .* at row 5, column 7\.$/,
        ) as string,
      });
      expect(await readdir(path.dirname(target))).toEqual([]);
    },
  );

  it('stops when it is cancelled, and goes on when it is asked again', async () => {
    await writeTinyCheckpoint(source);
    const controller = new AbortController();
    await expect(
      run('nf4', { signal: controller.signal, onProgress: () => controller.abort() }),
    ).rejects.toMatchObject({ code: 'aborted' });
    expect(await readdir(path.dirname(target))).toEqual(['model.partial']);
    const made = await run('nf4');
    const { bytes } = await readArtifact(target);
    expect(tensorsHashOf(bytes)).toBe(weightsHashOf(made));
  });

  it('returns a finished artifact when it is asked for the same again', async () => {
    await writeTinyCheckpoint(source);
    const made = await run('nf4');
    const again = await run('nf4');
    expect(again.manifest).toEqual(made.manifest);
    await expect(run('fp4')).rejects.toMatchObject({ code: 'invalid-input' });
  });

  it('leaves alone what a newer Nibble made under that name, and says so', async () => {
    await writeTinyCheckpoint(source);
    await mkdir(target, { recursive: true });
    const manifest = path.join(target, 'nibble.json');
    const newer = JSON.stringify({ format: 9, toolVersion: '2.0.0' });
    await writeFile(manifest, newer);
    await expect(run('nf4')).rejects.toMatchObject({
      reason: 'artifact-newer',
      facts: { folder: target, version: '2.0.0' },
    });
    expect(await readFile(manifest, 'utf8')).toBe(newer);
    await writeFile(manifest, JSON.stringify({ format: 9, toolVersion: 'see elsewhere' }));
    await expect(run('nf4')).rejects.toMatchObject({ code: 'invalid-input' });
  });

  it('starts anew when the checkpoint, the scheme or the block size is another one', async () => {
    await writeTinyCheckpoint(source);
    const stop = { finish: () => Promise.reject(new Error('stop')) };
    await expect(run('nf4', stop)).rejects.toThrow('stop');
    await writeFile(path.join(`${target}.partial`, 'left-behind'), '');
    await run('nf4', { blockSize: 32 });
    const { tensors } = await readArtifact(target);
    const absmax = stored(tensors, 'model.layers.0.self_attn.q_proj.weight.absmax');
    expect(absmax.shape).toEqual([(64 * 64) / 32]);
    expect(await readdir(target)).not.toContain('left-behind');
  });

  it('repairs what a power cut took from finished work', async () => {
    await writeTinyCheckpoint(source);
    const expected = weightsHashOf(await run('nf4-dq'));
    await rm(target, { recursive: true });
    await expect(
      run('nf4-dq', { finish: () => Promise.reject(new Error('stop')) }),
    ).rejects.toThrow('stop');
    const file = path.join(`${target}.partial`, 'model.safetensors');
    const bytes = await readFile(file);
    bytes.fill(0, bytes.length / 2, bytes.length / 2 + 4096);
    await writeFile(file, bytes);
    expect(weightsHashOf(await run('nf4-dq'))).toBe(expected);
    expect(tensorsHashOf((await readArtifact(target)).bytes)).toBe(expected);
  });

  it('tells a second process that the first is at it', async () => {
    await writeTinyCheckpoint(source);
    await mkdir(path.dirname(target));
    const lock = await acquireLock(`${target}.lock`, 'model');
    await expect(run('nf4')).rejects.toMatchObject({
      code: 'busy',
      message: expect.stringContaining(String(process.pid)) as string,
    });
    await lock.release();
    await run('nf4');
  });

  // Root may write anywhere: there only a read-only file system would do.
  it.skipIf(process.getuid?.() === 0 || process.platform === 'win32')(
    'says that it may not write there',
    async () => {
      await writeTinyCheckpoint(source);
      await mkdir(path.dirname(target));
      await chmod(path.dirname(target), 0o555);
      await expect(run('nf4')).rejects.toMatchObject({ code: 'permission-denied' });
      await chmod(path.dirname(target), 0o755);
    },
  );

  it('refuses before it starts when the disk has no room', async () => {
    await writeTinyCheckpoint(source);
    const checkpoint = await openCheckpoint(source);
    const { tensors, config } = checkpoint;
    const plan = planQuantization({ tensors, config, scheme: 'nf4' });
    await checkpoint.close();
    await expect(run('nf4', { plan: { ...plan, weightsBytes: 1e17 } })).rejects.toMatchObject({
      code: 'disk-full',
      message: expect.stringContaining('TB needed') as string,
    });
  });
});

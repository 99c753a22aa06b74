import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, assert, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import type { Artifact } from '../../../../app/contract/checkpoint.ts';
import { ensureGraph, loadModel } from '../../../../app/run/index.ts';
import { Model } from '../../../../native-kernels/index.ts';
import { quantizeFolder } from '../../../fixtures/quantize-folder.ts';
import { scratchFolder } from '../../../fixtures/scratch.ts';
import { quiet, TestEngine } from '../../../fixtures/test-engine.ts';
import { writeTinyCheckpoint } from '../../../fixtures/tiny-checkpoint.ts';

/** Folders that transformers 5.24 saved with bitsandbytes, and logits of a float32 run over the dequantized weights. */
const golden = fileURLToPath(
  new URL('../../../fixtures/golden/bitsandbytes-folders', import.meta.url),
);
const expectedSchema = z.object({
  ids: z.array(z.int()),
  greedy: z.array(z.int()),
  logits: z.array(z.number()),
});

function expectedLogits(name: string): z.infer<typeof expectedSchema> {
  const text = readFileSync(path.join(golden, `${name}.expected.json`), 'utf8');
  return expectedSchema.parse(JSON.parse(text));
}

let home: string;
let folder: string;
let engine: TestEngine;

beforeEach(async () => {
  home = await scratchFolder();
  folder = await scratchFolder();
  engine = await TestEngine.open(home);
});
afterEach(async () => {
  await engine.close();
});

function copied(name: string): string {
  const directory = path.join(folder, name);
  cpSync(path.join(golden, name), directory, { recursive: true });
  return directory;
}

/** Names, bytes and times of everything in a folder. */
function snapshot(directory: string): unknown {
  return readdirSync(directory).map((name) => {
    const file = path.join(directory, name);
    return [name, statSync(file).mtimeMs, readFileSync(file).toString('base64')];
  });
}

async function addArtifact(directory: string): Promise<Artifact> {
  const added = await engine.handlers.add({ path: directory }, quiet);
  assert(added.kind === 'artifact');
  return added.artifact;
}

function load({ directory, recordsDirectory }: Artifact) {
  return loadModel({ directory, recordsDirectory, mode: 'exact', threads: 1 });
}

/** Reverses one byte of the weights in a file in place, which keeps its size. */
function damage(file: string): void {
  const bytes = readFileSync(file);
  const at = Math.floor(bytes.length / 2);
  bytes[at] = (bytes[at] ?? 0) ^ 0xff;
  writeFileSync(file, bytes);
}

describe.each([
  { name: 'llama-nf4', scheme: 'nf4', blockSize: 64, shards: 3 },
  { name: 'qwen2-llm-int8', scheme: 'llm-int8', blockSize: null, shards: 1 },
] as const)('$name, saved by transformers', ({ name, scheme, blockSize, shards }) => {
  it('is listed where it is, runs as it does there, and is never written to', async () => {
    const directory = copied(name);
    const before = snapshot(directory);
    const artifact = await addArtifact(directory);
    expect(artifact).toMatchObject({
      directory,
      scheme,
      blockSize,
      quantizeMs: null,
      totals: { sqnrDb: null, relativeError: null },
    });
    const shown = await engine.handlers.show({ id: artifact.id }, quiet);
    assert(shown.kind === 'artifact');
    const quantized = shown.tensors.filter(({ treatment }) => treatment === 'quantized');
    expect(quantized).toHaveLength(14);
    for (const tensor of quantized)
      expect(tensor).toMatchObject({ rmsError: null, relativeError: null, maxError: null });

    const runnable = await load(artifact);
    try {
      expect(runnable.description.weightsSha256).toBe(artifact.weightsSha256);
      const { ids, greedy, logits } = expectedLogits(name);
      const found = await runnable.model.evaluate(ids, { rows: 'all' });
      const largest = Math.max(...logits.map(Math.abs));
      const difference = Math.max(...logits.map((logit, i) => Math.abs(logit - (found[i] ?? NaN))));
      expect(difference / largest).toBeLessThan(1e-3);
      const answer: number[] = [];
      let last = [...found.slice(-runnable.model.vocabularySize)];
      while (answer.length < greedy.length) {
        const next = last.indexOf(Math.max(...last));
        answer.push(next);
        last = [...(await runnable.model.evaluate([next], { rows: 'last' }))];
      }
      expect(answer).toEqual(greedy);
    } finally {
      await runnable.model.close();
    }
    expect(readdirSync(artifact.recordsDirectory ?? '')).toContain('graph.onnx');
    expect(snapshot(directory)).toEqual(before);
    expect(before).toHaveLength(shards === 1 ? 3 : 3 + shards);
  });

  it('is verified against what it was when it was added', async () => {
    const directory = copied(name);
    const artifact = await addArtifact(directory);
    expect((await engine.handlers.verify({ id: artifact.id }, quiet)).ok).toBe(true);
    const weights = readdirSync(directory).find((file) => file.endsWith('.safetensors')) ?? '';
    damage(path.join(directory, weights));
    const { ok, files } = await engine.handlers.verify({ id: artifact.id }, quiet);
    expect(ok).toBe(false);
    expect(files.filter(({ state }) => state === 'changed').map((file) => file.name)).toEqual([
      weights,
    ]);
    const runnable = await load(artifact);
    await runnable.weights.beforeAnswer();
    await expect(runnable.weights.afterAnswer()).rejects.toMatchObject({
      reason: 'weights-changed',
    });
    await runnable.model.close();
    // Adding it once more lists what is there now, under an id of its own.
    const again = await addArtifact(directory);
    expect(again.id).not.toBe(artifact.id);
    expect(again.weightsSha256).not.toBe(artifact.weightsSha256);
    const { artifacts } = await engine.handlers.list({}, quiet);
    expect(artifacts.map(({ id }) => id)).toEqual([again.id]);
  });
});

describe('a folder that is added', () => {
  it('is listed once, and removing it leaves all files in it', async () => {
    const directory = copied('llama-nf4');
    const artifact = await addArtifact(directory);
    expect((await addArtifact(directory)).id).toBe(artifact.id);
    const before = snapshot(directory);
    const removed = await engine.handlers.remove({ id: artifact.id, forever: true }, quiet);
    expect(removed).toMatchObject({ deletedFiles: false, freedBytes: 0, directory });
    expect(snapshot(directory)).toEqual(before);
    expect(existsSync(artifact.recordsDirectory ?? '')).toBe(false);
    expect((await engine.handlers.list({}, quiet)).artifacts).toEqual([]);
  });

  it('counts as an artifact in a folder of the library, whose removal leaves it as well', async () => {
    const directory = copied('llama-nf4');
    const before = snapshot(directory);
    const { found, folderId } = await engine.handlers.addFolder({ directory: folder }, quiet);
    expect(found).toEqual(['llama-nf4']);
    const { checkpoints, artifacts, folders } = await engine.handlers.library({}, quiet);
    expect(checkpoints).toEqual([]);
    expect(artifacts.map(({ artifact }) => artifact.directory)).toEqual([directory]);
    expect(folders.find(({ id }) => id === folderId)?.usedBytes).toBe(0);
    const [records] = artifacts.map(({ artifact }) => artifact.recordsDirectory ?? '');
    await engine.handlers.remove({ id: 'llama-nf4', forever: true }, quiet);
    expect(snapshot(directory)).toEqual(before);
    expect(existsSync(records ?? '')).toBe(false);
  });

  it('has its graphs for a GPU elsewhere too', async () => {
    const directory = copied('llama-nf4');
    const before = snapshot(directory);
    const { recordsDirectory } = await addArtifact(directory);
    const standard = { activations: 'F32', tables: 'table', contextLength: 64 } as const;
    const { graphPath, weightsFolder } = await ensureGraph(
      directory,
      'exact',
      () => standard,
      undefined,
      recordsDirectory,
    );
    expect(path.dirname(graphPath)).toBe(recordsDirectory);
    const { ids, logits } = expectedLogits('llama-nf4');
    // ONNX Runtime's kernels for processors stand for a GPU.
    const model = await Model.open({
      graphPath,
      weightsFolder,
      contextLength: 64,
      device: 'standard-cpu',
    });
    const found = await model.evaluate(ids, { rows: 'all' });
    await model.close();
    const largest = Math.max(...logits.map(Math.abs));
    for (const [i, logit] of logits.entries())
      expect(Math.abs(logit - (found[i] ?? NaN)) / largest).toBeLessThan(1e-3);
    expect(snapshot(directory)).toEqual(before);
  });

  it('of Nibble is not written to either', async () => {
    const directory = path.join(folder, 'made');
    await writeTinyCheckpoint(path.join(folder, 'source'));
    await quantizeFolder(path.join(folder, 'source'), directory, 'nf4');
    const before = snapshot(directory);
    const artifact = await addArtifact(directory);
    expect(artifact.totals.relativeError).toBeGreaterThan(0);
    const runnable = await load(artifact);
    expect(runnable.description.weightsSha256).toBe(artifact.weightsSha256);
    await runnable.model.close();
    expect(snapshot(directory)).toEqual(before);
  });

  it('is a checkpoint where its weights are plain', async () => {
    await writeTinyCheckpoint(path.join(folder, 'plain'));
    const added = await engine.handlers.add({ path: path.join(folder, 'plain') }, quiet);
    expect(added).toMatchObject({ kind: 'checkpoint', checkpoint: { id: 'plain', owned: false } });
  });
});

describe('what cannot be added is refused with its reason', () => {
  const refused = (place: string) => expect(engine.handlers.add({ path: place }, quiet)).rejects;

  it('a file, a GGUF file, nothing, and a folder without a model', async () => {
    const text = path.join(folder, 'notes.txt');
    writeFileSync(text, '');
    await refused(text).toMatchObject({ reason: 'not-a-folder', facts: { path: text } });
    const gguf = path.join(folder, 'model.gguf');
    writeFileSync(gguf, '');
    await refused(gguf).toMatchObject({ reason: 'gguf-only', facts: { path: gguf } });
    await refused(folder).toMatchObject({ reason: 'gguf-only', facts: { path: folder } });
    const nowhere = path.join(folder, 'nowhere');
    await refused(nowhere).toMatchObject({ reason: 'nothing-there', facts: { name: nowhere } });
    mkdirSync(path.join(folder, 'empty'));
    await refused(path.join(folder, 'empty')).toMatchObject({ reason: 'missing-file' });
    expect(await engine.handlers.list({}, quiet)).toMatchObject({ checkpoints: [], artifacts: [] });
  });

  it.each(['gptq', 'awq'])('weights that are quantized by %s', async (method) => {
    const directory = copied('llama-nf4');
    const file = path.join(directory, 'config.json');
    const config = JSON.parse(readFileSync(file, 'utf8')) as object;
    writeFileSync(
      file,
      JSON.stringify({ ...config, quantization_config: { quant_method: method } }),
    );
    await refused(directory).toMatchObject({ reason: 'already-quantized', facts: { method } });
  });

  it('a family that cannot run, and a shard that is missing; nothing is kept of either', async () => {
    const directory = copied('llama-nf4');
    const file = path.join(directory, 'config.json');
    const config = readFileSync(file, 'utf8');
    writeFileSync(file, config.replace('"llama"', '"mamba"').replace('LlamaFor', 'MambaFor'));
    await refused(directory).toMatchObject({ code: 'unsupported-model' });
    writeFileSync(file, config);
    rmSync(path.join(directory, 'model-00002-of-00003.safetensors'));
    await refused(directory).toMatchObject({
      reason: 'missing-file',
      facts: { file: 'model-00002-of-00003.safetensors' },
    });
    const records = path.join(home, 'records');
    expect(existsSync(records) ? readdirSync(records) : []).toEqual([]);
  });
});

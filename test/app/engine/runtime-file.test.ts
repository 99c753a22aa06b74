// The runner's own file: other programs pass it over, and artifacts that have it under its earlier name stay what they are.
import { existsSync, readFileSync, readdirSync, renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import type { SchemeName } from '../../../app/contract/scheme.ts';
import { weightsFingerprint } from '../../../app/digest/index.ts';
import { createRunner } from '../../../app/runner.ts';
import { quantizeFolder } from '../../fixtures/quantize-folder.ts';
import { scratchFolder } from '../../fixtures/scratch.ts';
import { quiet, TestEngine } from '../../fixtures/test-engine.ts';
import { writeTinyCheckpoint } from '../../fixtures/tiny-checkpoint.ts';

const EARLIER = 'runtime.safetensors';
const NAME = 'nibble-runtime.tensors';

let source: string;
let engine: TestEngine;

beforeAll(async () => {
  source = path.join(await scratchFolder(), 'tiny');
  await writeTinyCheckpoint(source);
});
beforeEach(async () => {
  engine = await TestEngine.open(await scratchFolder());
});
afterEach(async () => {
  await engine.close();
});

/** Loads a folder in this process. @returns the fingerprint it goes by, and the ids of an answer */
async function answerOf(
  directory: string,
  mode: 'fast' | 'exact',
): Promise<{ weightsSha256: string; ids: number[] }> {
  const runner = createRunner();
  const signal = new AbortController().signal;
  const context = { signal, emit: () => undefined };
  await runner.load({ directory, mode, device: 'cpu', profile: false }, context);
  const sampling = { temperature: 0, topK: 0, topP: 1, minP: 0, repetitionPenalty: 1, seed: 0 };
  const ids: number[] = [];
  const answer = await runner.generate(
    { ids: [1, 2, 3], sampling, maxTokens: 8, alternatives: 0, ignoreStopIds: true, reuse: false },
    { signal, emit: (tokens) => ids.push(...tokens.map(({ id }) => id)) },
  );
  return { weightsSha256: answer.weightsSha256, ids };
}

it.each<SchemeName>(['bf16', 'nf4-dq', 'llm-int8', 'int8-absmax'])(
  'nothing in an artifact of %s looks like weights to vLLM, SGLang or transformers but the weights',
  async (scheme) => {
    const made = path.join(await scratchFolder(), scheme);
    await quantizeFolder(source, made, scheme);
    await answerOf(made, 'fast');
    await answerOf(made, 'exact');
    const names = readdirSync(made);
    const matched = names.filter((name) => /\.(?:safetensors|bin|pth?|gguf|ckpt)$/.test(name));
    expect(matched).toEqual(['model.safetensors']);
    expect(names.includes(NAME)).toBe(scheme !== 'bf16');
  },
);

/** Makes an artifact what an earlier version would have made. */
function asMadeEarlier(directory: string): void {
  renameSync(path.join(directory, NAME), path.join(directory, EARLIER));
  const file = path.join(directory, 'nibble.json');
  const manifest = JSON.parse(readFileSync(file, 'utf8')) as {
    weightsSha256: string;
    files: { name: string; sha256: string }[];
  };
  for (const entry of manifest.files) if (entry.name === NAME) entry.name = EARLIER;
  manifest.weightsSha256 = weightsFingerprint(
    manifest.files.filter(({ name }) => name.endsWith('.safetensors')),
  );
  writeFileSync(file, JSON.stringify(manifest));
}

it('has another name in artifacts made before, which open, verify, answer and go as ever', async () => {
  const folder = await scratchFolder();
  const now = path.join(await scratchFolder(), 'now');
  const old = path.join(folder, 'old');
  await quantizeFolder(source, now, 'nf4');
  await quantizeFolder(source, old, 'nf4');
  asMadeEarlier(old);
  expect((await engine.handlers.addFolder({ directory: folder }, quiet)).found).toEqual(['old']);
  expect((await engine.handlers.verify({ id: 'old' }, quiet)).ok).toBe(true);
  const artifact = await engine.handlers.locate({ id: 'old' }, quiet);
  for (const mode of ['fast', 'exact'] as const) {
    const answer = await answerOf(old, mode);
    expect(answer.ids).toEqual((await answerOf(now, mode)).ids);
    // The copy belongs to the fingerprint in either mode.
    expect(answer.weightsSha256).toBe(artifact.weightsSha256);
  }
  const graph = (name: string): Buffer => readFileSync(path.join(old, name));
  expect(graph('graph.onnx').includes(EARLIER)).toBe(true);
  expect(graph('graph-exact.onnx').includes(EARLIER)).toBe(false);
  await engine.handlers.remove({ id: 'old', forever: true }, quiet);
  expect(existsSync(old)).toBe(false);
});

it('is never published under its earlier name, which an interrupted job may have begun with', async () => {
  const target = path.join(await scratchFolder(), 'made');
  const interrupted = { finish: () => Promise.reject(new Error('interrupted')) };
  await expect(quantizeFolder(source, target, 'nf4', interrupted)).rejects.toThrow('interrupted');
  const partial = `${target}.partial`;
  renameSync(path.join(partial, NAME), path.join(partial, EARLIER));
  await quantizeFolder(source, target, 'nf4');
  expect(readdirSync(target)).toContain(NAME);
  expect(readdirSync(target)).not.toContain(EARLIER);
});
